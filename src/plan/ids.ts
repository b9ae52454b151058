// Who the image is while it sets the container up: root of the container's user namespace. The host writes the id
// maps (program/sync.ts); the switch to process.user comes much later and is plan/identity.ts.
// Document: user_namespaces(7).

import { PR } from '../abi/prctl.ts'
import { CLONE } from '../abi/sched.ts'
import type { Origin } from '../errors.ts'
import { NULL, type Op, slot, syscall } from '../program/op.ts'
import { type PlanContext, say, waitForGo } from './context.ts'

/** Makes the user namespace and waits for its maps: until they are there every id is the overflow id. */
export function newUserNamespace(context: PlanContext, origin: Origin): Op[] {
  const pid = slot('own pid')
  const maps: Origin = { pointer: '/linux/uidMappings', intent: 'wait for the id maps of the new user namespace' }
  return [
    syscall('unshare', [CLONE.bits.CLONE_NEWUSER], origin),
    syscall('getpid', [], maps, { result: pid }),
    ...say(context, 'MAP_IDS', pid, maps),
    ...waitForGo(context, maps),
  ]
}

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
    // a change of ids gives /proc/self back to tracers of the same user
    syscall('prctl', [PR.values.PR_SET_DUMPABLE, zero, zero, zero, zero], {
      intent: 'keep other processes from looking into init',
    }),
  ]
}
