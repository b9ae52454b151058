// Rules of `linux.seccomp` that the schema cannot say.
import type { Check } from './checks.ts'
import { each, type Rule } from './draft.ts'
import type { SyscallRule } from './gen/types.ts'

const NOTIFY = 'SCMP_ACT_NOTIFY'
const SYSCALLS = '/linux/seccomp/syscalls'

export const listenerMetadataNeedsPath: Check = ({ linux }, report) => {
  if (linux?.seccomp?.listenerMetadata !== undefined && linux.seccomp.listenerPath === undefined)
    report('/linux/seccomp/listenerMetadata', 'must not be set without listenerPath')
}

export const notifyNeedsListener: Check = ({ linux }, report) => {
  if (linux?.seccomp === undefined) return
  const { defaultAction, listenerPath, syscalls } = linux.seccomp
  if (defaultAction === NOTIFY)
    report(
      '/linux/seccomp/defaultAction',
      `${NOTIFY} cannot be the default: the runtime's own calls would wait for an answer`,
    )
  const listened: Rule<SyscallRule> = ({ action, names }, report) => {
    if (action !== NOTIFY) return
    if (listenerPath === undefined) report('/action', `${NOTIFY} needs a listenerPath`)
    // The descriptor of the notifications is sent with write(2)'s kin after the filter is in force.
    if (names?.includes('write')) report('/names', `${NOTIFY} cannot be used for write`)
  }
  each(syscalls, SYSCALLS, [listened], report)
}

/** Only these return a number to the caller or the tracer. */
const CARRIES_ERRNO: readonly string[] = ['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']

const fits = (errno: number | undefined, action: string | undefined): boolean =>
  errno === undefined || action === undefined || CARRIES_ERRNO.includes(action)

const errnoFits: Rule<SyscallRule> = ({ action, errnoRet }, report) => {
  if (!fits(errnoRet, action)) report('/errnoRet', `${action} returns no number`)
}

export const errnoNeedsAction: Check = ({ linux }, report) => {
  if (linux?.seccomp === undefined) return
  const { defaultAction, defaultErrnoRet, syscalls } = linux.seccomp
  if (!fits(defaultErrnoRet, defaultAction))
    report('/linux/seccomp/defaultErrnoRet', `${defaultAction} returns no number`)
  each(syscalls, SYSCALLS, [errnoFits], report)
}
