// Work below a directory that is held open, so that no symbolic link can lead out of it: openat2(2). Names are single
// components; whole paths are resolved by the kernel in one call. Modes are exact: the umask has no say.
// Whole trees are removed by removal.ts.
import { fchmodSync, readdirSync } from 'node:fs'
import { LOCK, O, RESOLVE } from '../abi/fcntl.ts'
import { mkdirAt, renameAt, unlinkAt } from './at.ts'
import { isErrno, retried } from './errno.ts'
import type { Fd } from './fd.ts'
import { fileCalls } from './libc-files.ts'
import { attempt } from './node-error.ts'
import type { Text } from './signature.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = O.bits
const { RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } = RESOLVE.bits

/** Opens a path below `root`. Links inside are followed, one that leads out is EXDEV. */
export const openBelow = (root: Fd, path: string, flags: bigint, mode?: number): Fd =>
  root.openat2(path, withMode({ flags, resolve: RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS }, mode))

/** Opens a path as a process whose root is `root` would: absolute links and ".." end there. */
export const openInRoot = (root: Fd, path: string, flags: bigint, mode?: number): Fd =>
  root.openat2(path, withMode({ flags, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }, mode))

const withMode = <T extends object>(how: T, mode: number | undefined): T & { mode?: number } =>
  mode === undefined ? how : { ...how, mode }

/** Makes a directory, and opens it; EEXIST when the name is taken, which makes it a reservation. */
export function openNewDirectory(dir: Fd, name: string, mode: number): Fd {
  mkdirAt(dir, name, mode)
  const made = dir.openAt(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  try {
    exactMode(made, mode)
    return made
  } catch (error) {
    made.close()
    throw error
  }
}

export const makeDirectory = (dir: Fd, name: string, mode: number): void => openNewDirectory(dir, name, mode).close()

const exactMode = (file: Fd, mode: number): void =>
  attempt('fchmod', [file, `0${mode.toString(8)}`], () => fchmodSync(file.number, mode))

/** Makes a named pipe. */
export function makeFifo(dir: Fd, name: string, mode: number): void {
  fileCalls.mkfifoat(dir.number, name, mode)
  fileCalls.fchmodat(dir.number, name, mode, 0)
}

/** Puts a file in the place of whatever had the name: a reader sees the old content or the new one, never a part. */
export function replaceFile(dir: Fd, name: string, content: Uint8Array | string, mode: number): void {
  const temporary = `.${name}.${process.pid}.${serial++}`
  try {
    writeTemporary(dir, temporary, content, mode)
    renameAt(dir, temporary, name)
  } catch (error) {
    removeFile(dir, temporary)
    throw error
  }
}

function writeTemporary(dir: Fd, name: string, content: Uint8Array | string, mode: number): void {
  try {
    writeNew(dir, name, content, mode)
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
    removeFile(dir, name) // left by a process that had our pid and was killed
    writeNew(dir, name, content, mode)
  }
}
let serial = 0

/** Writes a file that must not exist yet. */
export function writeNew(dir: Fd, name: string, content: Uint8Array | string, mode: number): void {
  using file = dir.openAt(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  exactMode(file, mode)
  file.write(content)
}

/** Removes one name that is no directory; false when there was none. */
export function removeFile(dir: Fd, name: Text): boolean {
  try {
    unlinkAt(dir, name)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}

/** The names in a directory, as the bytes that they are. */
export const names = (dir: Fd): Uint8Array[] =>
  attempt('getdents64', [dir], () => readdirSync(dir.path, { encoding: 'buffer' }))

/**
 * Holds an exclusive lock on a directory until the Fd is closed: flock(2). Waits for it; the directory may have been
 * removed meanwhile.
 */
export function lock(dir: Fd): Fd {
  const held = dir.openAt('.', O_RDONLY | O_DIRECTORY)
  try {
    retried(() => fileCalls.flock(held.number, LOCK.bits.LOCK_EX))
    return held
  } catch (error) {
    held.close()
    throw error
  }
}
