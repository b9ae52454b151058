// Signals that reach a foreground `run` are meant for its container: all are handed on but those that tell this
// process of its own affairs or that cannot be caught. As runc does, except for the two with which a terminal stops
// its background jobs: caught, they would make a call on the terminal start over for ever. The command line, which
// does nothing else, holds them back and reads them; a host program, which has its own use for them, gets events.
import { constants } from 'node:os'
import { LIBC_SIGNALS, SIG } from '../abi/signal.ts'
import type { Fd } from '../host/fd.ts'
import { architecture } from '../host/identity.ts'
import { sendSignal } from '../host/process.ts'
import { handleSignals } from '../host/signal-handler.ts'
import { SignalInbox } from '../host/signal-inbox.ts'
import { type Wait, waitReady, whenReady } from '../host/wait.ts'
import { signalGatherer, signalHandler } from '../image/signal-handler.ts'
import type { Source } from './serve.ts'

const OURS: readonly number[] = [SIG.SIGCHLD, SIG.SIGURG, SIG.SIGWINCH, SIG.SIGPIPE, SIG.SIGTTIN, SIG.SIGTTOU]
/** Or the engine is broken when one arrives. */
const UNCATCHABLE: readonly number[] = [
  ...[SIG.SIGKILL, SIG.SIGSTOP, SIG.SIGSEGV, SIG.SIGBUS, SIG.SIGFPE, SIG.SIGILL, SIG.SIGPROF],
  ...('bun' in process.versions ? [SIG.SIGPWR] : []), // with which its garbage collector stops threads
  ...LIBC_SIGNALS,
]

const FORWARDED = Array.from({ length: SIG.SIGRTMAX }, (_, i) => i + 1).filter(
  signal => !OURS.includes(signal) && !UNCATCHABLE.includes(signal),
)
const REALTIME = FORWARDED.filter(signal => signal >= SIG.SIGRTMIN)

/** What is done about those of `OURS` that somebody asked for. */
export type Own = ReadonlyMap<number, () => void>

export interface Signals extends Disposable {
  /** How to wait while they come. */
  readonly wait: Wait
  /** What else has to be waited for. */
  readonly sources: readonly Source[]
  /** They go to init, a pidfd, until the result is disposed of; those that have come before, too. */
  deliver(init: Fd, own: Own): Disposable
}

/** For a process of ours alone, whose signals are never let loose again; for any other, or where that cannot be. */
export const openSignals = (isAlone: boolean, also: readonly number[]): Signals =>
  (isAlone ? heldBack(also) : undefined) ?? new SignalEvents(also)

function heldBack(also: readonly number[]): Signals | undefined {
  const inbox = SignalInbox.open([...FORWARDED, ...also], () => signalGatherer(architecture, process.pid))
  return inbox && new HeldSignals(inbox)
}

class HeldSignals implements Signals {
  readonly wait = waitReady
  readonly sources: readonly Source[]
  readonly #inbox: SignalInbox
  #handle: (signal: number) => void = () => {}

  constructor(inbox: SignalInbox) {
    this.#inbox = inbox
    const step = (): void => {
      for (const signal of inbox.read()) this.#handle(signal)
    }
    this.sources = [{ wish: inbox.wish, step }]
  }

  deliver(init: Fd, own: Own): Disposable {
    this.#handle = signal => handle(signal, init, own)
    return { [Symbol.dispose]() {} } // from now on nobody reads them
  }

  [Symbol.dispose](): void {
    this.#inbox.close()
  }
}

type Listener = () => void

/** They come while the event loop runs, and other listeners hear them, too. */
class SignalEvents implements Signals {
  readonly wait = whenReady
  readonly sources = []
  readonly #listeners = new Map<string, Listener>()
  readonly #early: number[] = []
  #handle: (signal: number) => void = signal => this.#early.push(signal)

  constructor(also: readonly number[]) {
    const wanted = new Set([...FORWARDED, ...also])
    for (const [name, number] of Object.entries(constants.signals)) {
      if (!wanted.delete(number)) continue // of two names one will do
      const listener = (): void => this.#handle(number)
      process.on(name, listener)
      this.#listeners.set(name, listener)
    }
  }

  deliver(init: Fd, own: Own): Disposable {
    this.#handle = signal => handle(signal, init, own)
    for (const signal of this.#early) this.#handle(signal)
    const stop = forwardRealtime(init)
    const end = (): void => {
      stop?.()
      this.#handle = () => {}
    }
    return { [Symbol.dispose]: end }
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) process.removeListener(name, listener)
  }
}

function handle(signal: number, init: Fd, own: Own): void {
  const task = own.get(signal)
  if (task === undefined) sendSignal(init, signal)
  else task()
}

/** There are no events for them; where nobody handles them they end this process. */
function forwardRealtime(init: Fd): (() => void) | undefined {
  const code = signalHandler(architecture, init.number)
  return code && handleSignals(REALTIME, code)
}
