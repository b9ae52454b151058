// The commands one by one, and many containers: what is run, and the tables of it.
import { mkdirSync, readFileSync } from 'node:fs'
import { reap } from '../host/process.ts'
import { reapAll } from './bench-leftovers.ts'
import { number, type Samples, type Side, table, type Verdicts } from './bench-samples.ts'
import type { Runtime, World } from './bench-world.ts'

export const LIST_COUNT = 500
const SEQUENCE = 100
const AT_ONCE = 50
/** So many of the listed containers are made and removed at a time. */
const BATCH = 20

export const OPERATIONS = ['run', 'create', 'state', 'start', 'kill', 'delete', 'cycle'] as const
const MANY = ['100 run in sequence', '50 run at once', 'list, no container', `list, ${LIST_COUNT} containers`] as const

/** Of ratios tsrunc / other. */
const MARKS: Readonly<Record<Side, Readonly<Record<string, number>>>> = {
  wall: {
    'run runc': 0.45,
    'run crun': 1.4,
    'cycle runc': 0.6,
    'cycle crun': 1.6,
    'state crun': 2,
    'kill crun': 2,
    'delete crun': 2,
  },
  cpu: { 'cycle runc': 0.6 },
}
const LIST_MARK = 3

export async function runOnce(world: World, samples: Samples, runtime: Runtime): Promise<void> {
  samples.note(runtime.name, 'run', await world.once(runtime, 'run', '--bundle', world.quick, world.id(runtime)))
}

export async function lifeCycle(world: World, samples: Samples, runtime: Runtime): Promise<void> {
  const id = world.id(runtime)
  const pidFile = `${world.work}/pid`
  const step = async (operation: (typeof OPERATIONS)[number], ...args: string[]) => {
    const cost = await world.once(runtime, operation, ...args)
    samples.note(runtime.name, operation, cost)
    return cost
  }
  const create = await step('create', '--bundle', world.slow, '--pid-file', pidFile, id)
  const pid = Number(readFileSync(pidFile, 'utf8'))
  await step('state', id)
  const start = await step('start', id)
  await step('kill', id, 'KILL')
  reap(pid, true)
  const gone = await step('delete', id)
  const sum = (side: Side): number => create[side] + start[side] + gone[side]
  samples.note(runtime.name, 'cycle', { wall: sum('wall'), cpu: sum('cpu') })
}

const ids = (world: World, runtime: Runtime, count: number): string[] =>
  Array.from({ length: count }, (_, number) => world.id(runtime, number))

const runs = (world: World, runtime: Runtime, count: number): string[][] =>
  ids(world, runtime, count).map(id => world.command(runtime, ['run', '--bundle', world.quick, id]))

export async function manyRuns(world: World, samples: Samples, runtime: Runtime): Promise<void> {
  samples.note(runtime.name, MANY[0], await world.run(runs(world, runtime, SEQUENCE)))
  samples.note(runtime.name, MANY[1], await world.run(runs(world, runtime, AT_ONCE), true))
}

/** Node lists what the executable has made: they share their state. */
const owner = (runtime: Runtime, all: readonly Runtime[]): Runtime =>
  (runtime.name === 'node' && all.find(({ name }) => name === 'tsrunc')) || runtime

/** Stopped containers: five hundred that wait would take five gigabytes with runc. */
export async function fillLists(world: World, all: readonly Runtime[], change: 'make' | 'remove'): Promise<void> {
  for (const runtime of all) {
    if (owner(runtime, all) !== runtime) continue
    const root = world.root(runtime, 'many')
    const verb = change === 'make' ? ['run', '--detach', '--bundle', world.quick] : ['delete']
    const commands = ids(world, runtime, LIST_COUNT).map(id => world.command(runtime, [...verb, id], root))
    for (let from = 0; from < LIST_COUNT; from += BATCH) {
      await world.run(commands.slice(from, from + BATCH), true)
      if (change === 'make') reapAll(true)
    }
  }
}

export async function lists(world: World, samples: Samples, runtime: Runtime, all: readonly Runtime[]): Promise<void> {
  const none = world.root(runtime, 'none')
  mkdirSync(none, { recursive: true })
  const list = (root: string) => world.run([world.command(runtime, ['list'], root)])
  samples.note(runtime.name, MANY[2], await list(none))
  samples.note(runtime.name, MANY[3], await list(world.root(owner(runtime, all), 'many')))
}

export interface Printing {
  readonly samples: Samples
  readonly verdicts: Verdicts
  readonly runtimes: readonly Runtime[]
  readonly markdown: boolean
}

/** Medians of all, and the ratios of tsrunc to other runtimes; Node is no other runtime. */
function medians(printing: Printing, side: Side, operations: readonly string[], digits: number): string[][] {
  const { samples, verdicts, runtimes } = printing
  const names = runtimes.map(({ name }) => name)
  const others = names.includes('tsrunc') ? names.filter(name => name === 'runc' || name === 'crun') : []
  const head = [side === 'wall' ? 'ms' : 'CPU ms', ...names, ...others.map(other => `tsrunc / ${other}`)]
  const rows = operations.map(operation => [
    operation,
    ...names.map(name => number(samples.median(name, operation, side), digits)),
    ...others.map(other => {
      const ratio = samples.ratio(['tsrunc', operation], [other, operation], side)
      const of = `${side === 'cpu' ? 'CPU of ' : ''}${operation} / ${other}`
      return verdicts.beside(of, ratio, MARKS[side][`${operation} ${other}`])
    }),
  ])
  return [head, ...rows]
}

export function timesTables(printing: Printing): string[] {
  return [
    table(medians(printing, 'wall', OPERATIONS, 1), printing.markdown),
    table(medians(printing, 'cpu', OPERATIONS, 1), printing.markdown),
  ]
}

export function manyTables(printing: Printing): string[] {
  const { samples, verdicts, runtimes, markdown } = printing
  const wall = medians(printing, 'wall', MANY, 1)
  const growth = runtimes.map(({ name }) => {
    const ratio = samples.ratio([name, MANY[3]], [name, MANY[2]])
    return verdicts.beside(`list ${LIST_COUNT} / none`, ratio, name === 'tsrunc' ? LIST_MARK : undefined)
  })
  return [
    table([...wall, [`list, ${LIST_COUNT} / none`, ...growth]], markdown),
    table(medians(printing, 'cpu', MANY, 1), markdown),
  ]
}
