// A client program while it runs and when it has ended.
import type { ChildProcess } from 'node:child_process'
import type { WindowSize } from '../../host/tty.ts'
import type { Pseudoterminal } from './pseudoterminal.ts'
import { until } from './waiting.ts'

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Launched {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #terminal: Pseudoterminal | undefined
  #stdout = ''
  #stderr = ''

  /** `terminal`: all three streams of the child. */
  constructor(child: ChildProcess, terminal: Pseudoterminal | undefined) {
    this.#child = child
    this.#terminal = terminal
    // bytes as they are: what is piped through need not be text
    child.stdout?.setEncoding('latin1').on('data', text => {
      this.#stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', text => {
      this.#stderr += text
    })
    this.ended = this.#wait()
    this.ended.catch(() => {}) // whoever awaits it is told
  }

  async #wait(): Promise<Ended> {
    try {
      const status = await new Promise<number | null>((resolve, reject) => {
        this.#child.once('error', reject)
        this.#child.once('close', resolve)
      })
      return { status, stdout: this.stdout, stderr: this.#stderr }
    } finally {
      this.#terminal?.slave.close()
      await this.#terminal?.ended
    }
  }

  get stdout(): string {
    return this.#terminal?.output ?? this.#stdout
  }

  async printed(pattern: RegExp): Promise<void> {
    let hasEnded = false
    const end = (): void => {
      hasEnded = true
    }
    this.ended.then(end, end)
    await until(`${pattern} is printed`, () => pattern.test(this.stdout) || hasEnded)
    if (!pattern.test(this.stdout)) throw new Error(`${pattern} was not printed: ${this.stdout}${this.#stderr}`)
  }

  /** The kernel would tell the foreground process of the terminal, which the child is not. */
  resize(size: WindowSize): void {
    this.#terminal?.resize(size)
    this.#child.kill('SIGWINCH')
  }
}
