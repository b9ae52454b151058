// The table behind the TAP lines: by section how many cases passed, failed and were skipped, the reasons, the totals.
export interface Outcome {
  readonly section: string
  readonly name: string
  readonly result: 'passed' | 'failed' | 'skipped'
  readonly reason?: string
}

const RESULTS = ['passed', 'failed', 'skipped'] as const
const NUMBER_WIDTH = 9

export function summary(outcomes: readonly Outcome[]): string {
  const sections = [...new Set(outcomes.map(({ section }) => section))].sort()
  const width = Math.max('section'.length, ...sections.map(section => section.length))
  const row = (name: string, cells: readonly (string | number)[]) =>
    `# ${name.padEnd(width)}${cells.map(cell => String(cell).padStart(NUMBER_WIDTH)).join('')}`
  const count = (result: Outcome['result'], section?: string) =>
    outcomes.filter(each => each.result === result && (section === undefined || each.section === section)).length
  const lines = [
    row('section', RESULTS),
    ...sections.map(section =>
      row(
        section,
        RESULTS.map(result => count(result, section)),
      ),
    ),
    ...outcomes.filter(each => each.reason).map(each => `# ${each.result}: ${each.name}: ${oneLine(each.reason)}`),
    RESULTS.map(result => `${count(result)} ${result}`).join(', '),
  ]
  return `${lines.join('\n')}\n`
}

const oneLine = (text = ''): string => text.replace(/\s+/g, ' ').trim()
