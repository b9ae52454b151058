// Signals that reach a foreground `run` are meant for its container: all are handed on but those that tell this
// process of its own affairs or that cannot be caught. As runc does, except for the two with which a terminal stops
// its background jobs: caught, they would make a call on the terminal start over for ever.
import { constants } from 'node:os'
import { SIG } from '../abi/signal.ts'
import type { Fd } from '../host/fd.ts'
import { architecture } from '../host/identity.ts'
import { sendSignal } from '../host/process.ts'
import { handleSignals } from '../host/signal-handler.ts'
import { signalHandler } from '../image/signal-handler.ts'

const OURS = new Set(['SIGCHLD', 'SIGURG', 'SIGWINCH', 'SIGPIPE', 'SIGTTIN', 'SIGTTOU'])
/** The engine refuses a listener for these, or is itself broken when one arrives. */
const UNCATCHABLE = new Set(['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGPROF'])

type Listener = () => void

/** Until it is disposed of, signals go where `target` says; those that come before there is a target wait for it. */
export class Forwarding {
  readonly #listeners = new Map<NodeJS.Signals, Listener>()
  readonly #waiting: number[] = []
  #target: Fd | undefined

  constructor() {
    const numbers = new Set<number>()
    for (const [name, number] of Object.entries(constants.signals)) {
      if (OURS.has(name) || UNCATCHABLE.has(name) || numbers.has(number)) continue
      numbers.add(number) // of two names one will do
      this.#listen(name as NodeJS.Signals, number)
    }
  }

  #listen(name: NodeJS.Signals, number: number): void {
    const listener = (): void => {
      if (this.#target === undefined) this.#waiting.push(number)
      else sendSignal(this.#target, number)
    }
    process.on(name, listener)
    this.#listeners.set(name, listener)
  }

  /** A pidfd. */
  to(target: Fd): void {
    this.#target = target
    for (const number of this.#waiting.splice(0)) sendSignal(target, number)
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) process.removeListener(name, listener)
    this.#listeners.clear()
  }
}

/**
 * The realtime signals go to a process, by its pidfd, until the result is disposed of. There are no events for them; where
 * nobody handles them they end this process.
 */
export function forwardRealtime(target: Fd): Disposable {
  const signals = Array.from({ length: SIG.SIGRTMAX - SIG.SIGRTMIN + 1 }, (_, i) => SIG.SIGRTMIN + i)
  return { [Symbol.dispose]: handleSignals(signals, signalHandler(architecture, target.number)) }
}
