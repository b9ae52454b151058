// The first instructions of the packaged executable, run before the dynamic loader's and Bun's own. They go on from the
// snapshot that the executable carries (snapshot/resume.ts); where that cannot be, they start Bun.
// Bun reads its environment before any JavaScript and does as it says: BUN_OPTIONS=--preload=FILE runs a file,
// BUN_BE_BUN=1 makes another program of it, BUN_JSC_* reach into the engine; the loader has its LD_PRELOAD. So both are
// started with a stack of our making: of the caller's variables those on a list, our own settings, a name of ours as
// argv[0], and all else as it was. One variable more tells the soft limit of open descriptors, which Bun raises at once.
// What a next version of Bun calls its variables does not matter. Two things that Bun cannot bear are looked after here
// too: without /proc it crashes, with a current directory that is gone it refuses to start.
//
//   stack, either:  argc │ argv … NULL │ envp … NULL │ auxiliary vector …      (System V ABI of both architectures)
import type { Architecture } from '../abi/architecture.ts'
import { programHeader } from '../abi/elf.ts'
import { ERRNO } from '../abi/errno.ts'
import { AT_FDCWD } from '../abi/fcntl.ts'
import { MADV, MAP } from '../abi/mman.ts'
import { RLIMIT, rlimit64 } from '../abi/resource.ts'
import { Arm64 } from '../image/arm64.ts'
import type { Machine, Register } from '../image/machine.ts'
import { X64 } from '../image/x64.ts'
import { caller, endWith } from './guard-calls.ts'
import { FRAMES, Texts, WORD } from './guard-frame.ts'
import { loadInterpreter } from './guard-loader.ts'
import { copyArguments, copyAuxiliaryVector, type Environment, filterEnvironment, reserveStack } from './guard-stack.ts'
import { type Resumption, resume } from './snapshot/resume.ts'

export interface GuardRequest extends Environment {
  readonly architecture: Architecture
  /** Where the result will be, and where the program begins; below 4 GiB, as the addresses in a static position are. */
  readonly address: number
  readonly entry: number
  /** Path of the dynamic loader, and the program headers that it is shown. */
  readonly interpreter: string
  readonly programHeaders: Uint8Array
  /** For what becomes a snapshot: the kernel's own functions are kept from the program (vdso(7)), whose place is another
   * in each process, and libc gets no heap by brk(2). */
  readonly hidesVdso: boolean
  /** On x86_64 only. */
  readonly resumption: Resumption | undefined
  /** Addresses of what is read from the file by huge pages where the kernel can, should it not be in memory yet. */
  readonly huge: readonly { readonly from: number; readonly to: number }[]
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

const BY_LOADER = 'tsrunc: it brings in its dynamic loader itself, and cannot be started by it\n'
/** Where a dynamic loader hands over what is to be called at the end; from the kernel it is 0. */
const AT_END: Readonly<Record<Architecture, Register>> = { x86_64: 'arg2', aarch64: 'arg0' }
/** More than the guard has; twice as much is less than the first piece of a heap. */
const HEAP_DISTANCE = 0x10000
const NO_PROC = 'tsrunc: /proc is not mounted, or not readable\n'
const PATH_MAX = 4096
const DIGITS = 16
const NIBBLE = 15
/** Of the limit's variable, with room for the last store of four bytes; behind it the kernel writes the limit. */
const LIMIT_TEXT = 64
const LIMIT_SPACE = LIMIT_TEXT + rlimit64.size

export function guard(request: GuardRequest): Guard {
  const { architecture, address, resumption } = request
  const texts = new Texts(address)
  const programHeaders = texts.addBytes(request.programHeaders)
  const machine = architecture === 'x86_64' ? new X64() : new Arm64()
  checkSurroundings(machine, request, texts)
  adviseHugePages(machine, request)
  if (request.hidesVdso) preventHeap(machine, request)
  if (resumption !== undefined && machine instanceof X64) resume(machine, resumption, texts)
  machine.label('ordinary')
  machine.constant('arg4', texts.add(request.name))
  machine.label('nowhere')
  loadInterpreter(machine, architecture, request.interpreter, texts)
  reserveStack(machine, request.settings.length + 1 + LIMIT_SPACE / WORD)
  copyArguments(machine)
  filterEnvironment(machine, request, texts)
  copyAuxiliaryVector(machine, {
    ...request,
    programHeaders,
    count: request.programHeaders.length / programHeader.size,
  })
  tellLimit(machine, request)

  const data = texts.finish()
  const code = machine.finish()
  const frame = FRAMES[architecture]
  const entry = address + data.length
  return { entry, bytes: Buffer.concat([data, frame.prologue, code, frame.epilogue]) }
}

/** Goes on, or to `nowhere` with the name for argv[0] in arg4. */
function checkSurroundings(machine: Machine, { architecture, nameNowhere }: GuardRequest, texts: Texts): void {
  const call = caller(machine, architecture)
  machine.jumpIf(AT_END[architecture], 'eq', 0, 'by the kernel')
  endWith(machine, architecture, BY_LOADER, texts)
  machine.label('by the kernel')
  machine.constant('arg0', Number(BigInt.asUintN(32, AT_FDCWD)))
  machine.constant('arg1', texts.add('/proc/self/maps'))
  machine.constant('arg2', 0)
  call('faccessat')
  machine.jumpIf('result', 'eq', 0, 'has proc')
  endWith(machine, architecture, NO_PROC, texts)
  machine.label('has proc')
  machine.move('arg0', 'record') // the buffer is below the stack
  machine.constant('temp', PATH_MAX)
  machine.subtract('arg0', 'temp')
  machine.constant('arg1', PATH_MAX)
  call('getcwd')
  machine.jumpIf('result', 'ne', -ERRNO.ENOENT[0], 'has directory')
  machine.constant('arg0', texts.add('/'))
  call('chdir')
  machine.constant('arg4', texts.add(nameNowhere))
  machine.jump('nowhere')
  machine.label('has directory')
}

/** Advice only: the result does not matter. */
function adviseHugePages(machine: Machine, { architecture, huge }: GuardRequest): void {
  for (const { from, to } of huge) {
    machine.constant('arg0', from)
    machine.constant('arg1', to - from)
    machine.constant('arg2', Number(MADV.values.MADV_HUGEPAGE))
    caller(machine, architecture)('madvise')
  }
}

/**
 * What brk(2) would grow begins behind the last segment, this one. Libc would keep its end, and take a process that goes
 * on from the snapshot, whose own end is elsewhere, to have given memory back. With something in the way it uses mmap.
 */
function preventHeap(machine: Machine, { architecture, address }: GuardRequest): void {
  const { MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE } = MAP.bits
  machine.constant('arg0', address - (address % HEAP_DISTANCE) + 2 * HEAP_DISTANCE)
  machine.constant('arg1', HEAP_DISTANCE)
  machine.constant('arg2', 0)
  machine.constant('arg3', Number(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE))
  machine.constant('arg4', 0)
  machine.constant('arg5', 0)
  caller(machine, architecture)('mmap')
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
