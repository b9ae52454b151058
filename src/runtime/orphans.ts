// A foreground `run` adopts what its container leaves behind and waits for it, so that no zombies gather while it
// lives. prctl(2), PR_SET_CHILD_SUBREAPER. It waits for any child there is: not for a program that has others.
import { isErrno } from '../host/errno.ts'
import { reap, setSubreaper, type WaitStatus } from '../host/process.ts'

export class Orphans {
  readonly #ended = new Map<number, WaitStatus>()
  #followed: number | undefined
  readonly #listener = (): void => this.#collect()

  constructor() {
    setSubreaper(true)
    process.on('SIGCHLD', this.#listener)
  }

  #collect(): void {
    try {
      for (let one = reap(-1, false); one !== undefined; one = reap(-1, false))
        if (this.#followed === undefined || one.pid === this.#followed) this.#ended.set(one.pid, one)
    } catch (error) {
      if (!isErrno(error, 'ECHILD')) throw error
    }
  }

  /** From now on only this child's end is remembered. */
  follow(pid: number): void {
    this.#followed = pid
  }

  /** How the child ended, if it was found among the others. */
  statusOf(pid: number): WaitStatus | undefined {
    return this.#ended.get(pid)
  }

  [Symbol.dispose](): void {
    process.removeListener('SIGCHLD', this.#listener)
    setSubreaper(false)
  }
}
