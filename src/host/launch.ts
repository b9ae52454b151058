// Starts an executable that is held open, or one that has a path, with exactly the descriptors and the environment
// asked for, default signal dispositions and an empty signal mask: posix_spawn(3). The engine cannot fork; a spawned
// child shares our memory until it executes and runs no JavaScript.
import { F, O } from '../abi/fcntl.ts'
import { SIG_DFL, SIG_IGN, sigaction } from '../abi/sigaction.ts'
import { SIG } from '../abi/signal.ts'
import { SIGSET_SIZE } from '../abi/signalfd.ts'
import { SyscallError } from '../errors.ts'
import { Fd } from './fd.ts'
import { fileCalls } from './libc-files.ts'
import { signalCalls } from './libc-signals.ts'
import { POSIX_SPAWN, spawnCalls } from './libc-spawn.ts'
import { type Memory, withMemory } from './memory.ts'
import { checkPreserved, FIRST_PRESERVED } from './preserved.ts'

export interface LaunchRequest {
  readonly image: Fd
  readonly argv: readonly string[]
  /** Numbers of ours that become 0, 1 and 2; one that is not open becomes /dev/null. */
  readonly stdio: readonly [number, number, number]
  /** So many descriptors from 3 on keep their numbers. */
  readonly preserved: number
  /** Number in the program → descriptor of ours. */
  readonly passed: ReadonlyMap<number, Fd>
}

export interface ProgramRequest {
  readonly path: string
  readonly argv: readonly string[]
  /** NAME=value each. */
  readonly environment: readonly string[]
  readonly stdio: LaunchRequest['stdio']
  /** Where it starts; absent: where we are. */
  readonly directory?: string | undefined
}

// larger than the types of any libc: 80 and 336 bytes with glibc on both architectures
const ACTIONS_SIZE = 256
const ATTRIBUTES_SIZE = 1024
const PID_SIZE = 4
const NULL_DEVICE = '/dev/null'

/** Starts it with an empty environment; its pid. The caller waits for it. */
export function launch(request: LaunchRequest): number {
  checkPreserved(request.preserved)
  const moved: Fd[] = []
  try {
    const placed = placement(request, moved)
    const image = held(request.image, placed, moved)
    const path = `/proc/self/fd/${image}`
    return withMemory(memory => spawn(memory, { path, argv: request.argv, environment: [] }, placed, image))
  } finally {
    for (const copy of moved) copy.close()
  }
}

/** Starts a program of the host that gets stdio and no other descriptor; its pid. The caller waits for it. */
export function startProgram(request: ProgramRequest): number {
  const moved: Fd[] = []
  try {
    const placed = placement({ stdio: request.stdio, preserved: 0, passed: new Map() }, moved)
    return withMemory(memory => spawn(memory, request, placed))
  } finally {
    for (const copy of moved) copy.close()
  }
}

/** Target → number of ours, or undefined for /dev/null. Sources are no targets, unless of themselves. */
type Placement = ReadonlyMap<number, number | undefined>

function placement(request: Omit<LaunchRequest, 'image' | 'argv'>, moved: Fd[]): Placement {
  const sources = new Map<number, number | undefined>()
  for (const [target, source] of request.stdio.entries()) sources.set(target, isOpen(source) ? source : undefined)
  for (let i = 0; i < request.preserved; i++) sources.set(FIRST_PRESERVED + i, FIRST_PRESERVED + i)
  for (const [target, fd] of request.passed) {
    if (sources.has(target)) throw new RangeError(`two descriptors for the number ${target}`)
    sources.set(target, fd.number)
  }
  const top = highest(sources)
  for (const [target, source] of sources)
    if (source !== undefined && source !== target && source <= top) sources.set(target, copyAbove(source, top, moved))
  return sources
}

const highest = (placed: Placement): number => Math.max(...placed.keys())

function copyAbove(number: number, top: number, moved: Fd[]): number {
  const copy = Fd.adopt(fileCalls.fcntl(number, F.values.F_DUPFD_CLOEXEC, top + 1))
  moved.push(copy)
  return copy.number
}

/** Above all targets, so that it survives the file actions. */
function held(image: Fd, placed: Placement, moved: Fd[]): number {
  const top = highest(placed)
  return image.number > top ? image.number : copyAbove(image.number, top, moved)
}

function isOpen(number: number): boolean {
  try {
    fileCalls.fcntl(number, F.values.F_GETFD, 0)
    return true
  } catch {
    return false
  }
}

interface Program {
  readonly path: string
  readonly argv: readonly string[]
  readonly environment: readonly string[]
  readonly directory?: string | undefined
}

/** Who ignores SIGCHLD, and a program inherits that, is not told how its children end: wait(2). */
function hearOfChildren(): void {
  const action = new Uint8Array(sigaction.size)
  signalCalls.sigaction(SIG.SIGCHLD, null, action)
  if (new DataView(action.buffer).getBigUint64(sigaction.offset('handler'), true) === SIG_IGN)
    signalCalls.sigaction(SIG.SIGCHLD, sigaction.encode({ handler: SIG_DFL }), null)
}

function spawn(memory: Memory, program: Program, placed: Placement, image?: number): number {
  hearOfChildren()
  const { path, argv, environment, directory } = program
  const actions = memory.reserve(ACTIONS_SIZE).address
  const attributes = memory.reserve(ATTRIBUTES_SIZE).address
  const pid = memory.reserve(PID_SIZE)
  spawnCalls.actionsInit(actions)
  try {
    addActions(actions, placed, image)
    if (directory !== undefined) spawnCalls.actionsChdir(actions, directory)
    spawnCalls.attributesInit(attributes)
    try {
      setSignals(memory, attributes)
      const strings = [memory.strings(argv), memory.strings(environment)] as const
      inWords([path, argv], () => spawnCalls.posixSpawn(pid.address, path, actions, attributes, ...strings))
    } finally {
      spawnCalls.attributesDestroy(attributes)
    }
  } finally {
    spawnCalls.actionsDestroy(actions)
  }
  return new DataView(pid.bytes.buffer, pid.bytes.byteOffset).getInt32(0, true)
}

/** Addresses say nothing in an error: it shows what they hold. */
function inWords(args: readonly (string | readonly string[])[], call: () => unknown): void {
  try {
    call()
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error
    const { syscall, errno } = error
    throw new SyscallError({ syscall, errno, args: args.map(arg => JSON.stringify(arg)) })
  }
}

/** The child's steps in order: the targets, then every other number but the image, which goes at exec. */
function addActions(actions: bigint, placed: Placement, image: number | undefined): void {
  for (const [target, source] of placed) {
    if (source === undefined) spawnCalls.actionsOpen(actions, target, NULL_DEVICE, O.bits.O_RDWR, 0)
    else spawnCalls.actionsDup2(actions, source, target) // clears close-on-exec, also of a descriptor that stays in place
  }
  const end = image ?? highest(placed) + 1
  for (let number = 0; number < end; number++) if (!placed.has(number)) spawnCalls.actionsClose(actions, number)
  spawnCalls.actionsCloseFrom(actions, image === undefined ? end : image + 1)
}

function setSignals(memory: Memory, attributes: bigint): void {
  const { POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK } = POSIX_SPAWN.bits
  const all = memory.reserve(SIGSET_SIZE)
  all.bytes.fill(0xff)
  spawnCalls.attributesFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)
  spawnCalls.attributesDefaults(attributes, all.address)
  spawnCalls.attributesMask(attributes, memory.reserve(SIGSET_SIZE).address)
}
