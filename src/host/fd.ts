// Fd: a descriptor with one owner, closed by `using` on every way out. Always close-on-exec, and never 0, 1 or 2:
// a host program may have closed its stdio, and a file of ours must not take its place.
// What is done below a directory is in tree.ts; open(2), openat2(2).
import { closeSync, fstatSync, openSync, readlinkSync, readSync, type Stats, writeSync } from 'node:fs'
import { ERRNO } from '../abi/errno.ts'
import { F, O, openHow } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import { openAt } from './at.ts'
import { isErrno } from './errno.ts'
import { fileCalls } from './libc-files.ts'
import { attempt, fromNodeError } from './node-error.ts'
import type { Text } from './signature.ts'

export interface OpenHow {
  readonly flags: bigint
  readonly mode?: number
  readonly resolve: bigint
}

const DEFAULT_MODE = 0o666
const MAX_FILE = 16 * 1024 * 1024
/** Where a read puts what it finds, until it is copied. */
const CHUNK = new Uint8Array(64 * 1024)
const RETRIES = 100

const owned = new Set<number>()

/** Whether that number belongs to an Fd of ours. */
export const isOwned = (number: number): boolean => owned.has(number)

export class Fd {
  #number: number

  private constructor(number: number) {
    this.#number = number
    owned.add(number)
  }

  /** Takes over a descriptor that nobody else will close. */
  static adopt(number: number): Fd {
    if (number > 2) return new Fd(number)
    const above = fileCalls.fcntl(number, F.values.F_DUPFD_CLOEXEC, 3)
    closeSync(number)
    return new Fd(above)
  }

  static open(path: string, flags: bigint, mode = DEFAULT_MODE): Fd {
    const numeric = Number(flags | O.bits.O_CLOEXEC)
    let number: number
    try {
      number = openSync(path, numeric, mode)
    } catch (error) {
      throw fromNodeError(error, { syscall: 'open', args: [JSON.stringify(path), O.format(flags)] })
    }
    return Fd.adopt(number)
  }

  get number(): number {
    if (this.#number < 0) throw new Error('use of a closed descriptor')
    return this.#number
  }

  get closed(): boolean {
    return this.#number < 0
  }

  /** A path that names the open file itself. */
  get path(): string {
    return `/proc/self/fd/${this.number}`
  }

  openAt(name: Text, flags: bigint, mode = DEFAULT_MODE): Fd {
    return Fd.adopt(openAt(this, name, flags | O.bits.O_CLOEXEC, mode))
  }

  openat2(path: Text, how: OpenHow): Fd {
    const mode = how.mode ?? (how.flags & O.bits.O_CREAT ? DEFAULT_MODE : 0)
    const bytes = openHow.encode({ flags: how.flags | O.bits.O_CLOEXEC, mode, resolve: how.resolve })
    // EAGAIN: a rename elsewhere made the kernel unsure whether ".." led out; it asks to try again
    for (let tries = RETRIES; ; tries--)
      try {
        return Fd.adopt(fileCalls.openat2(this.number, path, bytes, bytes.length))
      } catch (error) {
        if (tries === 0 || !isErrno(error, 'EAGAIN', 'EINTR')) throw error
      }
  }

  /** All that follows the file's position; EFBIG when there is more than `max` bytes. */
  readAll(max = MAX_FILE): Uint8Array {
    const chunks: Uint8Array[] = []
    let total = 0
    for (let count = this.read(CHUNK); count > 0; count = this.read(CHUNK)) {
      total += count
      if (total > max)
        throw new SyscallError({ syscall: 'read', args: [String(this), `${max}`], errno: ERRNO.EFBIG[0] })
      chunks.push(CHUNK.slice(0, count))
    }
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, total)
  }

  readText(max = MAX_FILE): string {
    return Buffer.from(this.readAll(max)).toString('utf8')
  }

  /** One read; 0 at the end of the file. */
  read(into: Uint8Array): number {
    const { number } = this
    try {
      return readSync(number, into)
    } catch (error) {
      throw fromNodeError(error, { syscall: 'read', args: [`${this}`, `${into.length}`] })
    }
  }

  /** Writes all of it. */
  write(data: Uint8Array | string): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    const args = [this, { toString: () => shortened(bytes) }]
    for (let at = 0; at < bytes.length; ) at += attempt('write', args, () => writeSync(this.number, bytes, at))
  }

  stat(): Stats {
    return attempt('fstat', [this], () => fstatSync(this.number))
  }

  /** What the kernel calls the open file: a path, "pipe:[1234]", "/a (deleted)". */
  link(): string {
    return attempt('readlink', [JSON.stringify(this.path)], () => readlinkSync(this.path))
  }

  /** A second descriptor of the same open file, its number not below `atLeast`. */
  duplicate(atLeast = 3): Fd {
    return Fd.adopt(fileCalls.fcntl(this.number, F.values.F_DUPFD_CLOEXEC, Math.max(3, atLeast)))
  }

  /** The number, for whoever will close it from now on. */
  release(): number {
    const { number } = this
    owned.delete(number)
    this.#number = -1
    return number
  }

  /** Closing twice is harmless. */
  close(): void {
    if (this.closed) return
    // after close(2) the number is free whatever it returned
    const number = this.release()
    try {
      closeSync(number)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EBADF') throw error // somebody else closed it: a bug
    }
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** For error lines: "7</run/tsrunc/a>". */
  toString(): string {
    try {
      return `${this.number}<${readlinkSync(this.path)}>`
    } catch {
      return `${this.#number}`
    }
  }
}

/** As much of the data as an error line can bear. */
const shortened = (bytes: Uint8Array): string => {
  const text = JSON.stringify(Buffer.from(bytes.subarray(0, 64)).toString())
  return bytes.length > 64 ? `${text}…, ${bytes.length}` : text
}
