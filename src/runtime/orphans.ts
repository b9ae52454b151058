// A foreground `run` adopts what its container leaves behind and waits for it, so that no zombies gather while it
// lives. prctl(2), PR_SET_CHILD_SUBREAPER. It waits for any child there is: not for a program that has others.
import { isErrno } from '../host/errno.ts'
import { reap, setSubreaper, type WaitStatus } from '../host/process.ts'

export class Orphans {
  #ended: WaitStatus | undefined

  constructor() {
    setSubreaper(true)
  }

  /** On SIGCHLD: waits for all that have ended. Not beyond init, after which nobody lives for long. */
  collect(init: number): void {
    try {
      for (let one = reap(-1, false); one !== undefined; one = reap(-1, false)) {
        if (one.pid !== init) continue
        this.#ended = one
        return
      }
    } catch (error) {
      if (!isErrno(error, 'ECHILD')) throw error
    }
  }

  /** How init ended, if it was found among the others. */
  get ended(): WaitStatus | undefined {
    return this.#ended
  }

  [Symbol.dispose](): void {
    setSubreaper(false)
  }
}
