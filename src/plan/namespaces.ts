// The namespaces of /linux/namespaces, joined and new, and the process that lives in them.
// Order: joined ones before new ones, for a new user namespace takes away the right to join others; the user namespace
// first among them, since it owns the rest; the mount namespace last, since the paths of the others are the host's.
// Documents: namespaces(7), user_namespaces(7), pid_namespaces(7), time_namespaces(7), cgroup_namespaces(7).

import { PR } from '../abi/prctl.ts'
import { CLONE } from '../abi/sched.ts'
import { SIG } from '../abi/signal.ts'
import type { Origin } from '../errors.ts'
import {
  address,
  bytes,
  cell,
  jump,
  label,
  NULL,
  type Op,
  type Slot,
  set,
  slot,
  slotIn,
  syscall,
} from '../program/op.ts'
import { birthplace, cloneInto } from './cgroup-membership.ts'
import { cgroupSources } from './cgroup-mounts.ts'
import { ALL_BITS, exit, hasNamespace, isNew, type NamespaceKind, type PlanContext, say, waitForGo } from './context.ts'
import { asOwner, becomeRoot, leaveGroups, newUserNamespace } from './ids.ts'
import { close } from './mount-calls.ts'
import { openProc } from './proc-file.ts'
import { HERE } from './resolve.ts'
import { planSourcesBetween } from './sources.ts'
import { joinsStaged } from './staging.ts'

const { CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWNET } = CLONE.bits
const { CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWNS } = CLONE.bits

/** kind → flag, and what a person calls it */
export const NAMESPACES: Readonly<Record<NamespaceKind, { readonly flag: bigint; readonly name: string }>> = {
  user: { flag: CLONE_NEWUSER, name: 'user' },
  pid: { flag: CLONE_NEWPID, name: 'pid' },
  time: { flag: CLONE_NEWTIME, name: 'time' },
  network: { flag: CLONE_NEWNET, name: 'network' },
  ipc: { flag: CLONE_NEWIPC, name: 'ipc' },
  uts: { flag: CLONE_NEWUTS, name: 'uts' },
  cgroup: { flag: CLONE_NEWCGROUP, name: 'cgroup' },
  mount: { flag: CLONE_NEWNS, name: 'mount' },
}

/** At most 15 characters; runc's says "runc:[2:INIT]". Started from a descriptor, its name would be a number. */
const PROCESS_NAME = 'tsrunc:[INIT]'

const begin: Origin = { intent: 'wait until the cgroup is ready' }

/**
 * The host makes the cgroup while the namespaces are made, where these need neither that nor another answer of the host:
 * where init is born in its only group, and nobody goes there before.
 */
const waitsAtFork = (context: PlanContext): boolean =>
  birthplace(context) !== undefined && context.facts.cgroup.joins.length === 1 && cgroupSources(context).length === 0

/** First ops of all. */
export function planBegin(context: PlanContext): Op[] {
  const reserve: Origin = { intent: 'reserve descriptor numbers' }
  const { sync } = context.facts.descriptors
  const zero = 0
  return [
    ...(waitsAtFork(context) ? [] : waitForGo(context, begin)),
    syscall(
      'umask',
      [zero],
      { intent: 'make files with exactly the modes asked for' },
      { result: context.slots.umask },
    ),
    syscall('prctl', [PR.values.PR_SET_NAME, PROCESS_NAME, zero, zero, zero], {
      intent: 'have a name in lists of processes',
    }),
    syscall('prctl', [PR.values.PR_SET_DUMPABLE, zero, zero, zero, zero], {
      intent: 'keep other processes from looking into init',
    }),
    ...[context.numbers.target, context.numbers.source].map(number =>
      syscall('dup3', [sync, number, context.open.O_CLOEXEC], reserve),
    ),
    ...openProc(context),
  ]
}

export function planNamespaces(context: PlanContext): Op[] {
  const offsets = isNew(context, 'time') ? openTimeOffsets(context) : undefined
  return [
    ...(offsets?.ops ?? []),
    ...joinAll(context),
    ...unshareUser(context),
    ...unshareRest(context),
    ...(offsets === undefined ? [] : writeTimeOffsets(context, offsets.fd)),
  ]
}

// ---- joined ----

function joinAll(context: PlanContext): Op[] {
  const joined: (Joined & { readonly path: string })[] = []
  for (const [kind, { pointer, path }] of context.namespaces) {
    if (path === undefined) continue
    const origin: Origin = { pointer: `${pointer}/path`, intent: `join the ${NAMESPACES[kind].name} namespace ${path}` }
    joined.push({ kind, path, origin, fd: slot(`${NAMESPACES[kind].name} namespace`) })
  }
  // a fifo in the place of a namespace must not keep us waiting for its other end
  const flags = context.open.O_RDONLY | context.open.O_NONBLOCK | context.open.O_CLOEXEC
  const opens = joined.map(({ path, origin, fd }) => syscall('openat', [HERE, path, flags, 0], origin, { result: fd }))
  const [first, ...others] = joined
  if (first === undefined) return []
  if (first.kind !== 'user') return [...opens, ...joined.flatMap(join)]
  const rest = others.map(other => ({ ...other, done: slot(`joined the ${other.kind} namespace`) }))
  const late = joinsStaged(context) ? rest.pop() : undefined // of the mount namespace: it is the last kind
  const inside = [
    ...join(first),
    ...becomeRoot(first.origin),
    ...rest.flatMap(joinLate),
    ...(late === undefined ? [] : [...planSourcesBetween(context), ...join(late)]),
  ]
  // inside it may be denied for good, and the groups of the caller would stay
  return [...opens, ...rest.flatMap(joinEarly), leaveGroups(first.origin), ...inside]
}

interface Joined {
  readonly kind: NamespaceKind
  readonly origin: Origin
  readonly fd: Slot
}

const setns = ({ kind, fd, origin }: Joined): [Op] => [syscall('setns', [fd, NAMESPACES[kind].flag], origin)]

const join = (joined: Joined): Op[] => [...setns(joined), close(joined.fd, joined.origin)]

/** A namespace may belong to the host or to the joined user namespace: what is denied now is tried again inside. */
function joinEarly(joined: Joined & { readonly done: Slot }): Op[] {
  const denied = label('denied')
  const { origin } = joined
  return [
    syscall('setns', [joined.fd, NAMESPACES[joined.kind].flag], origin, {
      on: { errnos: ['EPERM'], to: denied },
    }),
    set(joined.done, 1, origin),
    denied,
  ]
}

function joinLate(joined: Joined & { readonly done: Slot }): Op[] {
  const done = label('joined')
  return [
    jump(done, joined.origin, { slot: joined.done, mask: ALL_BITS, is: 'ne', value: 0n }),
    ...setns(joined),
    done,
    close(joined.fd, joined.origin),
  ]
}

// ---- new ----

function unshareUser(context: PlanContext): Op[] {
  const wish = context.namespaces.get('user')
  if (wish === undefined || wish.path !== undefined) return []
  const origin: Origin = { pointer: wish.pointer, intent: 'make a new user namespace' }
  return [...newUserNamespace(context, origin), ...becomeRoot(origin)]
}

/** The pid namespace is made by the fork, the cgroup namespace by who is in the cgroup. */
const AT_ONCE = ['time', 'network', 'ipc', 'uts', 'mount'] as const satisfies NamespaceKind[]

/** All in one call. */
function unshareRest(context: PlanContext): Op[] {
  let flags = 0n
  const names: string[] = []
  for (const kind of AT_ONCE)
    if (isNew(context, kind)) {
      flags |= NAMESPACES[kind].flag
      names.push(NAMESPACES[kind].name)
    }
  if (names.length === 0) return []
  const intent = `make new namespaces: ${names.join(', ')}`
  return [syscall('unshare', [flags], { pointer: '/linux/namespaces', intent })]
}

/** Before the user namespace: the kernel asks for CAP_SYS_TIME of whoever opened the file. */
function openTimeOffsets(context: PlanContext): { ops: readonly Op[]; fd: Slot } | undefined {
  if (Object.keys(context.spec.linux?.timeOffsets ?? {}).length === 0) return undefined
  const fd = slot('fd of timens_offsets')
  const flags = context.open.O_WRONLY | context.open.O_CLOEXEC
  const args = [context.slots.proc, 'self/timens_offsets', flags, 0]
  return { ops: asOwner(context, timeOffsets, [syscall('openat', args, timeOffsets, { result: fd })]), fd }
}

const timeOffsets: Origin = { pointer: '/linux/timeOffsets', intent: 'set the clocks of the time namespace' }

/** Only while no process is in the new namespace: before the fork. */
function writeTimeOffsets(context: PlanContext, fd: Slot): Op[] {
  const clocks = Object.entries(context.spec.linux?.timeOffsets ?? {})
  const lines = clocks.map(([clock, { secs = 0, nanosecs = 0 } = {}]) => `${clock} ${secs} ${nanosecs}\n`)
  const text = new TextEncoder().encode(lines.join(''))
  return [
    syscall('write', [fd, bytes(text, JSON.stringify(lines.join(''))), text.length], timeOffsets),
    close(fd, timeOffsets),
  ]
}

// ---- the process inside ----

/** Whether init is a child of the first process: pid and time namespaces hold children only, as does its birthplace. */
export const forks = (context: PlanContext): boolean =>
  hasNamespace(context, 'pid') || isNew(context, 'time') || birthplace(context) !== undefined

/** B goes on as init; A tells the host B's pid and ends. */
export function planFork(context: PlanContext): Op[] {
  if (!forks(context)) return []
  const wish = context.namespaces.get('pid') ?? context.namespaces.get('time')
  const origin: Origin = { ...(wish && { pointer: wish.pointer }), intent: 'start init in the new namespaces' }
  const child = slot('pid of init')
  const inside = label('init')
  // two descriptors of 32 bits; the kernel looks at the low half of a word
  const pipe = cell('pipe from A to B', 16)
  const [readEnd, writeEnd] = [slotIn(pipe, 0), slotIn(pipe, 4)]
  const byte = cell('byte', 8)
  const count = slot('bytes read')
  const go = label('A has told')
  return [
    ...(waitsAtFork(context) ? waitForGo(context, begin) : []),
    syscall('pipe2', [address(pipe), context.open.O_CLOEXEC], origin),
    ...cloneInit(context, child, origin),
    jump(inside, origin, { slot: child, mask: ALL_BITS, is: 'eq', value: 0n }),
    ...say(context, 'FORKED', child, origin),
    syscall('write', [writeEnd, address(byte), 1], origin),
    ...exit(0, origin),
    inside,
    // B waits until its pid is known to the host: if A dies before, nobody would follow B
    close(writeEnd, origin),
    syscall('read', [readEnd, address(byte), 1], origin, { result: count }),
    jump(go, origin, { slot: count, mask: ALL_BITS, is: 'ne', value: 0n }),
    ...exit(1, origin),
    go,
    close(readEnd, origin),
  ]
}

/** A child of the host's process, like A itself: whoever waits for A will wait for it. */
function cloneInit(context: PlanContext, child: Slot, origin: Origin): Op[] {
  const join = birthplace(context)
  const flags = CLONE.bits.CLONE_PARENT | (isNew(context, 'pid') ? CLONE_NEWPID : 0n)
  const plain = syscall('clone', [flags | BigInt(SIG.SIGCHLD), NULL, NULL, NULL, NULL], origin, { result: child })
  if (join === undefined) return [plain]
  const [otherwise, cloned] = [label('into no cgroup'), label('cloned')]
  const { ops, group } = cloneInto(context, join, flags, child, otherwise)
  const closed = close(group, origin)
  return join.required ? [...ops, closed] : [...ops, closed, jump(cloned, origin), otherwise, plain, cloned]
}
