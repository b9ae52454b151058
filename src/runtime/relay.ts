// Between the caller's stdin and stdout and the master of a container's terminal: raw mode while it lasts, the size of
// the window handed on, and in each direction one chunk on its way at most, so that a slow reader slows the writer.
// The caller's terminal gets its settings back on every way out but SIGKILL. tty_ioctl(4), pty(7).
import { F, O } from '../abi/fcntl.ts'
import { TTY } from '../abi/tty.ts'
import { POLL } from '../abi/wait.ts'
import { Fd } from '../host/fd.ts'
import { fileCalls } from '../host/libc-files.ts'
import { terminalCalls } from '../host/libc-terminals.ts'
import { isTerminal, makeRaw, restoreTerminal, setWindowSize, windowSize } from '../host/tty.ts'
import { whenReady } from '../host/wait.ts'
import { Channel, callersInput, callersOutput } from './channel.ts'

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
  readonly #resize = (): void => this.#copySize()

  constructor(master: Fd) {
    const { O_RDWR, O_NOCTTY, O_CLOEXEC, O_NONBLOCK } = O.bits
    this.#master = master
    fileCalls.fcntl(master.number, F.values.F_SETFL, O_RDWR | O_NONBLOCK)
    this.#slave = Fd.adopt(terminalCalls.ioctl(master.number, TTY.values.TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC))
    const own = { fd: master.number } // never opened by its name again: that makes another pty
    this.#input = new Channel(callersInput(STDIN), own)
    this.#output = new Channel(own, callersOutput(STDOUT))
    this.#restore = rawMode()
    this.#copySize()
    process.on('SIGWINCH', this.#resize)
    process.on('exit', this.#restore)
  }

  #copySize(): void {
    const terminal = [STDIN, STDOUT, STDERR].find(isTerminal)
    if (terminal === undefined) return
    const size = windowSize(terminal)
    if (size.rows > 0 && size.columns > 0) setWindowSize(this.#master, size)
  }

  /** Until init has ended and all that was printed has been handed on. */
  async run(init: Fd): Promise<void> {
    const ended = { fd: init.number, events: POLL.bits.POLLIN }
    for (let running = true; running; ) {
      const channels = [this.#input, this.#output].filter(channel => channel.isOpen)
      const ready = await whenReady([...channels.map(channel => channel.wish), ended])
      for (const [index, channel] of channels.entries()) if (ready[index]) channel.step()
      running = ready.at(-1) !== true
    }
    const output = this.#output
    while (output.isOpen) {
      const [ready] = await whenReady([output.wish], output.isLoaded ? -1 : 0)
      if (!ready) return
      output.step()
    }
  }

  [Symbol.dispose](): void {
    process.removeListener('SIGWINCH', this.#resize)
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
