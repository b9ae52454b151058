// `npm run timing`: where the time of each command goes. The code is copied, a stop watch is put into the functions
// named below and around each import, and the copy is compiled as the executable is. Then a container goes through its
// life some times; printed is the least time of each part, as the machine's other work only adds. Parts contain those
// indented below them; what takes next to no time is left out. Option: --rounds=N (default 20).
import { execFileSync, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reap, setSubreaper } from '../host/process.ts'
import { build } from './executable.ts'

const repository = fileURLToPath(new URL('../../..', import.meta.url))
const PREFIX = 'timing '
const LEAST = 0.04

/** File → functions and methods. */
const WATCHED: Readonly<Record<string, readonly string[]>> = {
  'cli/main.ts': ['main'],
  'host/native.ts': ['native', 'declare'],
  'runtime/create.ts': ['createContainer'],
  'runtime/compile.ts': ['compile'],
  'runtime/bundle.ts': ['readBundle', 'openRootfs'],
  'spec/parse.ts': ['parseSpec'],
  'runtime/facts.ts': ['gatherFacts'],
  'plan/init.ts': ['planInit'],
  'image/build.ts': ['buildImage'],
  'program/assemble.ts': ['assemble'],
  'runtime/store.ts': ['reserve', 'find'],
  'runtime/creation.ts': ['#save', '#makeCgroup', '#launch', '#talk'],
  'host/memfd.ts': ['sealedMemfd'],
  'host/launch.ts': ['launch'],
  'runtime/container.ts': ['load'],
  'runtime/start.ts': ['start'],
  'runtime/kill.ts': ['kill'],
  'runtime/delete.ts': ['remove'],
  'runtime/query.ts': ['state'],
}

/** The stop watch; the first time is that of the engine's start up to the first line of ours. */
const WATCH = `
import { writeSync } from 'node:fs'
const begin = performance.now()
const rows = [['engine', 0, begin, 0]]
let depth = 0
globalThis.__watch = name => {
  const row = [name, performance.now(), 0, depth++]
  rows.push(row)
  return { [Symbol.dispose]() { row[2] = performance.now(); depth-- } }
}
globalThis.__watchImport = async (name, load) => {
  using _ = globalThis.__watch(name)
  return await load()
}
globalThis.__report = () => {
  for (const [name, from, to, level] of rows)
    writeSync(2, '${PREFIX}' + JSON.stringify([level, name, to - from]) + '\\n')
}
`

function watched(code: string, name: string): string {
  const isMethod = name.startsWith('#')
  const head = isMethod ? `^  (?:async )?${name}\\(` : `^(?:export )?(?:async )?function ${name}\\b`
  const found = new RegExp(`${head}[\\s\\S]*?\\{\\n`, 'm').exec(code)
  if (found === null) throw new Error(`no function ${name}`)
  const at = found.index + found[0].length
  return `${code.slice(0, at)}  using __watched = globalThis.__watch('${name}')\n${code.slice(at)}`
}

/** A copy of the sources with stop watches, in a directory in which packages and settings are found. */
function copySources(directory: string): void {
  cpSync(join(repository, 'src'), join(directory, 'src'), {
    recursive: true,
    filter: path => !path.endsWith('.test.ts') && !path.includes('/src/dev'),
  })
  for (const name of ['node_modules', 'tsconfig.json', 'package.json']) {
    symlinkSync(join(repository, name), join(directory, name))
  }
  const source = (name: string): string => join(directory, 'src', name)
  for (const [file, names] of Object.entries(WATCHED))
    writeFileSync(source(file), names.reduce(watched, readFileSync(source(file), 'utf8')))
  for (const file of readdirSync(source(''), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const code = readFileSync(source(file), 'utf8')
    const timed = code.replace(/await import\(('[^']+')\)/g, 'await globalThis.__watchImport($1, () => import($1))')
    if (timed !== code) writeFileSync(source(file), timed)
  }
  writeFileSync(source('cli/watch.js'), WATCH)
  const entry = `import './watch.js'
const { main } = await globalThis.__watchImport('./main.ts', () => import('./main.ts'))
const status = await main(process.argv.slice(2))
globalThis.__report()
process.exit(status)
`
  writeFileSync(source('cli/executable.ts'), entry)
}

type Row = [level: number, name: string, time: number]

/** What one command takes, part by part. */
function timed(executable: string, args: readonly string[]): Row[] {
  const stderr = join(executable, '../stderr')
  // A file, since init would keep a pipe open.
  const done = spawnSync('/bin/sh', ['-c', `exec "$0" "$@" >/dev/null 2>${stderr}`, executable, ...args])
  const lines = readFileSync(stderr, 'utf8').split('\n').filter(Boolean)
  if (done.status !== 0) throw new Error(`${args.join(' ')}: ${lines.join('\n')}`)
  return lines.filter(line => line.startsWith(PREFIX)).map(line => JSON.parse(line.slice(PREFIX.length)) as Row)
}

function makeBundle(executable: string, directory: string): void {
  mkdirSync(join(directory, 'rootfs/bin'), { recursive: true })
  copyFileSync('/bin/busybox', join(directory, 'rootfs/bin/sleep'))
  execFileSync(executable, ['spec', '--bundle', directory], { stdio: 'pipe' })
  const file = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8'))
  config.process.terminal = false
  config.process.args = ['/bin/sleep', '100']
  writeFileSync(file, JSON.stringify(config))
}

/** The least times, where the rounds agree on the parts. */
function least(rounds: readonly (readonly Row[])[]): Row[] {
  const [first = []] = rounds
  return first.map(([level, name, time], index) => {
    const times = rounds.map(rows => (rows[index]?.[1] === name ? rows[index][2] : time))
    return [level, name, Math.min(...times)]
  })
}

async function measureAll(directory: string, rounds: number): Promise<void> {
  copySources(directory)
  await build(directory, join(directory, 'src/cli/executable.ts'))
  const executable = join(directory, 'tsrunc')
  const bundle = join(directory, 'bundle')
  makeBundle(executable, bundle)
  const id = `timing-${process.pid}`
  const pidFile = join(directory, 'pid')
  const results = new Map<string, Row[][]>()
  const step = (name: string, ...args: string[]): void => {
    const rows = timed(executable, ['--root', join(directory, 'root'), name, ...args])
    results.set(name, [...(results.get(name) ?? []), rows])
  }
  for (let i = 0; i < rounds; i++) {
    step('create', '--bundle', bundle, '--pid-file', pidFile, id)
    const pid = Number(readFileSync(pidFile, 'utf8'))
    step('state', id)
    step('start', id)
    step('kill', id, 'KILL')
    reap(pid, true)
    step('delete', id)
  }
  for (const [name, list] of results) {
    console.log(`\n${name}: least ms of ${rounds}`)
    for (const [level, part, time] of least(list))
      if (time >= LEAST) console.log(`${time.toFixed(3).padStart(9)} ${'  '.repeat(level)}${part}`)
  }
}

const rounds = Number(process.argv.find(argument => argument.startsWith('--rounds='))?.slice(9) ?? 20)
if (process.geteuid?.() !== 0) {
  console.error('npm run timing needs root: it creates containers')
  process.exitCode = 1
} else {
  setSubreaper(true)
  const directory = mkdtempSync(join(repository, 'dist/.timing-'))
  try {
    await measureAll(directory, rounds)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
