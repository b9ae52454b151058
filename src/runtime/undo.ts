// What a verb has done so far and how to take it back. The first error stays the error; what goes wrong while
// cleaning up is attached to it.
import { TsruncError } from '../errors.ts'

export class Undo {
  readonly #steps: (() => void)[] = []
  readonly #kept: Disposable[] = []

  /** To be called as soon as the step has been done, or just before it when half of it can be done. */
  push(step: () => void): void {
    this.#steps.push(step)
  }

  /** For what is to be done after everything else. */
  pushLast(step: () => void): void {
    this.#steps.unshift(step)
  }

  /** For what steps need, but nobody else: let go of with this object. */
  keep<T extends Disposable>(resource: T): T {
    this.#kept.push(resource)
    return resource
  }

  /** Takes everything back, last step first. */
  run(because: unknown): void {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        step()
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error))
        if (because instanceof TsruncError) because.undoErrors.push(failure)
      }
    }
  }

  [Symbol.dispose](): void {
    for (const resource of this.#kept) resource[Symbol.dispose]()
  }
}
