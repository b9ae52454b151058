// `npm run bench`: tsrunc beside runc and crun, command by command, in one run on one machine. The runtimes take turns
// within every round and the order turns too, so that a drift of the machine's speed hits all alike; what counts is
// the ratio. Options: --rounds=N (default 30), --only=NAME,NAME.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reap, setSubreaper } from '../host/process.ts'
import { type Cost, measure, median } from './measure.ts'

const here = fileURLToPath(import.meta.url)
const repository = fileURLToPath(new URL('../../../', import.meta.url))
const PRIVATE_VIEW = 'TSRUNC_BENCH_PRIVATE_CGROUP2'
const isPrivateView = process.env[PRIVATE_VIEW] === '1'

interface Runtime {
  readonly name: string
  readonly argv: readonly string[]
}

const EXECUTABLE = join(repository, 'dist/tsrunc')
const ON_NODE = [process.execPath, join(repository, 'bin/tsrunc.js')]

/** tsrunc is the executable, and its code on Node a column of its own, where `npm run build` has made one. */
const CANDIDATES: readonly Runtime[] = [
  ...(existsSync(EXECUTABLE) ? [{ name: 'tsrunc', argv: [EXECUTABLE] }] : []),
  { name: existsSync(EXECUTABLE) ? 'node' : 'tsrunc', argv: ON_NODE },
  { name: 'runc', argv: ['runc'] },
  { name: 'crun', argv: ['crun'] },
]

const OPERATIONS = ['run', 'create', 'state', 'start', 'kill', 'delete', 'cycle'] as const
type Operation = (typeof OPERATIONS)[number]

const flag = (name: string): string | undefined =>
  process.argv.find(argument => argument.startsWith(`--${name}=`))?.slice(name.length + 3)

/** A busybox rootfs and a config as `runc spec` has it, without a terminal, with the program given. */
function makeBundle(directory: string, args: readonly string[]): string {
  mkdirSync(join(directory, 'rootfs/bin'), { recursive: true })
  for (const name of ['busybox', 'true', 'sleep']) cpSync('/bin/busybox', join(directory, 'rootfs/bin', name))
  execFileSync(process.execPath, [join(repository, 'bin/tsrunc.js'), 'spec', '--bundle', directory])
  const file = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8'))
  config.process.terminal = false
  config.process.args = args
  config.ociVersion = '1.0.2' // crun 1.8 refuses what came later
  // crun wants to raise RLIMIT_MEMLOCK before it loads a device program, which not every machine allows
  if (isPrivateView) delete config.linux.resources
  writeFileSync(file, JSON.stringify(config))
  return directory
}

class Bench {
  readonly work = mkdtempSync(join(tmpdir(), 'tsrunc-bench-'))
  readonly quick = makeBundle(join(this.work, 'true'), ['/bin/true'])
  readonly slow = makeBundle(join(this.work, 'sleep'), ['/bin/sleep', '100'])
  readonly costs = new Map<string, Cost[]>()

  argv(runtime: Runtime, ...rest: string[]): string[] {
    return [...runtime.argv, '--root', join(this.work, `root-${runtime.name}`), ...rest]
  }

  /** Runs one command of a runtime; a failure ends the whole benchmark with what the command printed. */
  once(runtime: Runtime, ...rest: string[]): Cost {
    const errors = join(this.work, 'stderr')
    const cost = measure(this.argv(runtime, ...rest), errors)
    if (cost.exitCode !== 0)
      throw new Error(`${runtime.name} ${rest.join(' ')}: exit ${cost.exitCode}: ${readFileSync(errors, 'utf8')}`)
    return cost
  }

  note(runtime: Runtime, operation: Operation, cost: Cost): void {
    const key = `${runtime.name} ${operation}`
    const list = this.costs.get(key)
    if (list) list.push(cost)
    else this.costs.set(key, [cost])
  }

  lifeCycle(runtime: Runtime): void {
    const id = `bench-${process.pid}`
    const pidFile = join(this.work, 'pid')
    const step = (operation: Operation, ...rest: string[]): Cost => {
      const cost = this.once(runtime, ...rest)
      this.note(runtime, operation, cost)
      return cost
    }
    const create = step('create', 'create', '--bundle', this.slow, '--pid-file', pidFile, id)
    const pid = Number(readFileSync(pidFile, 'utf8'))
    step('state', 'state', id)
    const start = step('start', 'start', id)
    step('kill', 'kill', id, 'KILL')
    reap(pid, true)
    const gone = step('delete', 'delete', id)
    const sum = (part: 'wall' | 'cpu'): number => create[part] + start[part] + gone[part]
    this.note(runtime, 'cycle', { wall: sum('wall'), cpu: sum('cpu'), peak: create.peak, exitCode: 0 })
  }

  round(runtimes: readonly Runtime[]): void {
    for (const runtime of runtimes)
      this.note(runtime, 'run', this.once(runtime, 'run', '--bundle', this.quick, `bench-run-${process.pid}`))
    for (const runtime of runtimes) this.lifeCycle(runtime)
  }

  forget(): void {
    this.costs.clear()
  }

  close(): void {
    rmSync(this.work, { recursive: true, force: true })
  }
}

function rotate<T>(list: readonly T[], by: number): T[] {
  return list.map((_, index) => list[(index + by) % list.length] as T) // the index is below the length
}

const cell = (text: string, width: number): string => text.padStart(width)

function printTimes(bench: Bench, runtimes: readonly Runtime[]): void {
  const others = runtimes.filter(runtime => runtime.name !== 'tsrunc')
  const heads = [...runtimes.map(runtime => runtime.name), ...others.map(runtime => `/${runtime.name}`)]
  for (const part of ['wall', 'cpu'] as const) {
    console.log(
      `\n${part === 'wall' ? 'wall clock' : 'user+system CPU'}: median ms; ratio = median of tsrunc/other, round by round`,
    )
    console.log(`${'operation'.padEnd(10)}${heads.map(head => cell(head, 9)).join('')}`)
    for (const operation of OPERATIONS) {
      const values = (runtime: Runtime): number[] =>
        (bench.costs.get(`${runtime.name} ${operation}`) ?? []).map(cost => cost[part])
      const own = values(runtimes[0] as Runtime) // tsrunc is always there
      const medians = runtimes.map(runtime => cell(median(values(runtime)).toFixed(1), 9))
      const ratios = others.map(other => {
        const theirs = values(other)
        return cell(median(own.map((value, index) => value / (theirs[index] ?? Number.NaN))).toFixed(2), 9)
      })
      console.log(`${operation.padEnd(10)}${medians.join('')}${ratios.join('')}`)
    }
  }
}

const field = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1])

/** Bytes charged to the memory cgroup that a process is in, without those that were there before; NaN where it is not known. */
function cgroupMemory(pid: number): number {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')
  const v1 = lines.find(line => line.split(':')[1]?.split(',').includes('memory'))
  const v2 = lines.find(line => line.startsWith('0::'))
  const file = v1
    ? `/sys/fs/cgroup/memory${v1.split(':')[2]}/memory.usage_in_bytes`
    : `/sys/fs/cgroup${v2?.slice(3)}/memory.current`
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : Number.NaN
}

function printMemory(bench: Bench, runtimes: readonly Runtime[], rounds: number): void {
  console.log(
    '\nmemory, KiB, median: of the waiting init, of the runtime at its peak (create), of the cgroup after create',
  )
  console.log(`${''.padEnd(10)}${['init Pss', 'init Rss', 'peak', 'cgroup'].map(head => cell(head, 10)).join('')}`)
  for (const runtime of runtimes) {
    const samples: number[][] = [[], [], [], []]
    for (let i = 0; i < rounds; i++) {
      const id = `bench-memory-${process.pid}`
      const pidFile = join(bench.work, 'pid')
      const { peak } = bench.once(runtime, 'create', '--bundle', bench.slow, '--pid-file', pidFile, id)
      const pid = Number(readFileSync(pidFile, 'utf8'))
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
      const figures = [field(rollup, 'Pss'), field(rollup, 'Rss'), peak, cgroupMemory(pid) / 1024]
      figures.forEach((value, index) => {
        samples[index]?.push(value)
      })
      bench.once(runtime, 'delete', '--force', id)
      reap(pid, true)
    }
    console.log(`${runtime.name.padEnd(10)}${samples.map(list => cell(median(list).toFixed(0), 10)).join('')}`)
  }
}

function works(bench: Bench, runtime: Runtime): boolean {
  const [file = '', ...args] = bench.argv(runtime, 'run', '--bundle', bench.quick, `bench-try-${process.pid}`)
  const result = spawnSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (result.error) console.log(`${runtime.name}: left out, cannot be started (${result.error.message})`)
  else if (result.status !== 0) console.log(`${runtime.name}: left out here: ${result.stderr.trim().split('\n')[0]}`)
  return !result.error && result.status === 0
}

function version(runtime: Runtime): string {
  const [file = '', ...args] = [...runtime.argv, '--version']
  return spawnSync(file, args, { encoding: 'utf8' }).stdout?.split('\n')[0] ?? ''
}

/** Runs this file again with nothing but cgroup v2 at /sys/fs/cgroup, in namespaces of its own. */
function runInPrivateView(): number {
  const shell = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"'
  const argv = ['-m', '-C', 'sh', '-c', shell, 'sh', process.execPath, here, ...process.argv.slice(2)]
  return spawnSync('unshare', argv, { stdio: 'inherit', env: { ...process.env, [PRIVATE_VIEW]: '1' } }).status ?? 1
}

function main(): number {
  if (process.geteuid?.() !== 0) {
    console.error('npm run bench needs root: it creates containers with runc, crun and tsrunc')
    return 1
  }
  const rounds = Number(flag('rounds') ?? 30)
  const only = flag('only')?.split(',')
  setSubreaper(true)
  const bench = new Bench()
  try {
    const asked = CANDIDATES.filter(runtime => runtime.name === 'tsrunc' || (only?.includes(runtime.name) ?? true))
    console.log(`\ncgroup view: ${isPrivateView ? 'private cgroup v2, without device rules' : "the host's own"}`)
    const runtimes = asked.filter(runtime => works(bench, runtime))
    if (runtimes[0]?.name !== 'tsrunc') return 1
    if (!isPrivateView)
      console.log(
        `Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${rounds} rounds`,
      )
    for (const runtime of runtimes) console.log(`  ${runtime.name}: ${version(runtime)}`)
    for (let i = 0; i < 2; i++) bench.round(runtimes)
    bench.forget()
    for (let i = 0; i < rounds; i++) bench.round(rotate(runtimes, i))
    printTimes(bench, runtimes)
    printMemory(bench, runtimes, Math.min(rounds, 7))
    return !isPrivateView && runtimes.length < asked.length ? runInPrivateView() : 0
  } finally {
    bench.close()
  }
}

process.exitCode = main()
