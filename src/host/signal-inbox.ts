// Signals that wait in a descriptor until they are read, for a program that is nothing but ours: nothing interrupts it
// and nothing is lost, whenever they come. What it starts does not inherit that (launch.ts), and what is not read when
// it ends is gone. sigprocmask(2), signalfd(2).
import { readSync, statSync } from 'node:fs'
import { SFD, SIG_MASK, SIGSET_SIZE, signalfdSiginfo } from '../abi/signalfd.ts'
import { Fd } from './fd.ts'
import { signalCalls } from './libc-signals.ts'
import { handleSignals } from './signal-handler.ts'
import { readable, type Wish } from './wait.ts'

const { SIG_BLOCK, SIG_UNBLOCK } = SIG_MASK.values
/** So many are read at a time. */
const MOST = 16

export class SignalInbox {
  readonly #fd: Fd
  readonly #room = new Uint8Array(MOST * signalfdSiginfo.size)

  private constructor(fd: Fd) {
    this.#fd = fd
  }

  /**
   * From now on they come here. Signals to the process are held back only if none of its threads would take them: an
   * engine's other threads get `gatherer` as a handler, machine code that sends a signal on to the main thread.
   * Undefined, with nothing changed, where memory cannot hold that.
   */
  static open(signals: readonly number[], gatherer: () => Uint8Array): SignalInbox | undefined {
    const set = setOf(signals)
    signalCalls.sigprocmask(SIG_BLOCK, set, null) // for threads to come, too
    if (hasThreads() && handleSignals(signals, gatherer(), { evenHandled: true }) === undefined) {
      signalCalls.sigprocmask(SIG_UNBLOCK, set, null)
      return undefined
    }
    return new SignalInbox(Fd.adopt(signalCalls.signalfd(-1, set, SFD.bits.SFD_CLOEXEC)))
  }

  get wish(): Wish {
    return readable(this.#fd)
  }

  /** They stay held back. */
  close(): void {
    this.#fd.close()
  }

  /** Those that have come, in the kernel's order; blocks when there is none. */
  read(): number[] {
    const length = readSync(this.#fd.number, this.#room)
    const view = new DataView(this.#room.buffer, 0, length)
    const signals: number[] = []
    for (let at = 0; at < length; at += signalfdSiginfo.size) signals.push(view.getUint32(at, true)) // ssi_signo
    return signals
  }
}

function setOf(signals: readonly number[]): Uint8Array {
  const set = new Uint8Array(SIGSET_SIZE)
  for (const number of signals) set[(number - 1) >> 3] = (set[(number - 1) >> 3] ?? 0) | (1 << ((number - 1) & 7))
  return set
}

/** The directory of an only thread has three links: itself, its parent's and the thread's. */
const hasThreads = (): boolean => statSync('/proc/self/task', { throwIfNoEntry: false })?.nlink !== 3
