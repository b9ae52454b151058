// Between the caller's stdin and stdout and the master of a container's terminal: raw mode while it lasts, the size of
// the window handed on, and in each direction one chunk on its way at most, so that a slow reader slows the writer.
// The caller's terminal gets its settings back on every way out but SIGKILL. tty_ioctl(4), pty(7).
import { F, O } from '../abi/fcntl.ts'
import { TTY } from '../abi/tty.ts'
import { Fd } from '../host/fd.ts'
import { fileCalls } from '../host/libc-files.ts'
import { terminalCalls } from '../host/libc-terminals.ts'
import { isTerminal, makeRaw, restoreTerminal, setWindowSize, windowSize } from '../host/tty.ts'
import type { Wait } from '../host/wait.ts'
import { Channel, callersInput, callersOutput } from './channel.ts'
import type { Source } from './serve.ts'

const STDIN = 0
const STDOUT = 1
const STDERR = 2

export class Relay {
  readonly #master: Fd
  /** Our own descriptor of the other side: without it the container closing all of its own would be a hangup. */
  readonly #slave: Fd
  readonly #input: Channel
  readonly #output: Channel
  readonly #restore: () => void

  constructor(master: Fd) {
    const { O_RDWR, O_NOCTTY, O_CLOEXEC, O_NONBLOCK } = O.bits
    this.#master = master
    fileCalls.fcntl(master.number, F.values.F_SETFL, O_RDWR | O_NONBLOCK)
    this.#slave = Fd.adopt(terminalCalls.ioctl(master.number, TTY.values.TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC))
    const own = { fd: master.number } // never opened by its name again: that makes another pty
    this.#input = new Channel(callersInput(STDIN), own)
    this.#output = new Channel(own, callersOutput(STDOUT))
    this.#restore = rawMode()
    this.resize()
    process.on('exit', this.#restore)
  }

  /** On SIGWINCH: the container's terminal gets the size of the caller's. */
  resize(): void {
    const terminal = [STDIN, STDOUT, STDERR].find(isTerminal)
    if (terminal === undefined) return
    const size = windowSize(terminal)
    if (size.rows > 0 && size.columns > 0) setWindowSize(this.#master, size)
  }

  /** What is to be served while init runs. */
  get sources(): readonly Source[] {
    return [this.#input, this.#output]
  }

  /** When init has ended: until all that was printed has been handed on. */
  async finish(wait: Wait): Promise<void> {
    const output = this.#output
    for (let { wish } = output; wish !== undefined; { wish } = output) {
      const [ready] = await wait([wish], output.isLoaded ? -1 : 0)
      if (!ready) return
      output.step()
    }
  }

  [Symbol.dispose](): void {
    process.removeListener('exit', this.#restore)
    this.#restore()
    this.#input.close()
    this.#output.close()
    this.#slave.close()
    this.#master.close()
  }
}

/** Puts the caller's terminal, if stdin is one, into raw mode; the way back, which may be taken twice. */
function rawMode(): () => void {
  if (!isTerminal(STDIN)) return () => {}
  const saved = makeRaw(STDIN)
  let raw = true
  return () => {
    if (raw) restoreTerminal(STDIN, saved)
    raw = false
  }
}
