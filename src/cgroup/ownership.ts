// Gives a group of v2 to the user who will run the container's program, with those files that the kernel says can be
// handed on: with them a program can make groups of its own below, but not change its own limits.
// Documents: config-linux.md#cgroup-ownership, Documentation/admin-guide/cgroup-v2.rst "Delegation".
import { readFileSync } from 'node:fs'
import { AT } from '../abi/fcntl.ts'
import { isErrno } from '../host/errno.ts'
import { fileCalls } from '../host/libc-files.ts'
import { explained, type Group } from './group.ts'

const LIST = '/sys/kernel/cgroup/delegate'
/** For kernels without the list. */
const FILES = ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']
/** Leaves the group id as it is: chown(2). */
const NOBODY = -1

/** `uid` is the host's. A file that the group lacks is passed over. */
export function giveTo(group: Group, uid: number): void {
  const { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } = AT.bits
  for (const name of ['', ...filesToGive()])
    try {
      const flags = name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
      fileCalls.fchownat(group.directory.number, name, uid, NOBODY, flags)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) continue
      const intent = `give ${name || 'the directory'} of cgroup ${group.name} to user ${uid}`
      throw explained(error, { pointer: '/process/user/uid', intent })
    }
}

function filesToGive(list = LIST): readonly string[] {
  try {
    const names = readFileSync(list, 'utf8').split('\n')
    return names.filter(name => name !== '' && !name.includes('/'))
  } catch {
    return FILES
  }
}
