// Runs every case against the runtime that RUNTIME names (default: this repository's tsrunc), prints TAP, and closes
// with a table by section and one line of totals. An argument, a regular expression, chooses cases by "section: name".
import { writeSync } from 'node:fs'
import t from 'tap'
import { conductAll } from './suite.ts'
import { summary } from './summary.ts'

const outcomes = await conductAll(process.env.RUNTIME || undefined, new RegExp(process.argv[2] ?? ''))
t.end()
writeSync(1, summary(outcomes))
