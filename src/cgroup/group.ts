// One group in one hierarchy: a directory that is opened once, below the mountpoint and over no link, and in which all
// files are opened by name. Knows what v1 and v2 have in common; the rest is v1.ts's and v2.ts's. cgroups(7).
import { statfsSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { FSMAGIC } from '../abi/magic.ts'
import { type Origin, StateError, SyscallError } from '../errors.ts'
import { mkdirAt } from '../host/at.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import { attempt } from '../host/node-error.ts'
import { names } from '../host/tree.ts'

export interface Place {
  /** As in /proc/self/cgroup; "" is v2. */
  readonly controllers: string
  readonly mountpoint: string
  /** The group below the mountpoint: "/a/b", never "/". */
  readonly path: string
}

const { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, O_WRONLY } = O.bits
const FILE_SYSTEMS: readonly number[] = [FSMAGIC.values.CGROUP_SUPER_MAGIC, FSMAGIC.values.CGROUP2_SUPER_MAGIC].map(
  Number,
)
const MODE = 0o755
/** Somebody may remove a parent while we make a group in it. */
const TRIES = 5

/**
 * Opens a directory of the hierarchy by its path below another one. There are no links in a cgroup file system, and
 * that it is one is looked at: what state.json says may have been edited.
 */
export const openDirectory = (from: Fd, path: string): Fd =>
  mustBeGroup(from.openAt(path.replace(/^\/+/, '') || '.', O_PATH | O_DIRECTORY | O_NOFOLLOW))

export const isCgroup = (directory: Fd): boolean =>
  FILE_SYSTEMS.includes(attempt('fstatfs', [directory], () => statfsSync(directory.path)).type)

function mustBeGroup(directory: Fd): Fd {
  if (isCgroup(directory)) return directory
  const found = directory.link()
  directory.close()
  throw new StateError(`${found} is no cgroup`)
}
export const openMountpoint = (place: Place): Fd => Fd.open(place.mountpoint, O_PATH | O_DIRECTORY)

/** The value of a setting, which the kernel gives in one read. */
export function readValue(directory: Fd, name: string): string {
  using file = directory.openAt(name, O_RDONLY | O_NOFOLLOW)
  return decoder.decode(VALUE.subarray(0, file.read(VALUE))).trimEnd()
}
const VALUE = new Uint8Array(4096) // seq_file's first buffer is a page
const decoder = new TextDecoder()

export class Group {
  readonly place: Place
  /** "/sys/fs/cgroup/memory/a/b" */
  readonly name: string
  readonly isV2: boolean
  readonly controllers: readonly string[]
  /** Paths that `create` made, parents first. */
  readonly made: string[] = []
  #directory: Fd | undefined

  constructor(place: Place) {
    this.place = place
    this.name = place.mountpoint + place.path
    this.isV2 = place.controllers === ''
    this.controllers = place.controllers.split(',')
  }

  get directory(): Fd {
    if (this.#directory === undefined) {
      this.#directory = mustBeGroup(Fd.open(this.name, O_PATH | O_DIRECTORY | O_NOFOLLOW))
    }
    return this.#directory
  }

  /** Makes what is missing of the path. False when the group was there before. */
  create(): boolean {
    using mountpoint = openMountpoint(this.place)
    const parent = this.place.path.slice(0, this.place.path.lastIndexOf('/'))
    for (let tries = TRIES; ; tries--)
      try {
        using above = this.#openOrMake(mountpoint, parent)
        return this.#make(above, this.place.path)
      } catch (error) {
        if (tries === 0 || !isErrno(error, 'ENOENT')) throw error
      }
  }

  #openOrMake(mountpoint: Fd, path: string): Fd {
    try {
      return openDirectory(mountpoint, path)
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
    }
    using above = this.#openOrMake(mountpoint, path.slice(0, path.lastIndexOf('/')))
    this.#mkdir(above, path)
    return openDirectory(above, lastOf(path))
  }

  #make(above: Fd, path: string): boolean {
    const isNew = this.#mkdir(above, path)
    this.#directory = openDirectory(above, lastOf(path))
    return isNew
  }

  #mkdir(above: Fd, path: string): boolean {
    try {
      mkdirAt(above, lastOf(path), MODE)
      this.made.push(path)
      return true
    } catch (error) {
      if (isErrno(error, 'EEXIST')) return false
      throw error
    }
  }

  read(name: string): string {
    return readValue(this.directory, name)
  }

  /** One write; the kernel takes a setting as a whole or not at all. */
  write(name: string, value: string): void {
    using file = this.open(name)
    file.write(value)
  }

  open(name: string): Fd {
    return this.directory.openAt(name, O_WRONLY | O_NOFOLLOW)
  }

  join(pid: number): void {
    try {
      this.write('cgroup.procs', String(pid))
    } catch (error) {
      throw explained(error, { intent: `move process ${pid} into cgroup ${this.name}` })
    }
  }

  /** The processes of the group and of all groups below it. */
  pids(): number[] {
    const found = new Set<number>()
    collectPids(this.directory, found)
    return [...found]
  }

  /** Forgets the descriptor; the next use opens it again. */
  close(): void {
    this.#directory?.close()
    this.#directory = undefined
  }
}

export const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

function collectPids(directory: Fd, found: Set<number>): void {
  try {
    using file = directory.openAt('cgroup.procs', O_RDONLY | O_NOFOLLOW)
    for (const line of file.readText().split('\n')) if (line !== '') found.add(Number(line))
  } catch (error) {
    // ENODEV: removed while we looked; EOPNOTSUPP: threaded, its processes show in the group above
    if (!isErrno(error, 'ENODEV', 'ENOENT', 'EOPNOTSUPP')) throw error
  }
  forEachChild(directory, child => collectPids(child, found))
}

const PLAIN_DIRECTORY_LINKS = 2

/** Calls with each group directly below; those that vanish meanwhile are left out. */
export function forEachChild(directory: Fd, visit: (child: Fd, name: Uint8Array) => void): void {
  // a group counts one link for each group below it, which saves looking at all its files
  if (directory.stat().nlink <= PLAIN_DIRECTORY_LINKS) return
  for (const name of names(directory)) {
    using child = openPath(directory, name)
    if (child?.stat().isDirectory()) visit(child, name)
  }
}

/** Anything by its name; undefined when it is gone. */
function openPath(directory: Fd, name: Uint8Array): Fd | undefined {
  try {
    return directory.openAt(name, O_PATH | O_NOFOLLOW)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** A failed system call with what it was for; any other error as it is. */
export function explained(error: unknown, origin: Origin, hint?: string): unknown {
  if (!(error instanceof SyscallError)) return error
  const { syscall, args, errno } = error
  return new SyscallError({ syscall, args, errno, origin, hint: hint ?? error.hint, cause: error })
}
