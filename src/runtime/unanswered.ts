// ENOSYS of a call that the seccomp filter hands to an agent: the kernel answers so once nobody holds the listener any
// more, and the usual hint, a kernel that is too old, would lead astray. seccomp_unotify(2), ENOSYS.
import { ERRNO } from '../abi/errno.ts'
import type { Spec } from '../spec/gen/types.ts'

/** The hint for a call of init that failed; undefined when the agent has nothing to do with it. */
export function unansweredHint({ linux }: Spec, syscall: string, errno: number): string | undefined {
  const { syscalls = [], listenerPath } = linux?.seccomp ?? {}
  if (errno !== ERRNO.ENOSYS[0] || listenerPath === undefined) return undefined
  if (!syscalls.some(({ action, names }) => action === 'SCMP_ACT_NOTIFY' && names.includes(syscall))) return undefined
  return (
    `the filter leaves ${syscall} to the seccomp agent, which is gone, has closed the listener or answers so: ` +
    'whoever listens at /linux/seccomp/listenerPath has to keep and serve the listener while the container lives'
  )
}
