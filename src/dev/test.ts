// `npm test`: the linter as one test, then every test file in a process of its own, two at a time; *.serial.test.ts
// alone after the others. Arguments choose files: a part of the path of each. The last line is the count of leaf
// assertions; the exit code is 1 when one failed. What is a test file is asked of src/, not of dist/, where files
// stay whose source is gone. The files that drive the command line run a second time with the executable in the place
// of bin/tsrunc.js; `--executable` runs only those.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Results, resultsOf } from './test-results.ts'

const repository = fileURLToPath(new URL('../../..', import.meta.url))
process.chdir(repository)

const onlyExecutable = process.argv.includes('--executable')
const names = process.argv.slice(2).filter(argument => !argument.startsWith('--'))

const FILE_TIMEOUT = 120_000
const AT_A_TIME = 2
/** How much of the output of a file that broke is shown. */
const TAIL = 3000

interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
}

const running = new Set<number>()

/** In a process group of its own, so that nothing that it started outlives it. */
function execute(command: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Exit> {
  const [program = '', ...args] = command
  const env = { ...process.env, TAP_TIMEOUT: String(FILE_TIMEOUT / 1000), ...variables }
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env })
  const pid = child.pid
  if (pid !== undefined) running.add(pid)
  let [stdout, stderr, timedOut] = ['', '', false]
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const timer = setTimeout(() => {
    timedOut = true
    endGroup(pid)
  }, FILE_TIMEOUT)
  return new Promise(resolve => {
    // "exit" would lose output; "close" would wait for a grandchild that kept the pipes: hence the end of the group.
    child.once('exit', () => endGroup(pid))
    child.once('error', error => resolve({ code: null, signal: null, stdout, stderr: String(error), timedOut }))
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (pid !== undefined) running.delete(pid)
      resolve({ code, signal, stdout, stderr, timedOut })
    })
  })
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody of the group is left, as it should be.
  }
}

function problemOf(exit: Exit): string | undefined {
  if (exit.timedOut) return `still ran after ${FILE_TIMEOUT / 1000} s`
  if (exit.signal !== null) return `was ended by ${exit.signal}`
  return exit.code === 0 ? undefined : `exited with ${exit.code ?? 'an error'}`
}

/** A command as one test. */
async function runCommand(name: string, command: readonly string[]): Promise<Results> {
  const exit = await execute(command)
  const problem = problemOf(exit)
  const failure = { name: `${name} ${problem}`, detail: exit.stdout + exit.stderr }
  return { passed: problem ? 0 : 1, skipped: [], failures: problem ? [failure] : [] }
}

const LINT = ['node_modules/.bin/biome', 'check', '--error-on-warnings', '--colors=off', '.']
const BUILD = [process.execPath, 'dist/src/dev/build.js']

async function runFile(source: string, variables: Readonly<Record<string, string>>): Promise<Results> {
  const exit = await execute([process.execPath, '--enable-source-maps', compiled(source)], variables)
  const results = resultsOf(exit.stdout)
  const problem = problemOf(exit)
  // A file with a failed assertion exits with 1: that is told already.
  if (problem !== undefined && (exit.code !== 1 || results.failures.length === 0)) {
    results.failures.push({ name: problem, detail: exit.stderr.slice(-TAIL) || exit.stdout.slice(-TAIL) })
  }
  return results
}

const compiled = (source: string): string => join('dist', source.replace(/\.ts$/, '.js'))

function testFiles(): string[] {
  const files = ['src', 'conformance'].filter(existsSync).flatMap(directory =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.test.ts'))
      .map(name => join(directory, name)),
  )
  const wanted = names.map(argument => argument.replace(/^\.?\/?(dist\/)?/, '').replace(/\.[jt]s$/, ''))
  return files.filter(file => wanted.length === 0 || wanted.some(part => file.includes(part))).sort()
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, '      ').trimEnd()

function report(title: string, results: Results, seconds: number): void {
  const { passed, skipped, failures } = results
  const mark = failures.length > 0 ? 'FAIL' : 'ok  '
  const skips = skipped.length > 0 ? `, ${skipped.length} skipped` : ''
  console.log(`${mark} ${title}: ${passed} passed${skips} (${seconds.toFixed(1)} s)`)
  for (const { name, detail } of failures) console.log(`  not ok ${title}: ${name}\n${indent(detail)}`)
  for (const { name, reason } of skipped) console.log(`  skipped ${name}: ${reason}`)
}

const total = { passed: 0, failed: 0, skipped: 0 }

async function test(title: string, run: () => Promise<Results>): Promise<void> {
  const start = performance.now()
  const results = await run()
  report(title, results, (performance.now() - start) / 1000)
  total.passed += results.passed
  total.failed += results.failures.length
  total.skipped += results.skipped.length
}

async function worker(queue: (() => Promise<void>)[]): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    running.forEach(endGroup)
    process.exit(1)
  })
}

/** Those that drive the command line: src/cli/testing.ts puts the executable in its place. */
const DRIVES_COMMAND_LINE = /^(src\/cli\/(main|output)|src\/runtime\/(run|notify)|conformance\/tsrunc)\.test\.ts$/

const files = testFiles()
const isSerial = (file: string): boolean => file.endsWith('.serial.test.ts')
const job = (file: string) => () => test(file, () => runFile(file, {}))
const together = onlyExecutable ? [] : files.filter(file => !isSerial(file)).map(job)
if (!onlyExecutable && names.length === 0) together.unshift(() => test('lint', () => runCommand('biome check', LINT)))
if (onlyExecutable || names.length === 0) {
  await test('build', () => runCommand('npm run build', BUILD))
  const variables = { TSRUNC_UNDER_TEST: 'dist/tsrunc' }
  const withExecutable = (file: string) => () => test(`${file}, the executable`, () => runFile(file, variables))
  together.push(...files.filter(file => DRIVES_COMMAND_LINE.test(file)).map(withExecutable))
}
await Promise.all(Array.from({ length: AT_A_TIME }, () => worker(together)))
if (!onlyExecutable) await worker(files.filter(isSerial).map(job))

if (total.passed + total.failed + total.skipped === 0) {
  console.log('no test file has such a name')
  total.failed++
}
const skips = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
console.log(`${total.passed} passed, ${total.failed} failed${skips}`)
process.exitCode = total.failed > 0 ? 1 : 0
