// The figures of a benchmark: of each subject and operation one a round, so that the ratio of two subjects can be taken
// round by round, in which the machine was in one mood; and how they compare with the marks that the project has set.
import { median } from './measure.ts'

export interface Figure {
  /** Milliseconds. */
  readonly wall: number
  readonly cpu: number
}
export type Side = keyof Figure

export class Samples {
  readonly #figures = new Map<string, Figure[]>()

  note(subject: string, operation: string, { wall, cpu }: Figure): void {
    const key = `${subject} ${operation}`
    const list = this.#figures.get(key)
    if (list) list.push({ wall, cpu })
    else this.#figures.set(key, [{ wall, cpu }])
  }

  #values(subject: string, operation: string, side: Side): number[] {
    return (this.#figures.get(`${subject} ${operation}`) ?? []).map(figure => figure[side])
  }

  /** NaN where nothing was measured. */
  median(subject: string, operation: string, side: Side = 'wall'): number {
    return median(this.#values(subject, operation, side))
  }

  /** Median of one by the other, round by round. */
  ratio(one: readonly [string, string], other: readonly [string, string], side: Side = 'wall'): number {
    const below = this.#values(...other, side)
    return median(this.#values(...one, side).map((value, round) => value / (below[round] ?? Number.NaN)))
  }

  clear(): void {
    this.#figures.clear()
  }
}

/** Writes figures beside their marks, and remembers which were reached. */
export class Verdicts {
  readonly #lines: string[] = []
  #reached = 0

  /** "0.41 (mark 0.45)"; without a mark, or a figure, just what there is. */
  beside(name: string, value: number, mark: number | undefined, digits = 2): string {
    const text = number(value, digits)
    if (mark === undefined || Number.isNaN(value)) return text
    if (value <= mark) this.#reached++
    else this.#lines.push(`${name} ${text} (mark ${mark})`)
    return `${text} (mark ${mark})`
  }

  /** One line; none when nothing had a mark. */
  get summary(): string[] {
    const all = this.#reached + this.#lines.length
    const missed = this.#lines.length > 0 ? `; missed: ${this.#lines.join(', ')}` : ''
    return all === 0 ? [] : [`${this.#reached} of ${all} marks reached${missed}`]
  }
}

export const number = (value: number, digits: number): string => (Number.isNaN(value) ? '–' : value.toFixed(digits))

/** Rows of cells, the first row being the head; the first column is text. */
export function table(rows: readonly (readonly string[])[], markdown: boolean): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const cells = rows.map(row =>
    widths.map((width, column) => (column === 0 ? (row[0] ?? '').padEnd(width) : (row[column] ?? '').padStart(width))),
  )
  if (!markdown) return cells.map(row => row.join('  ')).join('\n')
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [cells[0] ?? [], rule, ...cells.slice(1)].map(row => `| ${row.join(' | ')} |`).join('\n')
}
