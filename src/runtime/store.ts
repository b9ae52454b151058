// The state directory: the runtime's root, and one directory in it for each container, reserved by mkdir. Knows
// nothing of what a status allows, nor what the files mean. Where the root is says runtime.ts.
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { O } from '../abi/fcntl.ts'
import { S } from '../abi/stat.ts'
import { StateError, TsruncError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import { fromNodeError } from '../host/node-error.ts'
import { removeOpen } from '../host/removal.ts'
import { names as entriesOf, openNewDirectory, replaceFile, writeNew } from '../host/tree.ts'
import { checkId } from './id.ts'
import type { Runtime } from './runtime.ts'

export { openRuntime, type Runtime, type RuntimeOptions } from './runtime.ts'

const DIRECTORY = O.bits.O_PATH | O.bits.O_DIRECTORY
const ROOT_MODE = 0o700
/** Nobody else passes through, also where the root lets them: anybody may write to the fifo that lies in it. */
const CONTAINER_MODE = 0o700
const FILE_MODE = 0o600
const WRITABLE_BY_OTHERS = 0o002
const LARGEST_FILE = 64 * 1024 * 1024

const rootError = (runtime: Runtime, what: string, cause: unknown): StateError =>
  new StateError(`${what} the state directory ${runtime.root}: ${cause instanceof Error ? cause.message : cause}`, {
    where: runtime.root,
    hint:
      process.geteuid?.() === 0 || runtime.rootOfUser
        ? 'choose another one with --root'
        : 'choose another one with --root, or set XDG_RUNTIME_DIR to a directory of your own (/run/user/UID)',
    cause,
  })

function openRoot(runtime: Runtime): Fd | undefined {
  try {
    return checkRoot(runtime, Fd.open(runtime.root, DIRECTORY))
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error instanceof StateError ? error : rootError(runtime, 'cannot open', error)
  }
}

/** Whoever may rename entries of the root could put a state of their making in the place of ours. */
function checkRoot(runtime: Runtime, root: Fd): Fd {
  const why = mistrust(root)
  if (why === undefined) return root
  root.close()
  throw new StateError(`the state directory ${runtime.root} cannot be trusted: ${why}`, { where: runtime.root })
}

function mistrust(directory: Fd): string | undefined {
  const { mode, uid } = directory.stat()
  const sticky = (mode & Number(S.bits.S_ISVTX)) !== 0
  if ((mode & WRITABLE_BY_OTHERS) !== 0 && !sticky) return 'every user may change it'
  return uid === 0 || uid === process.geteuid?.() ? undefined : `it belongs to user ${uid}`
}

function makeRoot(runtime: Runtime): Fd {
  const found = openRoot(runtime)
  if (found !== undefined) return found
  try {
    makeWithParents(runtime.root)
    // sticky: the XDG Base Directory Specification lets such files stay that have not been used for hours
    if (runtime.rootOfUser) chmodSync(runtime.root, ROOT_MODE | Number(S.bits.S_ISVTX))
  } catch (error) {
    throw rootError(runtime, 'cannot make', fromNodeError(error))
  }
  const made = openRoot(runtime)
  if (made === undefined) throw rootError(runtime, 'cannot open', 'it was removed')
  return made
}

/** Node's own recursion does not end below /proc, where a directory says that it is there and cannot hold others. */
function makeWithParents(path: string): void {
  try {
    mkdirSync(path, ROOT_MODE)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // what node:fs throws
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error
    makeWithParents(dirname(path))
    makeWithParents(path) // somebody else may be at it, too
  }
}

/** The directory of one container; closed by `using`, and with it the root unless others share that. */
export class ContainerDirectory {
  readonly id: string
  readonly path: string
  readonly fd: Fd
  readonly #root: Fd
  readonly #isRootShared: boolean

  constructor(runtime: Runtime, id: string, root: Fd, fd: Fd, isRootShared = false) {
    this.id = id
    this.path = `${runtime.root}/${id}`
    this.#root = root
    this.#isRootShared = isRootShared
    this.fd = fd
  }

  /** undefined when there is no such file. */
  read(name: string): string | undefined {
    try {
      using file = this.fd.openAt(name, O.bits.O_RDONLY | O.bits.O_NOFOLLOW)
      return file.readText(LARGEST_FILE)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
  }

  has(path: string): boolean {
    try {
      this.fd.openAt(path, O.bits.O_PATH | O.bits.O_NOFOLLOW).close()
      return true
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false
      throw error
    }
  }

  /** A file that is written once. */
  add(name: string, content: string | Uint8Array): void {
    writeNew(this.fd, name, content, FILE_MODE)
  }

  /** Readers see the old content or the new one. */
  write(name: string, content: string | Uint8Array): void {
    replaceFile(this.fd, name, content, FILE_MODE)
  }

  /** By somebody else meanwhile; the name may be that of a new container by now. */
  get isRemoved(): boolean {
    return this.fd.stat().nlink === 0
  }

  /**
   * Removes the directory with all that is in it, first what is usually there, in that order; false when somebody else
   * has done it.
   */
  remove(usual: readonly string[] = []): boolean {
    return !this.isRemoved && removeOpen(this.#root, this.id, this.fd, usual)
  }

  /** The names in it. */
  get entries(): string[] {
    return entriesOf(this.fd).map(name => Buffer.from(name).toString())
  }

  [Symbol.dispose](): void {
    this.fd.close()
    if (!this.#isRootShared) this.#root.close()
  }
}

/** Takes the id. Of several callers at the same time exactly one gets it. */
export function reserve(runtime: Runtime, id: string): ContainerDirectory {
  checkId(id)
  const root = makeRoot(runtime)
  try {
    return new ContainerDirectory(runtime, id, root, openNewDirectory(root, id, CONTAINER_MODE))
  } catch (error) {
    root.close()
    if (isErrno(error, 'EEXIST')) throw new StateError('container with given ID already exists')
    throw rootError(runtime, 'cannot write to', error)
  }
}

/** undefined when the id names no container. */
export function find(runtime: Runtime, id: string): ContainerDirectory | undefined {
  checkId(id)
  const root = openRoot(runtime)
  if (root === undefined) return undefined
  let found: ContainerDirectory | undefined
  try {
    found = findIn(runtime, root, id, false)
    return found
  } finally {
    if (found === undefined) root.close()
  }
}

function findIn(runtime: Runtime, root: Fd, id: string, isRootShared: boolean): ContainerDirectory | undefined {
  try {
    const fd = root.openAt(id, DIRECTORY | O.bits.O_NOFOLLOW)
    return checkDirectory(new ContainerDirectory(runtime, id, root, fd, isRootShared))
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
    throw error
  }
}

/** Below a root such as /tmp anybody can make directories: what they say must not be believed. */
function checkDirectory(directory: ContainerDirectory): ContainerDirectory {
  const why = mistrust(directory.fd)
  if (why === undefined) return directory
  directory.fd.close()
  throw new StateError(`${directory.path} cannot be trusted: ${why}`, { where: directory.path })
}

/**
 * Calls with each directory in the root that could be a container's, sorted by name, or with those of the names given;
 * tells of those with which that failed. False when there is no root.
 */
export function forEachDirectory(
  runtime: Runtime,
  visit: (directory: ContainerDirectory) => void,
  onProblem: (error: TsruncError) => void,
  ids?: readonly string[],
): boolean {
  using root = openRoot(runtime)
  if (root === undefined) return false
  for (const id of ids ?? directoriesIn(runtime, root))
    try {
      using directory = findIn(runtime, root, id, true)
      if (directory !== undefined) visit(directory)
    } catch (error) {
      if (!(error instanceof TsruncError)) throw error
      onProblem(error)
    }
  return true
}

function directoriesIn(runtime: Runtime, root: Fd): string[] {
  try {
    const entries = readdirSync(root.path, { withFileTypes: true })
    return entries
      .filter(entry => entry.isDirectory())
      .map(entry => entry.name)
      .sort()
  } catch (error) {
    throw rootError(runtime, 'cannot read', fromNodeError(error))
  }
}
