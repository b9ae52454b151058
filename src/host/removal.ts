// Removes trees that others may have made, and may still be changing: in a state directory lies one that a container
// writes to. Every step is a call on a name in an open directory, so links are removed and never followed. However deep
// a tree is, few descriptors are open: what lies too deep is moved up, under a name beside the tree, and comes later.
// Documents: openat2(2), unlinkat(2), renameat(2).

import { chmodSync, lstatSync } from 'node:fs'
import { O, RESOLVE } from '../abi/fcntl.ts'
import { StateError } from '../errors.ts'
import { renameAt, rmdirAt } from './at.ts'
import { stopwatch } from './clock.ts'
import { isErrno } from './errno.ts'
import type { Fd } from './fd.ts'
import { attempt } from './node-error.ts'
import type { Text } from './signature.ts'
import { names, removeFile } from './tree.ts'

const { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } = O.bits
const { RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } = RESOLVE.bits

/** Something else may fill a directory while it is emptied; after so many rounds that is an error. */
const ROUNDS = 10
/** How many directories are open at the same time. */
const DEEPEST = 32
/** Milliseconds for a tree that is too deep, or is being changed: it may grow as fast as it goes. */
const PATIENCE = 60_000

/** Removes a name and everything below it. Links are removed, not followed; a mount below it is EXDEV or EBUSY. */
export const removeTree = (dir: Fd, name: Text): void => new Removal(dir).remove(name)

/**
 * Removes a directory that is held open. It is emptied through its descriptor and only goes when the name still means
 * it: the name may be that of another one by now. False then. `usual` names what is mostly in it, directories with a
 * slash, which spares looking for what is.
 */
export function removeOpen(dir: Fd, name: string, open: Fd, usual: readonly string[] = []): boolean {
  const removal = new Removal(open)
  for (const entry of usual) removeIfPlain(open, entry)
  for (let round = usual.length === 0 ? 1 : 0; ; round++) {
    if (round > 0) for (const entry of namesLeft(open)) removal.remove(entry)
    if (!isNameOf(dir, name, open)) return false
    try {
      rmdirAt(dir, name)
      return true
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false
      if (!isErrno(error, 'ENOTEMPTY') || round >= ROUNDS) throw error
    }
  }
}

/** A file, or with a slash an empty directory; whatever else is under that name is found later. */
function removeIfPlain(dir: Fd, name: string): void {
  try {
    if (name.endsWith('/')) rmdirAt(dir, name)
    else removeFile(dir, name)
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR')) throw error
  }
}

class Removal {
  /** Nobody else writes to it. */
  readonly #top: Fd
  /** Set when it first matters. */
  #until: number | undefined
  /** Names in the top. */
  readonly #moved: string[] = []
  #serial = 0

  constructor(top: Fd) {
    this.#top = top
  }

  remove(name: Text): void {
    this.#remove(this.#top, name, 1)
    for (let next = this.#moved.pop(); next !== undefined; next = this.#moved.pop()) this.#remove(this.#top, next, 1)
  }

  #remove(dir: Fd, name: Text, depth: number): void {
    for (let round = 1; ; round++)
      try {
        removeFile(dir, name)
        return
      } catch (error) {
        if (!isErrno(error, 'EISDIR')) throw error
        if (round > 1) this.#checkTime()
        if (this.#removeDirectory(dir, name, depth, round)) return
      }
  }

  #removeDirectory(dir: Fd, name: Text, depth: number, round: number): boolean {
    try {
      if (removeEmpty(dir, name) || (depth > DEEPEST && this.#moveUp(dir, name))) return true
      using inner = openPlain(dir, name)
      for (const entry of names(inner)) this.#remove(inner, entry, depth + 1)
      rmdirAt(dir, name)
      return true
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return true
      if (isErrno(error, 'EACCES') && round === 1) {
        openUp(dir, name)
        return false
      }
      if (isErrno(error, 'ENOTEMPTY', 'ENOTDIR') && round < ROUNDS) return false
      throw error
    }
  }

  /** The name moves, whatever it is by now. False where the file system cannot (EXDEV: between subvolumes). */
  #moveUp(dir: Fd, name: Text): boolean {
    for (;;)
      try {
        this.#checkTime()
        const place = `.removed.${process.pid}.${this.#serial++}`
        renameAt(dir, name, place, this.#top)
        this.#moved.push(place)
        return true
      } catch (error) {
        if (isErrno(error, 'EXDEV')) return false
        // left by a process that had our pid and was killed
        if (!isErrno(error, 'EEXIST', 'ENOTEMPTY', 'EISDIR', 'ENOTDIR')) throw error
      }
  }

  #checkTime(): void {
    this.#until ??= stopwatch() + PATIENCE
    if (stopwatch() < this.#until) return
    throw new StateError(`cannot remove all of ${this.#top} in ${PATIENCE / 1000} seconds`, {
      hint: 'see that nothing writes to it any more, and delete again: what is gone is gone',
    })
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

/** A directory that is neither behind a link nor on another mount. */
const openPlain = (dir: Fd, name: Text): Fd =>
  dir.openat2(name, {
    flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
    resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
  })

function namesLeft(dir: Fd): Uint8Array[] {
  try {
    return names(dir)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [] // it has been removed
    throw error
  }
}

function isNameOf(dir: Fd, name: string, open: Fd): boolean {
  const found = attempt('fstatat', [dir, JSON.stringify(name)], () =>
    lstatSync(`${dir.path}/${name}`, { throwIfNoEntry: false }),
  )
  const { ino, dev } = open.stat()
  return found?.ino === ino && found.dev === dev
}
