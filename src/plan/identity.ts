// The switch to process.user: groups before ids, because setgroups takes CAP_SETGID. See setgroups(2), setresuid(2),
// user_namespaces(7) for when groups may not be set.
import { PR } from '../abi/prctl.ts'
import { UnsupportedError } from '../errors.ts'
import { bytes, type DataOperand, NULL, type Op, syscall } from '../program/op.ts'
import { hasNamespace, type PlanContext } from './context.ts'
import { deniesGroups } from './ids.ts'

export function planUser(context: PlanContext): Op[] {
  const { uid, gid } = context.spec.process.user
  const asGroup = { pointer: '/process/user/gid', intent: `become group ${gid}` }
  const asUser = { pointer: '/process/user/uid', intent: `become user ${uid}` }
  return [
    ...planGroups(context),
    syscall('setresgid', [gid, gid, gid], asGroup),
    syscall('setresuid', [uid, uid, uid], asUser),
    // depending on fs.suid_dumpable, a change of ids gives /proc/self to tracers of the same user
    syscall('prctl', [PR.values.PR_SET_DUMPABLE, 0, 0, 0, 0], asUser),
  ]
}

/** Where a user without privileges wrote the maps, setgroups is denied for good, and the groups of the caller stay. */
function planGroups(context: PlanContext): Op[] {
  const groups = context.spec.process.user.additionalGids ?? []
  const origin = { pointer: '/process/user/additionalGids', intent: 'set the supplementary groups' }
  if (deniesGroups(context)) {
    if (groups.length === 0) return []
    throw new UnsupportedError('cannot set any additional groups in a rootless container', {
      where: origin.pointer,
      hint: 'map more than one group in /linux/gidMappings (newgidmap does it, with ranges from /etc/subgid), or leave additionalGids out',
    })
  }
  // both architectures have the order of bytes that this one has
  const list = (): DataOperand => bytes(new Uint8Array(new Uint32Array(groups).buffer), `[${groups.join(', ')}]`)
  const data = groups.length === 0 ? NULL : list()
  const op = (rest: Parameters<typeof syscall>[3]): Op => syscall('setgroups', [groups.length, data], origin, rest)
  // in a user namespace that forbids it there are none to be left: those that are asked for must not be missing
  const mayBeDenied = groups.length === 0 && (hasNamespace(context, 'user') || context.facts.inUserNamespace)
  return [op(mayBeDenied ? { on: { errnos: ['EPERM'] } } : {})]
}
