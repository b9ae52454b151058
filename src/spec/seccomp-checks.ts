// Rules of `linux.seccomp` that the schema cannot say.
import type { Check } from './draft.ts'
import { each, type Report, type Rule } from './draft.ts'
import type { SyscallArg, SyscallRule } from './gen/types.ts'

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

/** Action → the greatest number that it can hand on: MAX_ERRNO of the kernel, SECCOMP_RET_DATA. Others hand on none. */
const GREATEST: ReadonlyMap<string | undefined, number> = new Map([
  ['SCMP_ACT_ERRNO', 4095],
  ['SCMP_ACT_TRACE', 0xffff],
])

function errnoFits(action: string | undefined, errno: number | undefined, place: string, report: Report): void {
  if (errno === undefined || action === undefined) return
  const greatest = GREATEST.get(action)
  if (greatest === undefined) report(place, `${action} returns no number`, 'only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do')
  else if (errno > greatest) report(place, `must be at most ${greatest} with ${action}; found ${errno}`)
}

const CALL_ARGUMENTS = 6

const ruleSound: Rule<SyscallRule> = ({ action, errnoRet, names, args }, report) => {
  errnoFits(action, errnoRet, '/errnoRet', report)
  if (names?.includes('')) report('/names', 'must not hold an empty name')
  each(args, '/args', [indexFits], report)
}

const indexFits: Rule<SyscallArg> = ({ index }, report) => {
  if (index !== undefined && index >= CALL_ARGUMENTS)
    report(
      '/index',
      `must be at most ${CALL_ARGUMENTS - 1}: system calls have ${CALL_ARGUMENTS} arguments; found ${index}`,
    )
}

export const seccompSound: Check = ({ linux }, report) => {
  if (linux?.seccomp === undefined) return
  const { defaultAction, defaultErrnoRet, syscalls } = linux.seccomp
  errnoFits(defaultAction, defaultErrnoRet, '/linux/seccomp/defaultErrnoRet', report)
  each(syscalls, SYSCALLS, [ruleSound], report)
}
