// The first instructions of the packaged executable, run before Bun's own. Bun reads its environment before any
// JavaScript and does as it says: BUN_OPTIONS=--preload=FILE runs a file, BUN_BE_BUN=1 makes another program of it,
// BUN_JSC_* reach into the engine. So Bun is started with a stack of our making: of the caller's variables those on a
// list, our own settings, a name of ours as argv[0], and all else as it was. One variable more tells the soft limit of
// open descriptors, which Bun raises at once. What a next version of Bun calls its
// variables does not matter. Two things that Bun cannot bear are looked after here too: without /proc it crashes, with
// a current directory that is gone it refuses to start.
//
//   stack, either:  argc │ argv … NULL │ envp … NULL │ auxiliary vector …      (System V ABI of both architectures)
import { type Architecture, column } from '../abi/architecture.ts'
import { ERRNO } from '../abi/errno.ts'
import { AT_FDCWD } from '../abi/fcntl.ts'
import { MADV } from '../abi/mman.ts'
import { RLIMIT, rlimit64 } from '../abi/resource.ts'
import { SYSCALLS, type SyscallName } from '../abi/syscalls.ts'
import { Arm64 } from '../image/arm64.ts'
import type { Machine } from '../image/machine.ts'
import { X64 } from '../image/x64.ts'

export interface GuardRequest {
  readonly architecture: Architecture
  /** Where the result will be, and where it goes on; below 4 GiB, as the addresses in a static position are. */
  readonly address: number
  readonly entry: number
  /** The variable `environ` of libc, which the dynamic loader has set already. */
  readonly environ: number
  /** Addresses of what is read from the file by huge pages where the kernel can, should it not be in memory yet. */
  readonly huge: readonly { readonly from: number; readonly to: number }[]
  /** Names of variables that stay. */
  readonly variables: readonly string[]
  /** "NAME=value", added. */
  readonly settings: readonly string[]
  /** The variable that gets the soft limit of open descriptors in 16 digits, of which "a" is 0. */
  readonly limitVariable: string
  /** argv[0], and what it is if the current directory is gone. */
  readonly name: string
  readonly nameNowhere: string
}

export interface Guard {
  readonly bytes: Uint8Array
  readonly entry: number
}

const NO_PROC = 'tsrunc: /proc is not mounted, or not readable\n'
const PATH_MAX = 4096
const WORD = 8
const DIGITS = 16
const NIBBLE = 15
/** Of the limit's variable, with room for the last store of four bytes; behind it the kernel writes the limit. */
const LIMIT_TEXT = 64
const LIMIT_SPACE = LIMIT_TEXT + rlimit64.size

/** What machine.ts has no words for. */
interface Frame {
  /** record = stack pointer */
  readonly prologue: Uint8Array
  /** stack pointer = number, then a jump; `distance` is from the beginning of these bytes. */
  epilogue(distance: number): Uint8Array
}

const BRANCH_REACH = 1 << 27

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  values.forEach((value, i) => {
    new DataView(bytes.buffer).setUint32(4 * i, value >>> 0, true)
  })
  return bytes
}

const FRAMES: Record<Architecture, Frame> = {
  x86_64: {
    prologue: Uint8Array.of(0x48, 0x89, 0xe3), // mov rbx, rsp
    // mov rsp, rax · jmp
    epilogue: distance => Uint8Array.of(0x48, 0x89, 0xc4, 0xe9, ...words(distance - 8)),
  },
  aarch64: {
    prologue: words(0xd503245f, 0x910003f3), // bti c, should branches be checked · mov x19, sp
    epilogue(distance) {
      const branch = distance - 4
      if (Math.abs(branch) >= BRANCH_REACH) throw new RangeError(`${branch} bytes are too far for a branch`)
      return words(0x9100011f, 0x14000000 | ((branch >> 2) & 0x3ffffff)) // mov sp, x8 · b
    },
  },
}

/** Strings ended by zeros, at addresses known as soon as they are added. */
class Texts {
  readonly #address: number
  #bytes = Buffer.alloc(0)

  constructor(address: number) {
    this.#address = address
  }

  add(text: string): number {
    const at = this.#address + this.#bytes.length
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(`${text}\0`)])
    return at
  }

  /** Padded, so that instructions may follow. */
  finish(): Buffer {
    return Buffer.concat([this.#bytes, Buffer.alloc(-this.#bytes.length & (WORD - 1))])
  }
}

export function guard(request: GuardRequest): Guard {
  const { architecture, address } = request
  const texts = new Texts(address)
  const machine = architecture === 'x86_64' ? new X64() : new Arm64()
  checkSurroundings(machine, request, texts)
  adviseHugePages(machine, request)
  reserveStack(machine, request.settings.length + 1 + LIMIT_SPACE / WORD)
  copyArguments(machine)
  filterEnvironment(machine, request, texts)
  copyAuxiliaryVector(machine)
  tellLimit(machine, request)

  const data = texts.finish()
  const code = machine.finish()
  const frame = FRAMES[architecture]
  const entry = address + data.length
  const end = entry + frame.prologue.length + code.length
  return { entry, bytes: Buffer.concat([data, frame.prologue, code, frame.epilogue(request.entry - end)]) }
}

const caller =
  (machine: Machine, architecture: Architecture) =>
  (system: SyscallName): void => {
    machine.constant('number', SYSCALLS[system][column(architecture)] as number) // both architectures have these
    machine.syscall()
  }

/** Leaves the name for argv[0] in arg4. The dynamic loader has left something for the program in arg0 or arg2. */
function checkSurroundings(machine: Machine, { architecture, name, nameNowhere }: GuardRequest, texts: Texts): void {
  const call = caller(machine, architecture)
  machine.move('value', 'arg0')
  machine.move('loads', 'arg2')
  machine.constant('arg0', Number(BigInt.asUintN(32, AT_FDCWD)))
  machine.constant('arg1', texts.add('/proc/self/maps'))
  machine.constant('arg2', 0)
  call('faccessat')
  machine.jumpIf('result', 'eq', 0, 'has proc')
  machine.constant('arg0', 2)
  machine.constant('arg1', texts.add(NO_PROC))
  machine.constant('arg2', NO_PROC.length)
  call('write')
  machine.constant('arg0', 1)
  call('exit_group')

  machine.label('has proc')
  machine.move('arg0', 'record') // the buffer is below the stack
  machine.constant('temp', PATH_MAX)
  machine.subtract('arg0', 'temp')
  machine.constant('arg1', PATH_MAX)
  call('getcwd')
  machine.constant('arg4', texts.add(name))
  machine.jumpIf('result', 'ne', -ERRNO.ENOENT[0], 'has directory')
  machine.constant('arg0', texts.add('/'))
  call('chdir')
  machine.constant('arg4', texts.add(nameNowhere))
  machine.label('has directory')
  machine.move('arg0', 'value')
  machine.move('arg2', 'loads')
}

/** Advice only: the result does not matter. */
function adviseHugePages(machine: Machine, { architecture, huge }: GuardRequest): void {
  if (huge.length === 0) return
  machine.move('value', 'arg0')
  machine.move('loads', 'arg2')
  for (const { from, to } of huge) {
    machine.constant('arg0', from)
    machine.constant('arg1', to - from)
    machine.constant('arg2', Number(MADV.values.MADV_HUGEPAGE))
    caller(machine, architecture)('madvise')
  }
  machine.move('arg0', 'value')
  machine.move('arg2', 'loads')
}

/** number and arg5 = a place below the stack for all that is on it and `added` words more, by 16 bytes. */
function reserveStack(machine: Machine, added: number): void {
  machine.move('arg3', 'record')
  machine.increase('arg3', WORD) // argc
  for (const [part, size] of Object.entries({ argument: WORD, variable: WORD, auxiliary: 2 * WORD })) {
    machine.label(`measure ${part}`)
    machine.load(8, 'temp', 'arg3', 0)
    machine.increase('arg3', size)
    machine.jumpIf('temp', 'ne', 0, `measure ${part}`)
  }
  machine.subtract('arg3', 'record')
  machine.move('arg5', 'record')
  machine.subtract('arg5', 'arg3')
  machine.constant('temp', WORD * added)
  machine.subtract('arg5', 'temp')
  machine.constant('temp', 15)
  machine.and('temp', 'arg5')
  machine.subtract('arg5', 'temp')
  machine.move('number', 'arg5')
}

function copyWord(machine: Machine): void {
  machine.load(8, 'temp', 'record', 0)
  machine.store(8, 'temp', 'arg5', 0)
  machine.increase('record', WORD)
  machine.increase('arg5', WORD)
}

function copyArguments(machine: Machine): void {
  copyWord(machine) // argc
  machine.load(8, 'temp', 'record', 0)
  machine.jumpIf('temp', 'eq', 0, 'argument')
  machine.store(8, 'arg4', 'arg5', 0)
  machine.increase('record', WORD)
  machine.increase('arg5', WORD)
  machine.label('argument')
  copyWord(machine)
  machine.jumpIf('temp', 'ne', 0, 'argument')
}

/** arg1 walks along the names that stay, arg3 along a variable. Leaves the place for the limit's variable in arg4. */
function filterEnvironment(machine: Machine, { environ, variables, settings }: GuardRequest, texts: Texts): void {
  machine.constant('temp', environ)
  machine.store(8, 'arg5', 'temp', 0)
  machine.label('variable')
  machine.load(8, 'value', 'record', 0)
  machine.increase('record', WORD)
  machine.jumpIf('value', 'eq', 0, 'settings')
  machine.constant('arg1', texts.add([...variables.map(variable => `${variable}=`), ''].join('\0')))
  machine.label('name')
  machine.load(1, 'temp', 'arg1', 0)
  machine.jumpIf('temp', 'eq', 0, 'variable') // no name is left: dropped
  machine.move('arg3', 'value')
  machine.label('letter')
  machine.load(1, 'temp', 'arg1', 0)
  machine.jumpIf('temp', 'eq', 0, 'keep') // the whole name is there
  machine.load(1, 'loads', 'arg3', 0)
  machine.increase('arg1', 1)
  machine.increase('arg3', 1)
  machine.jumpIf('temp', 'eq', 'loads', 'letter')
  machine.label('rest of name')
  machine.load(1, 'temp', 'arg1', 0)
  machine.increase('arg1', 1)
  machine.jumpIf('temp', 'ne', 0, 'rest of name')
  machine.jump('name')
  machine.label('keep')
  machine.store(8, 'value', 'arg5', 0)
  machine.increase('arg5', WORD)
  machine.jump('variable')

  machine.label('settings')
  for (const setting of settings) {
    machine.constant('temp', texts.add(setting))
    machine.store(8, 'temp', 'arg5', 0)
    machine.increase('arg5', WORD)
  }
  machine.move('arg4', 'arg5')
  machine.increase('arg5', WORD)
  machine.store(8, 'value', 'arg5', 0) // NULL
  machine.increase('arg5', WORD)
}

function copyAuxiliaryVector(machine: Machine): void {
  machine.label('auxiliary')
  copyWord(machine)
  machine.move('value', 'temp')
  copyWord(machine)
  machine.jumpIf('value', 'ne', 0, 'auxiliary')
}

/** Writes the limit's variable behind all else, at arg5. Should the call fail, the limit is 0, which is none. */
function tellLimit(machine: Machine, { architecture, limitVariable }: GuardRequest): void {
  const name = Buffer.from(`${limitVariable}=`)
  if (name.length % 4 !== 0 || name.length + DIGITS + 4 > LIMIT_TEXT) throw new RangeError(`${name} has an odd length`)
  machine.move('record', 'number')
  machine.move('value', 'arg0')
  machine.move('loads', 'arg2')
  machine.store(8, 'arg5', 'arg4', 0)
  machine.move('arg4', 'arg5')
  machine.increase('arg5', LIMIT_TEXT)
  machine.constant('temp', 0)
  machine.store(8, 'temp', 'arg5', 0)
  machine.constant('arg0', 0)
  machine.constant('arg1', Number(RLIMIT.values.RLIMIT_NOFILE))
  machine.constant('arg2', 0)
  machine.move('arg3', 'arg5')
  caller(machine, architecture)('prlimit64')

  for (let i = 0; i < name.length; i += 4) {
    machine.constant('temp', name.readUInt32LE(i))
    machine.store(4, 'temp', 'arg4', 0)
    machine.increase('arg4', 4)
  }
  machine.constant('arg1', NIBBLE)
  for (let digit = 0; digit < DIGITS; digit++) {
    machine.load(1, 'temp', 'arg5', rlimit64.offset('rlim_cur') + ((DIGITS - 1 - digit) >> 1)) // the highest first
    if (digit % 2 === 0) machine.shiftRight('temp', 4)
    else machine.and('temp', 'arg1')
    machine.increase('temp', 'a'.charCodeAt(0))
    machine.store(4, 'temp', 'arg4', 0) // the last one's zeros end the text
    machine.increase('arg4', 1)
  }
  machine.move('arg0', 'value')
  machine.move('arg2', 'loads')
  machine.move('number', 'record')
}
