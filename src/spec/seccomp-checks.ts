// Rules of `linux.seccomp` that the schema cannot say.
import type { Check } from './checks.ts'
import { each, unless } from './draft.ts'

const NOTIFY = 'SCMP_ACT_NOTIFY'

export const listenerMetadataNeedsPath: Check = ({ linux }) =>
  unless(
    linux?.seccomp?.listenerMetadata === undefined || linux.seccomp.listenerPath !== undefined,
    '/linux/seccomp/listenerMetadata',
    'must not be set without listenerPath',
  )

export const notifyNeedsListener: Check = ({ linux }) => {
  const { defaultAction, listenerPath, syscalls } = linux?.seccomp ?? {}
  return [
    ...unless(
      defaultAction !== NOTIFY,
      '/linux/seccomp/defaultAction',
      `${NOTIFY} cannot be the default: the runtime's own calls would wait for an answer`,
    ),
    ...[...each(syscalls, 'linux', 'seccomp', 'syscalls')].flatMap(([{ action, names }, place]) =>
      action !== NOTIFY
        ? []
        : [
            ...unless(listenerPath !== undefined, `${place}/action`, `${NOTIFY} needs a listenerPath`),
            // The descriptor of the notifications is sent with write(2)'s kin after the filter is in force.
            ...unless(!names?.includes('write'), `${place}/names`, `${NOTIFY} cannot be used for write`),
          ],
    ),
  ]
}

/** Only these return a number to the caller or the tracer. */
const CARRIES_ERRNO: readonly string[] = ['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']

export const errnoNeedsAction: Check = ({ linux }) => {
  const { defaultAction, defaultErrnoRet, syscalls } = linux?.seccomp ?? {}
  const fits = (errno: number | undefined, action: string | undefined) =>
    errno === undefined || action === undefined || CARRIES_ERRNO.includes(action)
  return [
    ...unless(
      fits(defaultErrnoRet, defaultAction),
      '/linux/seccomp/defaultErrnoRet',
      `${defaultAction} returns no number`,
    ),
    ...[...each(syscalls, 'linux', 'seccomp', 'syscalls')].flatMap(([{ action, errnoRet }, place]) =>
      unless(fits(errnoRet, action), `${place}/errnoRet`, `${action} returns no number`),
    ),
  ]
}
