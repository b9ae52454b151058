// `npm run build`: dist/tsrunc, one executable with the engine, the code and its bytecode in it, and koffi.node, which
// it looks for beside itself. Bun's compiler makes it, executable-file.ts makes it safe to be run by root; nothing is
// put in place before the result has answered.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addonPath } from '../host/addon.ts'
import { finished, payloadWord } from './executable-file.ts'

const repository = fileURLToPath(new URL('../../..', import.meta.url))
const dist = join(repository, 'dist')

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
function compiler(): string {
  const packages = join(createRequire(import.meta.url).resolve('bun/package.json'), '../..')
  const places = [join(packages, BUN_PACKAGE[process.arch] ?? '', 'bin/bun'), join(packages, 'bun/bin/bun.exe')]
  const isProgram = (path: string): boolean => existsSync(path) && statSync(path).size > 1 << 20
  const found = places.find(isProgram)
  if (found === undefined) throw new Error(`no compiler at ${places.join(' or ')}: run "npm ci"`)
  return found
}

/** Where something is made before it takes its place: in dist/, so that one rename does it. */
function withWorkDirectory(work: (directory: string) => void): void {
  const directory = mkdtempSync(join(dist, '.build-'))
  try {
    work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function compile(bun: string, directory: string): string {
  const file = join(directory, 'tsrunc')
  const entry = join(repository, 'src/cli/executable.ts')
  // The compiler obeys the same variables as its products.
  const env = { PATH: process.env.PATH ?? '', HOME: directory, TMPDIR: directory }
  execFileSync(bun, ['build', ...FLAGS, `--outfile=${file}`, entry], { cwd: repository, env, stdio: 'pipe' })
  return file
}

function build(): void {
  const bun = compiler()
  withWorkDirectory(directory => {
    const file = compile(bun, directory)
    writeFileSync(file, finished(readFileSync(file), payloadWord(readFileSync(bun))))
    const addon = join(directory, 'koffi.node')
    copyFileSync(addonPath(), addon)
    chmodSync(addon, 0o644)
    chmodSync(file, 0o755)
    const answer = execFileSync(file, ['features'], { cwd: '/', env: { BUN_BE_BUN: '1' }, encoding: 'utf8' })
    if (!answer.includes('ociVersionMax')) throw new Error(`the executable does not work: ${answer}`)
    for (const name of ['koffi.node', 'tsrunc']) renameSync(join(directory, name), join(dist, name))
  })
  const { size } = statSync(join(dist, 'tsrunc'))
  console.log(`dist/tsrunc (${(size / 1e6).toFixed(0)} MB) and dist/koffi.node`)
}

build()
