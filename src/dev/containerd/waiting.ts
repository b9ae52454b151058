// Waiting for what nobody announces: asked again and again, never longer than a bound.
import { setTimeout as timeout } from 'node:timers/promises'

const PAUSE_MS = 10
const PATIENCE_MS = 10_000

export const sleep = (milliseconds = PAUSE_MS): Promise<void> => timeout(milliseconds)

/** The first answer that is neither undefined nor false. */
export async function until<T>(what: string, ask: () => Promise<T> | T): Promise<Exclude<T, undefined | false>> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep()) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`)
  }
}
