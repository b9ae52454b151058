// The first instructions of the packaged executable. Bun reads its environment before any JavaScript runs and does as
// it says: BUN_OPTIONS=--preload runs a file, BUN_BE_BUN=1 makes another program of it, BUN_JSC_* reach into the engine.
// So the file starts here: every variable that is not on the list is taken out of the array on the stack, and only
// then comes Bun's own entry point. Bun sees nothing of the rest, whatever its next version may call it.
//
//   stack at the entry point:  argc │ argv … NULL │ envp … NULL │ auxiliary vector          (System V ABI, both)
//   bytes made here:           prologue │ filter │ jump to Bun │ "NAME=" 0 "NAME=" 0 … 0
import type { Architecture } from '../abi/architecture.ts'
import { Arm64 } from '../image/arm64.ts'
import type { Machine } from '../image/machine.ts'
import { X64 } from '../image/x64.ts'

/** What machine.ts has no words for: the stack pointer, an address near by, a jump out of the code. */
interface Frame {
  /** record = stack pointer, arg1 = the address this many bytes behind the beginning of the prologue */
  prologue(namesAt: number): Uint8Array
  readonly prologueSize: number
  /** A jump to an address this many bytes away from the jump. */
  epilogue(distance: number): Uint8Array
  readonly epilogueSize: number
}

const MEBIBYTE = 1 << 20

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  values.forEach((value, i) => {
    new DataView(bytes.buffer).setUint32(4 * i, value, true)
  })
  return bytes
}

const signed32 = (value: number): number[] => [value, value >> 8, value >> 16, value >> 24].map(byte => byte & 0xff)

const X64_FRAME: Frame = {
  prologueSize: 10,
  // mov rbx, rsp · lea rsi, [rip + distance]
  prologue: namesAt => Uint8Array.of(0x48, 0x89, 0xe3, 0x48, 0x8d, 0x35, ...signed32(namesAt - 10)),
  epilogueSize: 5,
  epilogue: distance => Uint8Array.of(0xe9, ...signed32(distance - 5)), // jmp
}

const ARM64_FRAME: Frame = {
  prologueSize: 12,
  // bti c, in case indirect branches are checked · mov x19, sp · adr x1, distance
  prologue(namesAt) {
    const distance = namesAt - 8
    return words(0xd503245f, 0x910003f3, (0x10000001 | ((distance & 3) << 29) | ((distance >> 2) << 5)) >>> 0)
  },
  epilogueSize: 4,
  epilogue(distance) {
    if (Math.abs(distance) >= 128 * MEBIBYTE) throw new RangeError(`${distance} bytes are too far for a branch`)
    return words((0x14000000 | ((distance >> 2) & 0x3ffffff)) >>> 0) // b
  },
}

/** Code for `address`, which ends by a jump to `entry`; only the variables named survive it. */
export function guard(architecture: Architecture, variables: readonly string[], address: number, entry: number) {
  const [machine, frame] = architecture === 'x86_64' ? [new X64(), X64_FRAME] : [new Arm64(), ARM64_FRAME]
  filter(machine)
  const code = machine.finish()
  const jumpAt = frame.prologueSize + code.length
  const namesAt = jumpAt + frame.epilogueSize
  const names = Buffer.from(`${variables.map(name => `${name}=\0`).join('')}\0`)
  return Buffer.concat([frame.prologue(namesAt), code, frame.epilogue(entry - (address + jumpAt)), names])
}

/**
 * record is the word being looked at, arg3 the place of the next one kept, arg4 and arg5 walk along a name and a
 * variable. arg0 and arg2 are left alone: the dynamic loader passes the program a function in one of them.
 */
function filter(machine: Machine): void {
  machine.increase('record', 8) // argc
  machine.label('argument')
  machine.load(8, 'temp', 'record', 0)
  machine.increase('record', 8)
  machine.jumpIf('temp', 'ne', 0, 'argument')
  machine.move('arg3', 'record')

  machine.label('variable')
  machine.load(8, 'value', 'record', 0)
  machine.increase('record', 8)
  machine.jumpIf('value', 'eq', 0, 'end')
  machine.move('arg4', 'arg1')
  machine.label('name')
  machine.load(1, 'temp', 'arg4', 0)
  machine.jumpIf('temp', 'eq', 0, 'variable') // no name is left: dropped
  machine.move('arg5', 'value')
  machine.label('letter')
  machine.load(1, 'temp', 'arg4', 0)
  machine.jumpIf('temp', 'eq', 0, 'keep') // the whole name is there
  machine.load(1, 'loads', 'arg5', 0)
  machine.increase('arg4', 1)
  machine.increase('arg5', 1)
  machine.jumpIf('temp', 'eq', 'loads', 'letter')
  machine.label('rest of name')
  machine.load(1, 'temp', 'arg4', 0)
  machine.increase('arg4', 1)
  machine.jumpIf('temp', 'ne', 0, 'rest of name')
  machine.jump('name')

  machine.label('keep')
  machine.store(8, 'value', 'arg3', 0)
  machine.increase('arg3', 8)
  machine.jump('variable')

  machine.label('end')
  machine.store(8, 'value', 'arg3', 0) // the NULL
}
