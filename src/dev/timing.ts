// `npm run timing`: where the time of each command goes, from its first line on. The code is copied, a stop watch is put
// into the functions that stop-watches.ts names and around each import, and the copy is compiled as the executable is,
// with a snapshot. Then a container goes through its life some times; printed is the least time of each part, as the
// machine's other work only adds. Parts contain those indented below them; what takes next to no time is left out.
// Option: --rounds=N (default 20).
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reap, setSubreaper } from '../host/process.ts'
import { build } from './executable.ts'
import { copySources, PREFIX } from './stop-watches.ts'

const repository = fileURLToPath(new URL('../../..', import.meta.url))
const LEAST = 0.04

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
