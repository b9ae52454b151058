// A seccomp agent beside a case: src/dev/seccomp-agent.ts, whose lines go to a file so that a case, which waits for its
// runtime without letting events in, can look at them at any time.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { World } from './world.ts'

const PROGRAM = fileURLToPath(new URL('../src/dev/seccomp-agent.js', import.meta.url))

export interface Said {
  /** Of a message: how many descriptors came with it, and what it says. */
  readonly descriptors?: number
  // biome-ignore lint/suspicious/noExplicitAny: what a runtime sends is what a case is about
  readonly state?: any
  /** What has come after the message: the end of the connection. */
  readonly closed?: boolean
  /** Of a call that was answered: its name, and who made it. */
  readonly call?: string
  readonly pid?: number
}

export class Agent {
  readonly path: string
  readonly #output: string
  readonly #child: ChildProcess

  /** Listens when this returns; a wish is "mkdir=ENOSPC", or a number in the place of the errno. */
  constructor(world: World, ...wishes: string[]) {
    this.path = join(world.directory, 'agent')
    this.#output = `${this.path}.out`
    const output = openSync(this.#output, 'w')
    this.#child = spawn(process.execPath, [PROGRAM, this.path, ...wishes], { stdio: ['ignore', output, 'inherit'] })
    closeSync(output)
    world.until('the agent listens', () => this.#lines().length > 0)
  }

  #lines(): string[] {
    return readFileSync(this.#output, 'utf8').split('\n').slice(0, -1)
  }

  said(): Said[] {
    return this.#lines()
      .slice(1)
      .map(line => JSON.parse(line))
  }

  messages(): Said[] {
    return this.said().filter(({ descriptors }) => descriptors !== undefined)
  }

  calls(): string[] {
    return this.said().flatMap(({ call }) => call ?? [])
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}
