// Makes the executable: Bun's compiler puts engine, code and bytecode into one file, executable-file.ts makes it safe
// to be run by root; beside it comes koffi.node, which it looks for there. Nothing takes its place before the two have
// answered together.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { helpTexts } from '../cli/help.ts'
import { addonPath } from '../host/addon.ts'
import { finished, payloadWord } from './executable-file.ts'
import { takeSnapshot } from './snapshot/take.ts'

const repository = fileURLToPath(new URL('../../..', import.meta.url))

const ENTRY = join(repository, 'src/cli/executable.ts')

const BUN_PACKAGE: Readonly<Record<string, string>> = { x64: '@oven/bun-linux-x64', arm64: '@oven/bun-linux-aarch64' }

const FLAGS = [
  '--compile',
  '--target=bun',
  '--format=esm',
  '--bytecode',
  '--splitting', // a command's code is read when the command is asked for
  '--minify',
  // Nothing of the working directory is ours to obey.
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  '--no-compile-autoload-tsconfig',
  '--no-compile-autoload-package-json',
]

/** Where npm has put the compiler: its install script, which may have been skipped, moves it. */
export function compiler(): string {
  const packages = join(createRequire(import.meta.url).resolve('bun/package.json'), '../..')
  const places = [join(packages, BUN_PACKAGE[process.arch] ?? '', 'bin/bun'), join(packages, 'bun/bin/bun.exe')]
  const isProgram = (path: string): boolean => existsSync(path) && statSync(path).size > 1 << 20
  const found = places.find(isProgram)
  if (found === undefined) throw new Error(`no compiler at ${places.join(' or ')}: run "npm ci"`)
  return found
}

/** What Bun itself makes of the code: it still obeys its caller's environment. */
export async function compileOnly(file: string, entry = ENTRY): Promise<void> {
  // The compiler obeys the same variables as its products.
  const env = { PATH: process.env.PATH ?? '', HOME: join(file, '..'), TMPDIR: join(file, '..') }
  // yargs looks for files in the current directory and at the caller's streams: its texts are made here.
  const help = `--define=HELP_TEXTS=${JSON.stringify(await helpTexts())}`
  const argv = ['build', ...FLAGS, help, `--outfile=${file}`, entry]
  execFileSync(compiler(), argv, { cwd: repository, env, stdio: 'pipe' })
}

/** Looks for a container where none is: enough to see that the executable finds the addon and calls into libc. */
export function checkThatItAnswers(executable: string): void {
  const options = { cwd: '/', env: { BUN_BE_BUN: '1' }, encoding: 'utf8', stdio: 'pipe' } as const
  const root = mkdtempSync(join(tmpdir(), 'tsrunc-check-'))
  try {
    execFileSync(executable, ['--root', root, 'delete', '--force', 'none'], options)
    const version = execFileSync(executable, ['--version'], options)
    if (!version.startsWith('tsrunc version ')) throw new Error(`${executable} is another program: ${version}`)
  } finally {
    rmdirSync(root)
  }
}

/** Undefined where none can be taken, which costs speed and nothing else. */
function snapshotOf(...args: Parameters<typeof takeSnapshot>): ReturnType<typeof takeSnapshot> {
  try {
    if (process.arch === 'x64') return takeSnapshot(...args)
  } catch (error) {
    console.error(`tsrunc will start without a snapshot of itself: ${(error as Error).message}`)
  }
  return undefined
}

/** Puts tsrunc and koffi.node into a directory. */
export async function build(directory: string, entry = ENTRY): Promise<void> {
  const work = mkdtempSync(join(directory, '.build-')) // there, so that one rename puts a file in its place
  try {
    const [file, addon] = [join(work, 'tsrunc'), join(work, 'koffi.node')]
    await compileOnly(file, entry)
    copyFileSync(addonPath(), addon)
    chmodSync(addon, 0o644)
    const [original, payloadAt] = [readFileSync(file), payloadWord(readFileSync(compiler()))]
    const snapshot = snapshotOf(original, payloadAt, work)
    writeFileSync(file, finished(original, payloadAt, snapshot && { snapshot }))
    chmodSync(file, 0o755)
    checkThatItAnswers(file)
    for (const name of ['koffi.node', 'tsrunc']) renameSync(join(work, name), join(directory, name))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
