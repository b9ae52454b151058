// A session and a session keyring of the container's own, so that it has neither the caller's terminal nor his keys.
// See setsid(2), keyrings(7), session-keyring(7).
import { KEY_PERMISSION, KEYCTL } from '../abi/keyctl.ts'
import { label, type Op, slot, syscall } from '../program/op.ts'
import { hasNamespace, type PlanContext } from './context.ts'
import { labelKeys } from './labels.ts'

export const planSession = (context: PlanContext): Op[] => [
  syscall('setsid', [], { intent: 'start a session' }),
  ...(context.options.noNewKeyring ? [] : planKeyring(context)),
]

/**
 * A process that joins later finds the keyring
 * by its name, for which it needs the right to search: as the same user, or with a user namespace as anybody.
 * Kernels and sandboxes without keys are accepted.
 */
function planKeyring(context: PlanContext): readonly Op[] {
  const origin = { intent: 'join a new session keyring' }
  const { KEY_POS_ALL, KEY_USR_VIEW, KEY_USR_READ, KEY_USR_LINK, KEY_USR_SEARCH, KEY_OTH_SEARCH } = KEY_PERMISSION.bits
  const asMade = KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ | KEY_USR_LINK // join_session_keyring() in the kernel
  const search = hasNamespace(context, 'user') ? KEY_OTH_SEARCH : KEY_USR_SEARCH
  const ring = slot('session keyring')
  const without = label('no keyring')
  const name = `_ses.${context.facts.containerId}`
  const ops = [
    syscall('keyctl', [KEYCTL.values.KEYCTL_JOIN_SESSION_KEYRING, name], origin, {
      result: ring,
      on: { errnos: ['ENOSYS', 'EPERM', 'EOPNOTSUPP'], to: without },
    }),
    syscall('keyctl', [KEYCTL.values.KEYCTL_SETPERM, ring, asMade | search], origin),
    without,
  ]
  return labelKeys(context, ops)
}
