// The part of a filter that finds the range of a number: by halves, so that it takes some six comparisons. Calls with
// the same rules, of whatever architecture, share what looks at their arguments.
import { FILTER_OP } from '../../abi/seccomp-filter.ts'
import { firstOf } from './conditions.ts'
import type { Call } from './profile.ts'
import type { Label, Program } from './program.ts'
import type { Verdict } from './ranges.ts'

export class Decision {
  readonly #program: Program
  readonly #byDefault: number
  readonly #conditional = new Map<Call, Label>()

  constructor(program: Program, byDefault: number) {
    this.#program = program
    this.#byDefault = byDefault
  }

  /** The code for the ranges from one to before another. */
  between(starts: readonly number[], verdicts: readonly Verdict[], from: number, to: number): Label {
    const first = verdicts[from] as Verdict // ranges are never asked for where there are none
    if (to - from === 1) return this.#leaf(first)
    const second = starts[from + 1] as number
    // A single number amid others: one comparison instead of two.
    if (to - from === 3 && starts[from + 2] === second + 1 && verdicts[from + 2] === first) {
      const outside = this.#leaf(first)
      return this.#program.branch(FILTER_OP.IF_EQUAL, second, this.#leaf(verdicts[from + 1] as Verdict), outside)
    }
    const middle = (from + to) >> 1
    const upper = this.between(starts, verdicts, middle, to)
    const lower = this.between(starts, verdicts, from, middle)
    return this.#program.branch(FILTER_OP.IF_NOT_LESS, starts[middle] as number, upper, lower)
  }

  #leaf(verdict: Verdict): Label {
    if (typeof verdict === 'number') return this.#program.returns(verdict)
    let label = this.#conditional.get(verdict)
    if (label === undefined) {
      label = firstOf(this.#program, verdict.rules, this.#program.returns(this.#byDefault))
      this.#conditional.set(verdict, label)
    }
    return label
  }
}
