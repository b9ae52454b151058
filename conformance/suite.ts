// Conducts the cases: each is tried by one of a few workers and told, in the order of the list, as one line of TAP.
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { incapacity, obstacle } from './attempt.ts'
import { CASES } from './cases.ts'
import { Runtime } from './runtime.ts'
import type { Outcome } from './summary.ts'

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url))
const AT_A_TIME = Math.min(2, availableParallelism())

/** Where a case failed is in its message; where this file reports it helps nobody. */
const QUIET = { at: undefined, stack: undefined, source: undefined }

function tell({ section, name, result, reason }: Outcome): void {
  const label = `${section}: ${name}`
  if (result === 'passed') t.pass(label)
  else if (result === 'skipped') t.pass(label, { skip: reason ?? true })
  else if (result === 'missed') t.fail(label, { ...QUIET, todo: reason ?? true })
  else t.fail(label, { ...QUIET, error: reason })
}

/** Gives each worker one case after the other; the promise is kept when all have gone. */
class Crew {
  readonly #waiting: number[]
  readonly #done = new Map<number, Outcome>()
  readonly #order: readonly number[]
  #told = 0

  constructor(cases: readonly number[]) {
    this.#waiting = [...cases]
    this.#order = cases
  }

  async work(binary: string): Promise<readonly Outcome[]> {
    await Promise.all(Array.from({ length: AT_A_TIME }, () => this.#follow(fork(WORKER, [binary]))))
    return this.#order.flatMap(index => this.#done.get(index) ?? [])
  }

  /** No case is begun any more. */
  stop(): void {
    this.#waiting.length = 0
  }

  #follow(worker: ChildProcess): Promise<void> {
    const next = () => {
      const index = this.#waiting.shift()
      if (index === undefined) worker.disconnect()
      else worker.send(index)
    }
    worker.on('message', ({ index, outcome }: { index: number; outcome: Outcome }) => {
      this.#done.set(index, outcome)
      this.#tell()
      next()
    })
    next()
    return new Promise((resolve, reject) => {
      worker.once('error', reject)
      worker.once('exit', code => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
    })
  }

  /** What is next in the order. */
  #tell(): void {
    for (;;) {
      const outcome = this.#done.get(this.#order[this.#told] ?? -1)
      if (outcome === undefined) return
      tell(outcome)
      this.#told++
    }
  }
}

/** `binary`: undefined is this repository's tsrunc. Cases are chosen by section and name. */
export async function conductAll(binary: string | undefined, names: RegExp): Promise<readonly Outcome[]> {
  t.setTimeout(0) // every command has its own
  const reason = obstacle()
  if (reason !== undefined) {
    t.pass('conformance', { skip: reason })
    return []
  }
  const runtime = new Runtime(binary)
  const incapable = await incapacity(runtime)
  runtime.dispose()
  if (incapable !== undefined) {
    t.bailout(incapable)
    return []
  }
  const chosen = [...CASES.keys()].filter(index => names.test(`${CASES[index]?.section}: ${CASES[index]?.name}`))
  const crew = new Crew(chosen)
  let interrupted = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      interrupted = true
      crew.stop()
    })
  const outcomes = await crew.work(binary ?? '')
  if (interrupted) t.bailout('interrupted')
  return outcomes
}
