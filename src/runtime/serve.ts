// The one loop of a foreground `run`: whatever has something to do waits for a descriptor, and so does the end of
// init. Whether the process waits in a call or its event loop goes on meanwhile is the caller's choice.
import type { Fd } from '../host/fd.ts'
import { readable, type Wait, type Wish } from '../host/wait.ts'

export interface Source {
  /** Undefined while, or since, there is nothing to wait for. */
  readonly wish: Wish | undefined
  /** Does what the wish was for. */
  step(): void
}

/** Serves them until init, a pidfd, has ended; what was ready by then has been served, too. */
export async function serve(init: Fd, sources: readonly Source[], wait: Wait): Promise<void> {
  for (let running = true; running; ) {
    const wishes = [readable(init)]
    const waiting: Source[] = []
    for (const source of sources) {
      const { wish } = source
      if (wish === undefined) continue
      wishes.push(wish)
      waiting.push(source)
    }
    const [ended, ...ready] = await wait(wishes)
    for (const [index, source] of waiting.entries()) if (ready[index]) source.step()
    running = ended !== true
  }
}
