// What this kernel and this machine can do, found out by trying, one question a function. Nothing here changes
// anything. Answers are those for this process with its capabilities.
import { existsSync, readFileSync } from 'node:fs'
import { AT_FDCWD } from '../abi/fcntl.ts'
import { mountAttr } from '../abi/mount.ts'
import { SECCOMP, SECCOMP_FILTER_FLAG } from '../abi/seccomp.ts'
import { isErrno } from './errno.ts'
import { fileCalls } from './libc-files.ts'
import { mountCalls } from './libc-mounts.ts'
import { processCalls } from './libc-processes.ts'
import { sealedMemfd } from './memfd.ts'

/** Whether the kernel has a call: a senseless use of it fails otherwise than for want of it. */
function exists(senseless: () => unknown): boolean {
  try {
    senseless()
  } catch (error) {
    return !isErrno(error, 'ENOSYS')
  }
  return true
}

export const hasOpenat2 = (): boolean => exists(() => fileCalls.openat2(AT_FDCWD, '.', new Uint8Array(24), 0))
export const hasMountSetattr = (): boolean =>
  exists(() => mountCalls.mountSetattr(-1, '', 0n, new Uint8Array(mountAttr.size), 0))
export const hasOpenTree = (): boolean => exists(() => mountCalls.openTree(-1, '', 0n))
export const hasPidfd = (): boolean => exists(() => processCalls.pidfdOpen(-1, 0))
export const hasCloseRange = (): boolean => exists(() => fileCalls.closeRange(2, 1, 0n))

export { canCloneMounts } from './mount.ts'

/** The oldest kernel with all the calls that an image makes. */
export const LEAST_KERNEL = '5.12'
export const hasNeededCalls = (): boolean =>
  hasOpenat2() && hasMountSetattr() && hasOpenTree() && hasPidfd() && hasCloseRange()

/** Whether a file in memory may be executed (vm.memfd_noexec). */
export function canExecuteMemfd(): boolean {
  try {
    using file = sealedMemfd('probe', new Uint8Array(1))
    return file.link().startsWith('/memfd:')
  } catch (error) {
    if (isErrno(error, 'EPERM', 'EACCES')) return false
    throw error
  }
}

export const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const
export type NamespaceFile = (typeof NAMESPACES)[number]
export const hasNamespace = (name: NamespaceFile): boolean => existsSync(`/proc/self/ns/${name}`)

/** The SECCOMP_FILTER_FLAG_* that the kernel knows: a known one lets it go on to look for the filter, which is missing. */
export function seccompFlags(): bigint {
  const { SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV } = SECCOMP_FILTER_FLAG.bits
  let found = 0n
  for (const flag of Object.values(SECCOMP_FILTER_FLAG.bits)) {
    const listens = flag === SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV // means something only with a listener
    try {
      processCalls.seccomp(
        SECCOMP.values.SECCOMP_SET_MODE_FILTER,
        listens ? flag | SECCOMP_FILTER_FLAG_NEW_LISTENER : flag,
        null,
      )
    } catch (error) {
      if (isErrno(error, 'EFAULT')) found |= flag
    }
  }
  return found
}

/** The seccomp actions that the kernel lists: "kill_process", "errno", "user_notif". Empty without seccomp. */
export const seccompActions = (): string[] => words('/proc/sys/kernel/seccomp/actions_avail')
export const hasAppArmor = (): boolean => words('/sys/module/apparmor/parameters/enabled')[0] === 'Y'
/** Without a policy every process has the label "kernel": then SELinux counts as absent, as it does for runc. */
export const hasSelinux = (): boolean =>
  existsSync('/sys/fs/selinux/enforce') && !text('/proc/self/attr/current').startsWith('kernel')

/** File systems that can be mounted now; one in a module that is not loaded is missing. */
export const filesystems = (): string[] =>
  text('/proc/filesystems')
    .split('\n')
    .map(line => line.split('\t')[1] ?? '')
    .filter(name => name !== '')

const words = (path: string): string[] =>
  text(path)
    .split(/\s+/)
    .filter(word => word !== '')

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // absent, or hidden from us: the feature cannot be used
  }
}
