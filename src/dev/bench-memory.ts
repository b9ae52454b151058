// Memory: of the waiting init, of the runtime at its peak, and what the container's memory cgroup is charged.
//
// The kernel charges a cgroup ahead, 64 pages at a time for each CPU that its processes run on, and takes from that stock;
// memory.usage_in_bytes and memory.current contain the stock, until another cgroup needs the place or the limit is near
// (mm/memcontrol.c, MEMCG_CHARGE_BATCH). So right after create they are up to 256 KiB a CPU too high. What is used is the
// sum of kernel memory, anonymous memory and cache. These are brought up to date every two seconds; hence the wait.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { SIG } from '../abi/signal.ts'
import { parseOwnGroups } from '../cgroup/layout.ts'
import { currentLayout } from '../cgroup/places.ts'
import { reap, sendSignal } from '../host/process.ts'
import { removeGroup } from './bench-leftovers.ts'
import { number, table, type Verdicts } from './bench-samples.ts'
import type { Runtime, World } from './bench-world.ts'
import { median } from './measure.ts'

const UP_TO_DATE_MS = 2600
const MARKS = { pss: 64, used: 256 }

/** KiB; NaN where there is no such figure. */
interface Memory {
  readonly pss: number
  readonly rss: number
  readonly peak: number
  readonly usage: number
  kernel: number
  user: number
}

/** What waits, until it is asked for what it has been charged. */
interface Waiting {
  readonly name: string
  readonly group: string
  readonly memory: Memory
  end(): Promise<void>
}

const figure = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN)
const textOf = (directory: string, file: string): string => readFileSync(join(directory, file), 'utf8')
const kib = (bytes: number): number => bytes / 1024

/** The memory cgroup of a process; undefined where no controller of memory is in view. */
function memoryGroup(pid: number | 'self'): string | undefined {
  const groups = parseOwnGroups(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))
  const { hierarchies } = currentLayout()
  const hierarchy =
    hierarchies.find(({ controllers }) => controllers.split(',').includes('memory')) ??
    hierarchies.find(({ controllers }) => controllers === '')
  if (hierarchy === undefined) return undefined
  const directory = join(hierarchy.mountpoint, groups.get(hierarchy.controllers) ?? '')
  const isThere = ['memory.usage_in_bytes', 'memory.current'].some(file => existsSync(join(directory, file)))
  return isThere ? directory : undefined
}

function used(group: string): Pick<Memory, 'kernel' | 'user'> {
  const stat = textOf(group, 'memory.stat')
  if (!existsSync(join(group, 'memory.kmem.usage_in_bytes')))
    return { kernel: kib(figure(stat, 'kernel')), user: kib(figure(stat, 'anon') + figure(stat, 'file')) }
  const kernel = kib(Number(textOf(group, 'memory.kmem.usage_in_bytes')))
  return { kernel, user: kib(figure(stat, 'rss') + figure(stat, 'cache')) }
}

function atOnce(pid: number, group: string, peak: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const v1 = 'memory.usage_in_bytes'
  const usage = kib(Number(textOf(group, existsSync(join(group, v1)) ? v1 : 'memory.current')))
  return { pss: figure(rollup, 'Pss'), rss: figure(rollup, 'Rss'), peak, usage, kernel: Number.NaN, user: Number.NaN }
}

async function container(world: World, runtime: Runtime): Promise<Waiting> {
  const pidFile = join(world.work, 'pid')
  const id = world.id(runtime)
  const { peak } = await world.once(runtime, 'create', '--bundle', world.slow, '--pid-file', pidFile, id)
  const pid = Number(readFileSync(pidFile, 'utf8'))
  const group = memoryGroup(pid)
  if (group === undefined) throw new Error(`${runtime.name}: the container is in no cgroup of memory`)
  const end = async (): Promise<void> => {
    await world.once(runtime, 'delete', '--force', id)
    reap(pid, true)
  }
  return { name: runtime.name, group, memory: atOnce(pid, group, peak), end }
}

/** A process of the C limit in a group of its own. */
function limitProcess(world: World, limit: string, name: 'limit' | 'bare', beside: string): Waiting {
  const group = join(dirname(beside), `${world.prefix}-${name}`)
  mkdirSync(group)
  const [verb, ...rootfs] = name === 'bare' ? ['bare'] : ['wait', join(world.slow, 'rootfs')]
  const args = [verb ?? '', join(group, 'cgroup.procs'), ...rootfs]
  const pid = Number(execFileSync(limit, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
  const end = async (): Promise<void> => {
    sendSignal(pid, SIG.SIGKILL)
    reap(pid, true)
    await removeGroup(group)
  }
  return { name, group, memory: atOnce(pid, group, Number.NaN), end }
}

/** Of each subject; undefined when no cgroup of memory is in view. */
export async function measureMemory(
  world: World,
  runtimes: readonly Runtime[],
  limit: string | undefined,
  rounds: number,
): Promise<Map<string, Memory[]> | undefined> {
  if (memoryGroup('self') === undefined) return undefined
  const all = new Map<string, Memory[]>()
  for (let round = 0; round < rounds; round++) {
    const waiting: Waiting[] = []
    for (const runtime of runtimes) waiting.push(await container(world, runtime))
    const beside = waiting[0]?.group
    if (limit !== undefined && beside !== undefined)
      waiting.push(limitProcess(world, limit, 'limit', beside), limitProcess(world, limit, 'bare', beside))
    await setTimeout(UP_TO_DATE_MS)
    for (const { name, group, memory, end } of waiting) {
      Object.assign(memory, used(group))
      all.set(name, [...(all.get(name) ?? []), memory])
      await end()
    }
  }
  return all
}

const NAMES: Readonly<Record<string, string>> = { limit: 'C limit, waiting', bare: 'C, a bare process' }

export function memoryTable(all: ReadonlyMap<string, Memory[]>, verdicts: Verdicts, markdown: boolean): string {
  const of = (name: string, value: (memory: Memory) => number): number => median((all.get(name) ?? []).map(value))
  const sum = ({ kernel, user }: Memory): number => kernel + user
  const rows = [...all.keys()].map(name => {
    const mark = (text: string, value: number, limit: number): string =>
      verdicts.beside(text, value, name === 'tsrunc' ? limit : undefined, 0)
    return [
      NAMES[name] ?? name,
      mark(
        'Pss of init',
        of(name, memory => memory.pss),
        MARKS.pss,
      ),
      number(
        of(name, memory => memory.rss),
        0,
      ),
      number(
        of(name, memory => memory.peak),
        0,
      ),
      number(
        of(name, memory => memory.usage),
        0,
      ),
      mark('charged', of(name, sum), MARKS.used),
      number(
        of(name, memory => memory.kernel),
        0,
      ),
      number(of(name, sum) - of('bare', sum), 0),
      number(of(name, sum) - of('limit', sum), 0),
    ]
  })
  const cgroup = ['usage at once', 'charged', 'of it kernel', 'less bare', 'less C limit']
  return table([['KiB', 'init Pss', 'init Rss', 'peak of create', ...cgroup], ...rows], markdown)
}
