// Runs every case against the runtime that RUNTIME names (default: this repository's tsrunc), prints TAP, a table by
// section and one line of totals. --all tries tsrunc under Node, the executable, runc and crun, side by side.
// --random runs configs by chance under tsrunc and runc instead (random.ts). Another argument, a regular expression,
// chooses cases by "section: name".
import { writeFileSync, writeSync } from 'node:fs'
import { needsView, runInView } from './view.ts'

const flags = process.argv.slice(2).filter(argument => argument.startsWith('--'))
const [names = ''] = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const runtime = process.env.RUNTIME || undefined

async function main(): Promise<void> {
  if (flags.includes('--all')) {
    const { runAll } = await import('./all.ts')
    process.exitCode = await runAll(names)
    return
  }
  const random = flags.find(flag => /^--random(=|$)/.test(flag))
  if (random !== undefined) {
    const { runRandom } = await import('./random.ts')
    await runRandom(random.split('=')[1] ?? '')
    return
  }
  if (needsView(runtime)) {
    process.exitCode = runInView()
    return
  }
  const [{ default: t }, { conductAll }, { summary }] = await Promise.all([
    import('tap'),
    import('./suite.ts'),
    import('./summary.ts'),
  ])
  const outcomes = await conductAll(runtime, new RegExp(names))
  t.end()
  writeSync(1, summary(outcomes))
  const file = process.env.CONFORMANCE_OUTCOMES
  if (file) writeFileSync(file, JSON.stringify(outcomes))
}

await main()
