// What all stages of a plan share: the input, the namespaces as the config asks for them, the descriptors that
// travel from one stage to the next, and the two halves of a talk with the host.
// A stage is a pure function `planX(context): Op[]`; it meets other stages only in what is declared here.
import { type OpenFlag, openFlags } from '../abi/fcntl.ts'
import type { Origin, Problem } from '../errors.ts'
import {
  address,
  bytes,
  type Cell,
  cell,
  type DataOperand,
  fail,
  type Op,
  type Operand,
  type Slot,
  set,
  slot,
  slotIn,
  syscall,
} from '../program/op.ts'
import { MESSAGE, type MessageName, message } from '../program/sync.ts'
import type { Mount, Spec } from '../spec/gen/types.ts'
import type { Facts } from './facts.ts'
import type { MountOptions } from './mount-options.ts'

export { pointer } from '../spec/pointer.ts'

export const NAMESPACE_KINDS = ['user', 'pid', 'time', 'network', 'ipc', 'uts', 'cgroup', 'mount'] as const
export type NamespaceKind = (typeof NAMESPACE_KINDS)[number]

/** One entry of /linux/namespaces. */
export interface NamespaceWish {
  readonly pointer: string
  /** Absent: a new one. */
  readonly path?: string
}

/** Numbers above those of sync.ts that dup3 may be given; reserved at the start, so that no open() returns them. */
export interface Numbers {
  /** The directory or file that mount(2) is about to cover. */
  readonly target: number
  /** A second such descriptor, for what is mounted there. */
  readonly source: number
  /** The paths of both: `/proc/self/fd/<n>`. */
  readonly targetPath: string
  readonly sourcePath: string
  /** First number that is not reserved. */
  readonly end: number
}

/** Descriptors held in memory by the image, from the stage that opens them to the one that needs them last. */
export interface SharedSlots {
  /** The root of the container's tree; valid from planAttachRootfs on. All paths of the config start here. */
  readonly root: Slot
  /** The host's /proc, O_PATH; valid from planBegin to planEnterRoot. */
  readonly proc: Slot
  /** The umask of the caller. */
  readonly umask: Slot
}

/** An entry of /mounts: mount-entries.ts. */
export interface Entry {
  readonly mount: Mount
  readonly options: MountOptions
  /** JSON Pointer. */
  readonly where: string
  /** The destination, absolute and without "..". */
  readonly path: string
  readonly origin: Origin
}

/** What is mounted on a path: mounted.ts. */
export interface Mounted {
  readonly path: string
  /** Later ones cover earlier ones. */
  readonly order: number
  /** `made`: just what the plan has made there. `kernel`: what the kernel shows. */
  readonly holds: 'made' | 'kernel' | 'anything'
  /** First components of what the plan has mounted or made below. */
  readonly names: Set<string>
  /** Open while the mounts are made, once a target below has needed it. */
  directory?: Slot
}

export type CapabilitySet = 'bounding' | 'permitted' | 'effective' | 'inheritable' | 'ambient'
/** Numbers in their order. */
export type CapabilitySets = Readonly<Record<CapabilitySet, readonly number[]>>

/** The ops of the filter of /linux/seccomp: seccomp/filter.ts. */
export interface Filter {
  /** Loads it before init waits for `start`, and hands its listener over if there is one; may be empty. */
  readonly early: Op[]
  /** Loads it right before an execve; empty when it is there already. */
  readonly late: readonly Op[]
  /** Everything that init calls behind it surely goes through. */
  readonly allowsAll: boolean
  /** Behind an execve. */
  readonly afterExec: readonly Op[]
  /** Throws SpecError when the filter surely forbids a call that init has to make behind it. */
  check(ops: readonly Op[]): void
}
export type FilterPlanner = (context: PlanContext) => Filter

/** What copying.ts gives. */
export interface Copying {
  planLink(context: PlanContext, entry: Entry, target: string): Op[]
  copyUp(context: PlanContext, entry: Entry, from: Slot, to: Slot): Op[]
}

/** What the caller of create may choose beside config.json. */
export interface PlanOptions {
  readonly noPivot: boolean
  readonly noNewKeyring: boolean
  /** How many descriptors from 3 on go to the program. */
  readonly preservedFds: number
  /** Variables added to process.env: LISTEN_FDS, NOTIFY_SOCKET. */
  readonly extraEnv: readonly string[]
  /** What plans the filter of /linux/seccomp; needed by configs that have one, and a part to be loaded for them. */
  readonly filter?: FilterPlanner | undefined
  /** What plans tmpcopyup and copy-symlink: the same. */
  readonly copying?: Copying | undefined
}

export interface PlanContext {
  readonly spec: Spec
  readonly facts: Facts
  readonly options: PlanOptions
  /** In the order of NAMESPACE_KINDS; only those that the config asks for. */
  readonly namespaces: ReadonlyMap<NamespaceKind, NamespaceWish>
  readonly numbers: Numbers
  readonly slots: SharedSlots
  /** Flags of open(2) on the image's architecture. */
  readonly open: Readonly<Record<OpenFlag, bigint>>
  /** Slots that one stage fills for another, by name; use slotNamed. */
  readonly named: Map<string, Slot>
  /** Ways to open, by name: resolve.ts. */
  readonly ways: Map<string, DataOperand>
  /** By path; see mounted.ts. */
  readonly mounted: Map<string, Mounted>
  /** The entries of /mounts, once they have been read: use mountEntries. */
  entries?: readonly Entry[]
  /** What of process.capabilities can be granted, once it has been looked at: use capabilitySets. */
  capabilities?: CapabilitySets
  /** What the config asks for and does not get, where the spec forbids an error. */
  readonly warnings: Problem[]
  /** The filter of /linux/seccomp, once it is planned: use seccomp.ts. */
  filter?: Filter
}

export type Stage = (context: PlanContext) => Op[]

export function newContext(spec: Spec, facts: Facts, options: PlanOptions): PlanContext {
  const namespaces = namespaceWishes(spec)
  return {
    spec,
    facts,
    options,
    namespaces,
    numbers: numbersFrom(facts.descriptors.scratch, namespaces.get('mount')?.path !== undefined),
    slots: { root: slot('root'), proc: slot('proc'), umask: slot('umask') },
    open: openFlags(facts.architecture).bits,
    named: new Map(),
    ways: new Map(),
    mounted: new Map(),
    warnings: [],
  }
}

/**
 * In a joined mount namespace /proc may be anything, also nothing: there the working directory is the host's procfs
 * (planAttachRootfs).
 */
function numbersFrom(target: number, joinsMounts: boolean): Numbers {
  const source = target + 1
  const directory = joinsMounts ? 'self/fd' : '/proc/self/fd'
  return { target, source, targetPath: `${directory}/${target}`, sourcePath: `${directory}/${source}`, end: target + 2 }
}

/** The same slot for the same name, all over a plan. */
export function slotNamed(context: PlanContext, name: string): Slot {
  const known = context.named.get(name)
  if (known !== undefined) return known
  const made = slot(name)
  context.named.set(name, made)
  return made
}

/** Of two entries of one kind the last counts. */
function namespaceWishes(spec: Spec): Map<NamespaceKind, NamespaceWish> {
  const found = new Map<string, NamespaceWish>()
  let index = 0
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    const pointer = `/linux/namespaces/${index++}`
    found.set(type, path === undefined || path === '' ? { pointer } : { pointer, path })
  }
  const wishes = new Map<NamespaceKind, NamespaceWish>()
  for (const kind of NAMESPACE_KINDS) {
    const wish = found.get(kind)
    if (wish !== undefined) wishes.set(kind, wish)
  }
  return wishes
}

/** The container does not share this namespace with the host: it is new or joined. */
export const hasNamespace = (context: PlanContext, kind: NamespaceKind): boolean => context.namespaces.has(kind)

export function isNew(context: PlanContext, kind: NamespaceKind): boolean {
  const wish = context.namespaces.get(kind)
  return wish !== undefined && wish.path === undefined
}

export function isJoined(context: PlanContext, kind: NamespaceKind): boolean {
  return context.namespaces.get(kind)?.path !== undefined
}

// ---- talking with the host (program/sync.ts) ----

/** Sends a message; the value is a constant or what a slot holds. A dead host is fatal: SIGPIPE. */
export function say(context: PlanContext, kind: MessageName, value: bigint | Slot, origin: Origin): Op[] {
  const sync = context.facts.descriptors.sync
  const size = message.size
  const constant = typeof value === 'bigint'
  const record = message.encode({ kind: MESSAGE.values[kind], value: constant ? value : 0n })
  if (constant) return [syscall('write', [sync, bytes(record, `<${kind} ${value}>`), size], origin)]
  const memory: Cell = cell(`message ${kind}`, message.size, [record])
  return [
    set(slotIn(memory, message.offset('value')), value, origin),
    syscall('write', [sync, address(memory), size], origin),
  ]
}

/** Waits for GO; when the host is gone (end of file) the image ends. */
export function waitForGo(context: PlanContext, origin: Origin): Op[] {
  const memory = cell('message from the host', message.size)
  const length = slot('length of the message')
  const args = [context.facts.descriptors.sync, address(memory), message.size]
  return [
    syscall('read', args, origin, { result: length }),
    // which nobody will read: the write ends it
    fail(0, origin, { slot: length, mask: ALL_BITS, is: 'eq', value: 0n }),
  ]
}

export const exit = (status: Operand, origin: Origin): Op[] => [syscall('exit_group', [status], origin)]

/** Every bit of a word: the mask of a comparison that looks at the whole slot. */
export const ALL_BITS = 0xffff_ffff_ffff_ffffn
