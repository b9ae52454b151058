// One direction of a relay: reads a chunk, writes it, reads the next. Does one thing at a time, and only when poll(2)
// says that it will not block; the streams of the caller are not made non-blocking, because others share them.
import { fstatSync, readSync, writeSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { POLL } from '../abi/wait.ts'
import { Fd } from '../host/fd.ts'
import { isTerminal } from '../host/tty.ts'
import type { Wish } from '../host/wait.ts'
import type { Source } from './serve.ts'

/** PIPE_BUF: a pipe that poll(2) calls writable takes that much at once. */
const CHUNK = 4096
const NOTHING = Buffer.alloc(0)
const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOCTTY } = O.bits

export class Channel implements Source {
  readonly #from: Stream
  readonly #to: Stream
  #chunk = NOTHING
  #isOpen = true

  constructor(from: Stream, to: Stream) {
    this.#from = from
    this.#to = to
  }

  /** Something was read that is not yet written. */
  get isLoaded(): boolean {
    return this.#chunk.length > 0
  }

  /** Undefined once the source has ended. */
  get wish(): Wish | undefined {
    const { POLLIN, POLLOUT } = POLL.bits
    if (!this.#isOpen) return undefined
    return this.isLoaded ? { fd: this.#to.fd, events: POLLOUT } : { fd: this.#from.fd, events: POLLIN }
  }

  /** Does what the wish was for. */
  step(): void {
    if (this.isLoaded) this.#write()
    else this.#read()
  }

  #read(): void {
    const room = Buffer.alloc(CHUNK)
    const count = tried(() => readSync(this.#from.fd, room))
    if (count === 'failed' || count === 0) this.#isOpen = false
    else if (count !== 'later') this.#chunk = room.subarray(0, count)
  }

  #write(): void {
    const count = tried(() => writeSync(this.#to.fd, this.#chunk))
    // with nobody left to read it, what is printed is dropped: the container goes on
    if (count === 'failed') this.#chunk = NOTHING
    else if (count !== 'later') this.#chunk = this.#chunk.subarray(count)
  }

  close(): void {
    this.#from.owned?.close()
    this.#to.owned?.close()
  }
}

function tried(call: () => number): number | 'later' | 'failed' {
  try {
    return call()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // what node:fs throws
    return code === 'EAGAIN' || code === 'EINTR' ? 'later' : 'failed'
  }
}

export interface Stream {
  readonly fd: number
  /** To be closed with the channel. */
  readonly owned?: Fd
}

export const callersInput = (fd: number): Stream => reopened(fd, O_RDONLY)
export const callersOutput = (fd: number): Stream => reopened(fd, O_WRONLY)

/** Terminals and pipes are opened once more for ourselves, without blocking; a file would lose its position so. */
function reopened(fd: number, flags: bigint): Stream {
  try {
    const kind = fstatSync(fd)
    if (!kind.isFIFO() && !isTerminal(fd)) return { fd }
    const owned = Fd.open(`/proc/self/fd/${fd}`, flags | O_NONBLOCK | O_NOCTTY)
    return { fd: owned.number, owned }
  } catch {
    return { fd } // a terminal of another user, say
  }
}
