// The tables behind the TAP lines. One runtime: by section how many cases passed, failed, were missed (misses.ts says
// why) and skipped, the reasons, the totals. Several: the same side by side.
import { REQUIREMENTS } from './requirements.ts'

export interface Outcome {
  readonly section: string
  readonly name: string
  readonly result: 'passed' | 'failed' | 'missed' | 'skipped'
  readonly reason?: string
}
type Result = Outcome['result']

const RESULTS: readonly Result[] = ['passed', 'failed', 'missed', 'skipped']
const GAP = 2

const count = (outcomes: readonly Outcome[], result: Result, section?: string): number =>
  outcomes.filter(each => each.result === result && (section === undefined || each.section === section)).length

const sectionsOf = (outcomes: readonly Outcome[]): string[] =>
  [...new Set(outcomes.map(({ section }) => section))].sort()

const oneLine = (text = ''): string => text.replace(/\s+/g, ' ').trim()

/** Rows of cells as lines of comment; the first column to the left, numbers to the right, 0 as a dot. */
function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const cells = rows.map(row => row.map(cell => (cell === 0 ? '.' : String(cell))))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + GAP)
  return cells.map(row => `# ${row.map(pad).join('')}`.trimEnd())
}

/** How many demands of the specification were shown: all their cases passed. */
function demandsShown(outcomes: readonly Outcome[]): string {
  const shows = (each: string | RegExp): boolean => {
    const tried = outcomes.filter(({ name }) => (typeof each === 'string' ? each === name : each.test(name)))
    return tried.length > 0 && tried.every(({ result }) => result === 'passed')
  }
  const shown = REQUIREMENTS.filter(({ cases }) => cases.length > 0 && cases.every(shows)).length
  const mute = REQUIREMENTS.filter(({ cases }) => cases.length === 0).length
  return `${shown} of ${REQUIREMENTS.length - mute} demands of the runtime-spec shown (${mute} more cannot be)`
}

export function summary(outcomes: readonly Outcome[]): string {
  const rows = sectionsOf(outcomes).map(section => [section, ...RESULTS.map(each => count(outcomes, each, section))])
  const reasons = RESULTS.flatMap(result => outcomes.filter(each => each.result === result && each.reason))
  const lines = [
    ...table([['section', ...RESULTS], ...rows]),
    ...reasons.map(each => `# ${each.result}: ${each.name}: ${oneLine(each.reason)}`),
    `# ${demandsShown(outcomes)}`,
    RESULTS.map(result => `${count(outcomes, result)} ${result}`).join(', '),
  ]
  return `${lines.join('\n')}\n`
}

/** "12", or with what did not pass: "12, 1 failed". */
function cell(outcomes: readonly Outcome[], section: string): string {
  const others = RESULTS.slice(1).map(result => [count(outcomes, result, section), result] as const)
  const marks = others.filter(([number]) => number > 0).map(([number, result]) => `${number} ${result}`)
  return [`${count(outcomes, 'passed', section)}`, ...marks].join(', ')
}

export function sideBySide(runtimes: ReadonlyMap<string, readonly Outcome[]>): string {
  const sections = sectionsOf([...runtimes.values()].flat())
  const rows = sections.map(section => [section, ...[...runtimes.values()].map(outcomes => cell(outcomes, section))])
  const totals = (result: Result) => [result, ...[...runtimes.values()].map(outcomes => count(outcomes, result))]
  const demands = [...runtimes].map(([name, outcomes]) => `# ${name}: ${demandsShown(outcomes)}`)
  const lines = [...table([['section (passed, …)', ...runtimes.keys()], ...rows, ...RESULTS.map(totals)]), ...demands]
  return `${lines.join('\n')}\n`
}
