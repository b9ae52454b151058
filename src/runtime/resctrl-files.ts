// Files of resctrl by their names below the mountpoint. A group that is made comes with its files; making one of an
// ordinary directory takes a test that adds them.
import { statfsSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { FSMAGIC } from '../abi/magic.ts'
import { StateError } from '../errors.ts'
import { mkdirAt, rmdirAt } from '../host/at.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import { attempt } from '../host/node-error.ts'

const { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, O_WRONLY } = O.bits
const MODE = 0o755

export class Resctrl {
  readonly mountpoint: string
  /** The number by which statfs(2) knows it. */
  readonly type: bigint

  constructor(mountpoint: string, type = FSMAGIC.values.RDTGROUP_SUPER_MAGIC) {
    this.mountpoint = mountpoint
    this.type = type
    using root = this.#open('')
    if (BigInt(attempt('fstatfs', [root], () => statfsSync(root.path)).type) !== type)
      throw new StateError(`${mountpoint} is no resctrl file system: something else is mounted over it`)
  }

  /** No link is followed: resctrl has none. */
  #open(path: string): Fd {
    using root = Fd.open(this.mountpoint, O_PATH | O_DIRECTORY)
    return root.openAt(path || '.', O_PATH | O_DIRECTORY | O_NOFOLLOW)
  }

  has(path: string): boolean {
    try {
      this.#open(path).close()
      return true
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false
      throw error
    }
  }

  read(path: string, name: string): string {
    using directory = this.#open(path)
    using file = directory.openAt(name, O_RDONLY | O_NOFOLLOW)
    return file.readText()
  }

  /** One write a line; each must end with a line feed. */
  write(path: string, name: string, lines: readonly string[]): void {
    using directory = this.#open(path)
    using file = directory.openAt(name, O_WRONLY | O_NOFOLLOW)
    for (const line of lines) file.write(`${line}\n`)
  }

  make(path: string): void {
    this.#inParent(path, (parent, name) => mkdirAt(parent, name, MODE))
  }

  remove(path: string): void {
    this.#inParent(path, rmdirAt)
  }

  #inParent(path: string, work: (parent: Fd, name: string) => void): void {
    const end = path.lastIndexOf('/')
    using parent = this.#open(path.slice(0, Math.max(end, 0)))
    work(parent, path.slice(end + 1))
  }

  /** Of a resource that is a bandwidth, in its unit. */
  granularity(resource: string): bigint {
    const path = `info/${resource}`
    const text = this.has(path) ? this.read(path, 'bandwidth_gran').trim() : ''
    return /^[1-9]\d*$/.test(text) ? BigInt(text) : 1n
  }

  /** What the kernel says of the last change that it refused; undefined when it says nothing. */
  lastStatus(): string | undefined {
    try {
      const said = this.read('info', 'last_cmd_status').trim()
      return said === '' || said === 'ok' ? undefined : said
    } catch {
      return undefined // only a comment on another error
    }
  }
}
