// The host's half of program/sync.ts: answers the image's messages from its first breath to READY, and finds out what
// became of it when it falls silent. What to do about a message is left to its handler.
import { SIG, signalName } from '../abi/signal.ts'
import { HookError, InitError, type TsruncError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import type { Fd } from '../host/fd.ts'
import { reap, type WaitStatus } from '../host/process.ts'
import { type Received as Datagram, receive, send } from '../host/socket.ts'
import { failure, type HintOf, type SavedOrigins } from '../program/origins.ts'
import { MESSAGE, type MessageName, message } from '../program/sync.ts'

export interface Handlers {
  /** Called once, while the image does what needs no answer. */
  meanwhile(): void
  /** The init is known from here on. */
  init(pid: number): void
  mapIds(pid: number): void
  network(): void
  hooks(): void
  console(master: Fd): void
  /** Init has a seccomp listener under this number; it goes on before any of its calls needs an answer. */
  listener(number: number): void
  ready(): void
  /** While init goes to the gate. */
  going(): void
  /** The end of what the container's hooks have printed. */
  hookOutput(): string
  readonly hintOf: HintOf
  /** Whether the kernel killed something of the container for lack of memory. */
  outOfMemory(): boolean
}

export interface Talk {
  readonly sync: Fd
  /** The process that was launched. */
  readonly pid: number
  /** Whether it makes another one that becomes init. */
  readonly forks: boolean
  /** Asked for only when something has failed. */
  origins(): SavedOrigins
  readonly handlers: Handlers
}

interface Received {
  readonly kind: MessageName | undefined
  readonly op: number
  readonly value: bigint
  readonly fds: Fd[]
}

const names = new Map(Object.entries(MESSAGE.values).map(([name, value]) => [value, name as MessageName]))
const GO = message.encode({ kind: MESSAGE.values.GO })

/** Until the image waits at the gate, for which it closes its end. Throws what it reported, or how it died. */
export class Handshake {
  readonly #talk: Talk
  #init: number | undefined
  #isReady = false

  constructor(talk: Talk) {
    this.#talk = talk
  }

  run(): void {
    const { forks, pid } = this.#talk
    this.#go()
    this.#talk.handlers.meanwhile()
    if (!forks) this.#found(pid)
    for (let next = this.#receive(); next !== undefined; next = this.#receive()) {
      if (next.kind === 'FAILED') throw this.#failed(next)
      this.#answer(next)
    }
    if (!this.#isReady) throw this.#died()
  }

  #answer({ kind, value, fds: [master] }: Received): void {
    const { handlers } = this.#talk
    switch (kind) {
      case 'MAP_IDS':
        handlers.mapIds(Number(value))
        this.#go()
        break
      case 'FORKED':
        reap(this.#talk.pid, true)
        this.#found(Number(value))
        break
      case 'NETWORK':
        handlers.network()
        this.#go()
        break
      case 'HOOKS':
        handlers.hooks()
        this.#go()
        break
      case 'CONSOLE':
        if (master === undefined) throw new InitError('container init sent no terminal')
        handlers.console(master)
        break
      case 'LISTENER':
        handlers.listener(Number(value))
        this.#go()
        break
      case 'READY':
        handlers.ready()
        this.#isReady = true
        this.#go()
        handlers.going()
        break
      default:
        throw new InitError(`container init sent a message that makes no sense: ${kind ?? 'unknown'}`)
    }
  }

  #found(pid: number): void {
    this.#init = pid
    this.#talk.handlers.init(pid)
  }

  #go(): void {
    try {
      send(this.#talk.sync, GO)
    } catch (error) {
      if (!isErrno(error, 'EPIPE', 'ECONNRESET')) throw error // it died: what it had to say is still to be read
    }
  }

  #receive(): Received | undefined {
    const datagram = this.#receiveDatagram()
    if (datagram === undefined) return undefined
    const { kind, op, value } = message.decode(datagram.bytes)
    return { kind: names.get(kind), op: Number(op), value, fds: datagram.fds }
  }

  /** An image that ends without having read all of ours makes the next call fail, once; what it said comes after that. */
  #receiveDatagram(): Datagram | undefined {
    try {
      return receive(this.#talk.sync, message.size)
    } catch (error) {
      if (isErrno(error, 'ECONNRESET')) return receive(this.#talk.sync, message.size)
      throw error
    }
  }

  #failed({ op, value }: Received): TsruncError {
    const { hintOf, hookOutput, outOfMemory } = this.#talk.handlers
    const error = failure(this.#talk.origins(), op, value, hintOf)
    if (outOfMemory()) error.message += OOM
    return inInit(error, hookOutput)
  }

  #died(): TsruncError {
    const status = reap(this.#init ?? this.#talk.pid, true)
    const oom = this.#talk.handlers.outOfMemory()
    const filtered = status?.signal === SIG.SIGSYS
    const hint = filtered ? 'allow the calls that init makes before execve: `plan` prints them' : undefined
    return inInit(new InitError(`container init ${describe(status)}${oom ? OOM : filtered ? FILTERED : ''}`, { hint }))
  }
}

const OOM = ': container init was OOM-killed (memory limit too low?)'

const FILTERED = ": a call was blocked by the container's own seccomp filter"

function describe(status: WaitStatus | undefined): string {
  if (status === undefined) return 'ended'
  if (status.signal === undefined) return `ended with status ${status.exitCode}`
  return `was killed by ${signalName(status.signal) ?? `signal ${status.signal}`}`
}

/** Marks what the container's init reports, as runc's callers know it; a failed hook of its own had an output. */
export function inInit(error: TsruncError, hookOutput?: () => string): TsruncError {
  const output = error instanceof HookError ? `, output: ${hookOutput?.() ?? ''}` : ''
  error.message = `error during container init: ${error.message}${output}`
  return error
}
