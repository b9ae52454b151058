// A terminal to start `ctr -t` at: what is printed on it, typing, and another size.
import { read, writeSync } from 'node:fs'
import { O } from '../../abi/fcntl.ts'
import { Fd } from '../../host/fd.ts'
import { ptyName, setWindowSize, unlockPty, type WindowSize } from '../../host/tty.ts'

const CHUNK = 4096

export class Pseudoterminal {
  readonly #master = Fd.open('/dev/ptmx', O.bits.O_RDWR | O.bits.O_NOCTTY)
  readonly slave: Fd
  /** Until everybody has closed the slave. */
  readonly ended: Promise<void>
  output = ''

  constructor(size: WindowSize) {
    unlockPty(this.#master)
    setWindowSize(this.#master, size)
    this.slave = Fd.open(ptyName(this.#master), O.bits.O_RDWR | O.bits.O_NOCTTY)
    this.ended = new Promise(resolve => this.#readOn(resolve))
  }

  #readOn(done: () => void): void {
    const chunk = Buffer.alloc(CHUNK)
    read(this.#master.number, chunk, 0, CHUNK, null, (error, length) => {
      // EIO: the last one has closed it
      if (error || length === 0) {
        this.#master.close()
        done()
        return
      }
      this.output += chunk.toString('latin1', 0, length)
      this.#readOn(done)
    })
  }

  type(text: string): void {
    writeSync(this.#master.number, text)
  }

  resize(size: WindowSize): void {
    setWindowSize(this.#master, size)
  }
}
