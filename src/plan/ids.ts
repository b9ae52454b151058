// Who the image is while it sets the container up: root of the container's user namespace. The host writes the id
// maps (program/sync.ts); the switch to process.user comes much later and is plan/identity.ts.
// Document: user_namespaces(7).

import { PR } from '../abi/prctl.ts'
import { CLONE } from '../abi/sched.ts'
import type { Origin } from '../errors.ts'
import { NULL, type Op, slot, syscall } from '../program/op.ts'
import type { IdMapping } from '../spec/gen/types.ts'
import { type PlanContext, say, waitForGo } from './context.ts'

/** Makes the user namespace and waits for its maps: until they are there every id is the overflow id. */
export function newUserNamespace(context: PlanContext, origin: Origin): Op[] {
  const pid = slot('own pid')
  const maps: Origin = { pointer: '/linux/uidMappings', intent: 'wait for the id maps of the new user namespace' }
  return [
    syscall('unshare', [CLONE.bits.CLONE_NEWUSER], origin),
    syscall('getpid', [], maps, { result: pid }),
    ...asOwner(context, maps, [...say(context, 'MAP_IDS', pid, maps), ...waitForGo(context, maps)]),
  ]
}

/**
 * With the files of /proc/PID in the hands of the user who started us: they belong to root while nobody may look into
 * the process. Only for the first process: those who could then look into it are the user's own processes on the host;
 * one in a container has no rights over the user namespace that it is in, or has made.
 */
export const asOwner = (context: PlanContext, origin: Origin, ops: readonly Op[]): readonly Op[] =>
  context.facts.euid === 0 ? ops : [dumpable(1, origin), ...ops, dumpable(0, KEEP_OUT)]

const KEEP_OUT: Origin = { intent: 'keep other processes from looking into init' }

const dumpable = (value: 0 | 1, origin: Origin): Op =>
  syscall('prctl', [PR.values.PR_SET_DUMPABLE, value, 0, 0, 0], origin)

/**
 * Whether a user without privileges may write the map: one id, the writer's own. Whoever does so for groups has to
 * give up setgroups first; other maps are written by newuidmap and newgidmap.
 */
export const isOwnIdOnly = (mappings: readonly IdMapping[], id: number): boolean => {
  const [first, second] = mappings
  return first?.hostID === id && first.size === 1 && second === undefined
}

/** For good: a container that needs groups of its own must have more than one mapped. */
export const deniesGroups = ({ spec, facts }: PlanContext): boolean =>
  facts.euid !== 0 && isOwnIdOnly(spec.linux?.gidMappings ?? [], facts.egid)

/** The groups of the caller; EPERM where setgroups is denied: then they stay, as the kernel wants it. */
export const leaveGroups = (origin: Origin): Op =>
  syscall('setgroups', [0, NULL], origin, { on: { errnos: ['EPERM'] } })

/** In a user namespace the ids of the caller may have no meaning: what is mounted and made from here on belongs to 0. */
export function becomeRoot(origin: Origin): Op[] {
  const root: Origin = { ...origin, intent: 'become root of the user namespace' }
  const zero = 0
  return [
    leaveGroups(root),
    syscall('setresgid', [zero, zero, zero], root),
    syscall('setresuid', [zero, zero, zero], root),
    dumpable(0, KEEP_OUT), // a change of ids gives /proc/self back to tracers of the same user
  ]
}
