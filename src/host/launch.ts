// Starts an executable that is held open, with exactly the descriptors asked for, default signal dispositions, an
// empty signal mask and an empty environment: posix_spawn(3). The engine cannot fork; a spawned child shares our
// memory until it executes and runs no JavaScript.
import { F, O } from '../abi/fcntl.ts'
import { Fd } from './fd.ts'
import { libc, POSIX_SPAWN } from './libc.ts'
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

// larger than the types of any libc: 80 and 336 bytes with glibc on both architectures
const ACTIONS_SIZE = 256
const ATTRIBUTES_SIZE = 1024
const SIGSET_SIZE = 128
const PID_SIZE = 4
const NULL_DEVICE = '/dev/null'

/** Starts it; its pid. The caller waits for it. */
export function launch(request: LaunchRequest): number {
  checkPreserved(request.preserved)
  const moved: Fd[] = []
  try {
    const plan = placement(request, moved)
    return withMemory(memory => spawn(memory, request.argv, plan))
  } finally {
    for (const copy of moved) copy.close()
  }
}

interface Placement {
  /** Above all targets, so that it survives the file actions. */
  readonly image: number
  /** Target → number of ours, or undefined for /dev/null. Sources are no targets, unless of themselves. */
  readonly sources: ReadonlyMap<number, number | undefined>
}

function placement(request: LaunchRequest, moved: Fd[]): Placement {
  const sources = new Map<number, number | undefined>()
  for (const [target, source] of request.stdio.entries()) sources.set(target, isOpen(source) ? source : undefined)
  for (let i = 0; i < request.preserved; i++) sources.set(FIRST_PRESERVED + i, FIRST_PRESERVED + i)
  for (const [target, fd] of request.passed) {
    if (sources.has(target)) throw new RangeError(`two descriptors for the number ${target}`)
    sources.set(target, fd.number)
  }
  const top = Math.max(...sources.keys())
  const outOfTheWay = (number: number): number => {
    const copy = Fd.adopt(libc.fcntl(number, F.values.F_DUPFD_CLOEXEC, top + 1))
    moved.push(copy)
    return copy.number
  }
  for (const [target, source] of sources)
    if (source !== undefined && source !== target && source <= top) sources.set(target, outOfTheWay(source))
  const image = request.image.number
  return { image: image > top ? image : outOfTheWay(image), sources }
}

function isOpen(number: number): boolean {
  try {
    libc.fcntl(number, F.values.F_GETFD, 0)
    return true
  } catch {
    return false
  }
}

function spawn(memory: Memory, argv: readonly string[], plan: Placement): number {
  const actions = memory.reserve(ACTIONS_SIZE).address
  const attributes = memory.reserve(ATTRIBUTES_SIZE).address
  const pid = memory.reserve(PID_SIZE)
  libc.actionsInit(actions)
  try {
    addActions(actions, plan)
    libc.attributesInit(attributes)
    try {
      setSignals(memory, attributes)
      const path = `/proc/self/fd/${plan.image}`
      libc.posixSpawn(pid.address, path, actions, attributes, memory.strings(argv), memory.strings([]))
    } finally {
      libc.attributesDestroy(attributes)
    }
  } finally {
    libc.actionsDestroy(actions)
  }
  return new DataView(pid.bytes.buffer, pid.bytes.byteOffset).getInt32(0, true)
}

/** The child's steps in order: the targets, then every other number but the image, which goes at exec. */
function addActions(actions: bigint, { image, sources }: Placement): void {
  for (const [target, source] of sources) {
    if (source === undefined) libc.actionsOpen(actions, target, NULL_DEVICE, O.bits.O_RDWR, 0)
    else libc.actionsDup2(actions, source, target) // clears close-on-exec, also of a descriptor that stays in place
  }
  for (let number = 0; number < image; number++) if (!sources.has(number)) libc.actionsClose(actions, number)
  libc.actionsCloseFrom(actions, image + 1)
}

function setSignals(memory: Memory, attributes: bigint): void {
  const { POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK } = POSIX_SPAWN.bits
  const all = memory.reserve(SIGSET_SIZE)
  all.bytes.fill(0xff)
  libc.attributesFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)
  libc.attributesDefaults(attributes, all.address)
  libc.attributesMask(attributes, memory.reserve(SIGSET_SIZE).address)
}
