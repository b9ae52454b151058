// Work below a directory that is held open, so that no symbolic link can lead out of it: openat2(2). Names are single
// components; whole paths are resolved by the kernel in one call. Modes are exact: the umask has no say.
import { chmodSync, fchmodSync, readdirSync } from 'node:fs'
import { LOCK, O, RESOLVE } from '../abi/fcntl.ts'
import { mkdirAt, renameAt, rmdirAt, unlinkAt } from './at.ts'
import { isErrno, retried } from './errno.ts'
import type { Fd } from './fd.ts'
import { fileCalls } from './libc-files.ts'
import { attempt } from './node-error.ts'
import type { Text } from './signature.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_RDWR, O_WRONLY } = O.bits
const { RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } = RESOLVE.bits
/** Something else may fill a directory while it is emptied; after so many rounds that is an error. */
const REMOVE_ROUNDS = 10
const LOCK_MODE = 0o600

/** Opens a path below `root`. Links inside are followed, one that leads out is EXDEV. */
export const openBelow = (root: Fd, path: string, flags: bigint, mode?: number): Fd =>
  root.openat2(path, withMode({ flags, resolve: RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS }, mode))

/** Opens a path as a process whose root is `root` would: absolute links and ".." end there. */
export const openInRoot = (root: Fd, path: string, flags: bigint, mode?: number): Fd =>
  root.openat2(path, withMode({ flags, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }, mode))

const withMode = <T extends object>(how: T, mode: number | undefined): T & { mode?: number } =>
  mode === undefined ? how : { ...how, mode }

/** Makes a directory; EEXIST when the name is taken, which makes it a reservation. */
export function makeDirectory(dir: Fd, name: string, mode: number): void {
  mkdirAt(dir, name, mode)
  using made = dir.openAt(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  exactMode(made, mode)
}

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

/** Removes a name and everything below it. Links are removed, not followed; a mount below it is EXDEV or EBUSY. */
export function removeTree(dir: Fd, name: Text): void {
  for (let round = 1; ; round++)
    try {
      removeFile(dir, name)
      return
    } catch (error) {
      if (!isErrno(error, 'EISDIR')) throw error
      if (removeDirectory(dir, name, round)) return
    }
}

function removeDirectory(dir: Fd, name: Text, round: number): boolean {
  try {
    if (removeEmpty(dir, name)) return true
    using inner = openPlain(dir, name)
    for (const entry of names(inner)) removeTree(inner, entry)
    rmdirAt(dir, name)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return true
    if (isErrno(error, 'EACCES') && round === 1) {
      openUp(dir, name)
      return false
    }
    if (isErrno(error, 'ENOTEMPTY', 'ENOTDIR') && round < REMOVE_ROUNDS) return false
    throw error
  }
}

/** A user's own directory, that somebody has shut: its owner may empty it all the same. */
function openUp(dir: Fd, name: Text): void {
  using place = dir.openAt(name, O_PATH | O_DIRECTORY | O_NOFOLLOW)
  attempt('chmod', [place, '0700'], () => chmodSync(place.path, 0o700))
}

function removeEmpty(dir: Fd, name: Text): boolean {
  try {
    rmdirAt(dir, name)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOTEMPTY')) return false
    throw error
  }
}

/**
 * Removes a directory that is held open. It is emptied through its descriptor and only goes when the name still means
 * it: the name may be that of another one by now. False then.
 */
export function removeOpen(dir: Fd, name: string, open: Fd): boolean {
  for (let round = 1; ; round++) {
    for (const entry of namesLeft(open)) removeTree(open, entry)
    if (!isNameOf(dir, name, open)) return false
    try {
      rmdirAt(dir, name)
      return true
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false
      if (!isErrno(error, 'ENOTEMPTY') || round >= REMOVE_ROUNDS) throw error
    }
  }
}

function namesLeft(dir: Fd): Uint8Array[] {
  try {
    return names(dir)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [] // it has been removed
    throw error
  }
}

function isNameOf(dir: Fd, name: string, open: Fd): boolean {
  try {
    using found = dir.openAt(name, O_PATH | O_NOFOLLOW)
    const [one, other] = [found.stat(), open.stat()]
    return one.ino === other.ino && one.dev === other.dev
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}

/** A directory that is neither behind a link nor on another mount. */
const openPlain = (dir: Fd, name: Text): Fd =>
  dir.openat2(name, {
    flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
    resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
  })

/** Holds an exclusive lock on a file, made if need be, until the Fd is closed: flock(2). Waits for it. */
export function lock(dir: Fd, name: string): Fd {
  const { LOCK_EX } = LOCK.bits
  for (;;) {
    const file = dir.openAt(name, O_RDWR | O_CREAT | O_NOFOLLOW, LOCK_MODE)
    retried(() => fileCalls.flock(file.number, LOCK_EX))
    if (file.stat().nlink > 0) return file
    file.close() // removed while we waited: a lock on it keeps nobody out
  }
}

/** The same without waiting; undefined when another open file has the lock. */
export function tryLock(dir: Fd, name: string): Fd | undefined {
  const { LOCK_EX, LOCK_NB } = LOCK.bits
  const file = dir.openAt(name, O_RDWR | O_CREAT | O_NOFOLLOW, LOCK_MODE)
  try {
    fileCalls.flock(file.number, LOCK_EX | LOCK_NB)
    if (file.stat().nlink > 0) return file
  } catch (error) {
    file.close()
    if (isErrno(error, 'EAGAIN')) return undefined
    throw error
  }
  file.close()
  return tryLock(dir, name)
}
