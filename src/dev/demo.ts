// `npm run demo`: the life of one container through the real command line, told as it happens, then the program that
// its init was compiled to. Leaves nothing behind, also when it fails or is interrupted.
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fillBundle } from './demo-bundle.ts'

const PROGRAM = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))
const ID = `demo-${process.pid}`
const PATIENCE_MS = 5000
const PAUSE_MS = 50

const directory = mkdtempSync(join(tmpdir(), 'tsrunc-demo-'))
const root = join(directory, 'root')
let commands = 0

const coloured = process.stdout.isTTY && !process.env.NO_COLOR
const style = (code: number, text: string): string => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text)
const say = (text: string): void => console.log(`\n${text}`)
const show = (text: string): void => console.log(text.trimEnd().replace(/^/gm, '    '))

interface Ended {
  readonly status: number | null
  /** File that has what it, and the container it made, printed. */
  readonly output: string
}

let current: Promise<unknown> = Promise.resolve()
let stopping = false

/** Nothing new begins once the demo is being interrupted. */
async function tsrunc(...args: string[]): Promise<Ended> {
  if (stopping) return new Promise(() => {})
  const ended = execute(args)
  current = ended
  return ended
}

/** Runs the real program. Its output goes to a file, since the container inherits it. */
async function execute(args: readonly string[]): Promise<Ended> {
  const output = join(directory, `output.${commands++}`)
  const fd = openSync(output, 'w')
  const argv = [PROGRAM, '--root', root, ...args]
  const child = spawn(process.execPath, argv, { cwd: directory, stdio: ['ignore', fd, fd] })
  closeSync(fd)
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  return { status, output }
}

/** The same, printed; a step that fails ends the demo. */
async function step(text: string, ...args: string[]): Promise<string> {
  say(text)
  console.log(style(1, `  $ tsrunc ${args.join(' ')}`))
  const { status, output } = await tsrunc(...args)
  const printed = readFileSync(output, 'utf8')
  if (printed) show(printed)
  if (status !== 0) throw new Error(`tsrunc ${args[0]} ended with status ${status}`)
  return output
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !(await holds()); await sleep(PAUSE_MS)) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
  }
}

/** What the container has printed, once it has said something that matches. */
async function heard(output: string, text: RegExp): Promise<string> {
  await until(`the container prints ${text}`, () => text.test(readFileSync(output, 'utf8')))
  return readFileSync(output, 'utf8')
}

async function status(): Promise<string> {
  const { output } = await tsrunc('state', ID)
  return JSON.parse(readFileSync(output, 'utf8')).status
}

async function life(): Promise<void> {
  await step('A config.json to begin with:', 'spec')
  const made = fillBundle(directory, 'demo-container')
  console.log(`  Its root filesystem is ${made}; its program greets and waits for SIGTERM.`)
  const output = await step('Create: everything is set up, and the compiled init waits.', 'create', ID)
  await step('Nothing has run so far:', 'state', ID)
  await step('Start: the init becomes the program. It prints:', 'start', ID)
  const greeting = await heard(output, /Mounts:.*\n/)
  show(greeting)
  await step('It runs:', 'list')
  await step('A signal; the container answers:', 'kill', ID, 'TERM')
  show((await heard(output, /good bye/)).slice(greeting.length))
  await until('the container stops', async () => (await status()) === 'stopped')
  await step('Delete: cgroup, state and process are gone.', 'delete', ID)
  await step('The list is empty again:', 'list')
  await step('And this is what the init was: a program of system calls, each with its place in config.json.', 'plan')
}

async function cleanUp(): Promise<void> {
  await execute(['delete', '--force', ID])
  rmSync(directory, { recursive: true, force: true })
}

async function interrupted(signal: NodeJS.Signals): Promise<never> {
  console.error(`\n${signal}: cleaning up`)
  stopping = true
  await current.catch(() => {})
  await cleanUp()
  process.exit(1)
}

async function main(): Promise<number> {
  if (process.geteuid?.() !== 0) {
    console.error('The demo makes a real container, which needs root: sudo npm run demo')
    rmSync(directory, { recursive: true, force: true })
    return 1
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupted)
  console.log(`The life of a container, in ${directory} and with the state directory ${root}.`)
  try {
    await life()
    say(style(32, 'All steps went well: created, started, signalled, deleted; nothing is left behind.'))
    return 0
  } catch (error) {
    console.error(style(31, `\nThe demo failed: ${error instanceof Error ? error.message : error}`))
    return 1
  } finally {
    await cleanUp()
  }
}

process.exitCode = await main()
