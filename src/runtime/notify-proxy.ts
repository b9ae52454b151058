// Waits for the one thing that matters of what a container says on its notify socket, and tells the service manager:
// READY=1, which process is the main one, and a barrier so that all has been read before we may end. Everything else
// that the container sends stays here: it could name another main process. Like runc's notify_socket.go.
// Document: sd_notify(3).
import { readSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { TsruncError } from '../errors.ts'
import { bindDatagram, connectDatagram } from '../host/datagram.ts'
import type { Fd } from '../host/fd.ts'
import { pidfdOpen, waitReadable } from '../host/process.ts'
import { send, seqpacketPair } from '../host/socket.ts'
import { readable, type Wish } from '../host/wait.ts'
import { type Container, NOTIFY, NOTIFY_SOCKET } from './container.ts'
import type { Source } from './serve.ts'
import type { Runtime } from './store.ts'

/** As much as the manager itself reads of a datagram. */
const LONGEST = 4096
const BARRIER_MS = 30_000
/** Any process of the container may write, whatever its user. */
const MODE = 0o777

/** A manager that cannot be reached is no reason to keep a container from running. */
export function openProxy({ runtime, directory, saved }: Container, manager: string): NotifyProxy | undefined {
  const init = saved.init && pidfdOpen(saved.init.pid)
  if (saved.init === undefined || init === undefined) return undefined
  try {
    using host = connectDatagram(manager)
    using place = directory.fd.openAt(NOTIFY, O.bits.O_PATH | O.bits.O_DIRECTORY | O.bits.O_NOFOLLOW)
    const own = bindDatagram(place, NOTIFY_SOCKET, MODE)
    return new NotifyProxy({ runtime, own, init, pid: saved.init.pid, manager: host.duplicate() })
  } catch (error) {
    init.close()
    if (!(error instanceof TsruncError)) throw error
    error.message = `NOTIFY_SOCKET is not served: ${error.message}`
    runtime.warn(error)
    return undefined
  }
}

interface Ends {
  readonly runtime: Runtime
  /** What the container writes to. */
  readonly own: Fd
  readonly manager: Fd
  /** A pidfd. */
  readonly init: Fd
  readonly pid: number
}

export class NotifyProxy implements Source {
  readonly #ends: Ends
  readonly #buffer = Buffer.alloc(LONGEST)
  #isReady = false
  /** Held until the manager has read all. */
  #barrier: Fd | undefined

  constructor(ends: Ends) {
    this.#ends = ends
  }

  /** Blocks until the container is ready, or has ended; its init is the main process. */
  forward(): void {
    const { own, init, pid } = this.#ends
    for (let isReady = false; !isReady; ) {
      if (!waitReadable([own, init]).includes(own)) return
      isReady = this.#hearsReady()
    }
    using barrier = this.#tell(pid)
    if (barrier !== undefined) waitReadable([barrier, init], BARRIER_MS)
  }

  /** The same for a process that lasts as long as the container and is the main one itself: a source for its loop. */
  get wish(): Wish | undefined {
    if (!this.#isReady) return readable(this.#ends.own)
    return this.#barrier && readable(this.#barrier)
  }

  step(): void {
    if (this.#isReady) this.#closeBarrier()
    else if (this.#hearsReady()) {
      this.#isReady = true
      this.#barrier = this.#tell(process.pid)
    }
  }

  #closeBarrier(): void {
    this.#barrier?.close()
    this.#barrier = undefined
  }

  /** Reads one datagram. read(2) takes no descriptors along that may have been sent with it. */
  #hearsReady(): boolean {
    const length = readSync(this.#ends.own.number, this.#buffer)
    return this.#buffer.toString('latin1', 0, length).split('\n').includes('READY=1')
  }

  /** Becomes readable when the manager has read all. */
  #tell(pid: number): Fd | undefined {
    const [ours, theirs] = seqpacketPair()
    using _closed = theirs // but for the copy on its way
    try {
      send(this.#ends.manager, Buffer.from('READY=1\n'))
      send(this.#ends.manager, Buffer.from(`MAINPID=${pid}\n`))
      send(this.#ends.manager, Buffer.from('BARRIER=1'), [theirs])
      return ours
    } catch (error) {
      ours.close()
      if (!(error instanceof TsruncError)) throw error
      this.#ends.runtime.warn(error)
      return undefined
    }
  }

  [Symbol.dispose](): void {
    const { own, manager, init } = this.#ends
    for (const fd of [own, manager, init]) fd.close()
    this.#closeBarrier()
  }
}
