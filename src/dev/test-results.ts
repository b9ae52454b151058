// What a test file printed, as TAP, → its leaf assertions: a subtest counts by what is in it, not once more itself.
import { type FinalResults, Parser, type Result } from 'tap-parser'

export interface Failure {
  readonly name: string
  /** What the assertion says about it: found, wanted, where. */
  readonly detail: string
}

export interface Results {
  passed: number
  skipped: { readonly name: string; readonly reason: string }[]
  failures: Failure[]
}

type Diagnostics = Record<string, unknown>

/** Lines of the assertion's YAML that help a reader, nearest first. */
const TELLING = ['at', 'source', 'diff', 'found', 'wanted', 'error', 'message', 'stack', 'expired']

function detailOf(result: Result): string {
  const diag: Diagnostics = result.diag ?? {}
  return TELLING.filter(key => diag[key] !== undefined)
    .map(key => `${key}: ${show(diag[key])}`)
    .join('\n')
}

function show(value: unknown): string {
  if (typeof value === 'string') return value.includes('\n') ? `\n${value.trimEnd()}` : value
  const { fileName, lineNumber } = Object(value) as { fileName?: string; lineNumber?: number }
  return fileName === undefined ? JSON.stringify(value) : `${fileName}:${lineNumber}`
}

const titleOf = (result: Result): string => result.fullname || result.name

function listen(parser: Parser, results: Results): void {
  parser.on('child', (child: Parser) => listen(child, results))
  parser.on('assert', (result: Result) => {
    if (result.skip !== false) {
      results.skipped.push({ name: titleOf(result), reason: result.skip === true ? 'no reason given' : result.skip })
    } else if (result.todo !== false) {
      const reason = result.todo === true ? 'to do' : `to do: ${result.todo}`
      results.skipped.push({ name: titleOf(result), reason })
    } else if (!result.closingTestPoint) {
      if (result.ok) results.passed++
      else results.failures.push({ name: titleOf(result), detail: detailOf(result) })
    }
  })
}

/** Reads the whole output of one test file. */
export function resultsOf(output: string): Results {
  const results: Results = { passed: 0, skipped: [], failures: [] }
  const parser = new Parser()
  listen(parser, results)
  parser.on('complete', (final: FinalResults) => {
    if (final.bailout) results.failures.push({ name: 'bailed out', detail: String(final.bailout) })
    // The parser takes output without a plan for one that skips everything.
    if (!/^1\.\.\d+/m.test(output)) results.failures.push({ name: 'has no plan', detail: 'it ended too early' })
    else if (final.plan.skipAll) {
      const reason = final.plan.skipReason.replace(/^SKIP:?\s*/i, '') || 'no reason given'
      results.skipped.push({ name: 'all', reason })
    } else if (results.passed + results.skipped.length + results.failures.length === 0) {
      results.failures.push({ name: 'has no assertion', detail: '' })
    }
    // Such as a plan of more tests than ran, or a failed subtest of which no assertion failed.
    if (!final.ok && results.failures.length === 0) {
      const detail = final.failures.map(failure => failure.tapError ?? show(failure)).join('\n')
      results.failures.push({ name: 'breaks TAP', detail })
    }
  })
  parser.end(output)
  return results
}
