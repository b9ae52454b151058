// The benchmark in one view of the cgroups: which runtimes work here, the rounds, the tables.
import { spawnSync } from 'node:child_process'
import { buildLimit } from './bench-limit.ts'
import { measureMemory, memoryTable } from './bench-memory.ts'
import {
  buildStarts,
  libraryCycles,
  libraryTable,
  limitRuns,
  type Starts,
  startBoth,
  startTable,
} from './bench-near-limit.ts'
import type { Options, Part } from './bench-options.ts'
import { Samples, Verdicts } from './bench-samples.ts'
import {
  fillLists,
  lifeCycle,
  lists,
  manyRuns,
  manyTables,
  type Printing,
  runOnce,
  timesTables,
} from './bench-times.ts'
import { CANDIDATES, type Runtime, World } from './bench-world.ts'

const WARM_UP = 2
/** Many containers by Node take longer than all the rest. */
const LEAST_FOR_NODE = 10
/** Of what takes seconds a few turns tell enough. */
const fewRounds = (rounds: number, part: number): number => Math.max(1, Math.round(rounds / part))

/** A fact that the figures must be read with. */
const say = ({ markdown }: Options, text: string): void => console.log(markdown ? `- ${text}` : text)

type Step = (runtime: Runtime) => Promise<void>

class Bench {
  readonly #world: World
  readonly #options: Options
  readonly #printing: Printing
  readonly #samples = new Samples()
  readonly #verdicts = new Verdicts()
  readonly #limit: string | undefined

  constructor(world: World, options: Options, runtimes: readonly Runtime[]) {
    this.#world = world
    this.#options = options
    const { markdown } = options
    this.#printing = { samples: this.#samples, verdicts: this.#verdicts, runtimes, markdown }
    if (!options.parts.has('library') && !options.parts.has('memory')) return
    const built = buildLimit(world.work, world.config)
    if ('path' in built) this.#limit = built.path
    else say(options, `the C limit is left out: ${built.missing}`)
  }

  async run(): Promise<void> {
    const parts: readonly [Part, () => Promise<string[]>][] = [
      ['times', () => this.#times()],
      ['library', () => this.#library()],
      ['many', () => this.#many()],
      ['memory', () => this.#memory()],
    ]
    for (const [part, measure] of parts) {
      if (!this.#options.parts.has(part)) continue
      this.#samples.clear()
      for (const text of await measure()) console.log(`\n${text}`)
    }
    for (const line of this.#verdicts.summary) console.log(`\n${line}`)
  }

  /** Every step for every runtime, the order turning from round to round. */
  async #rounds(count: number, steps: readonly Step[], others: readonly (() => Promise<void>)[] = []): Promise<void> {
    const { runtimes } = this.#printing
    for (let round = 0; round < count; round++) {
      for (const step of steps)
        for (let turn = 0; turn < runtimes.length; turn++)
          await step(runtimes[(turn + round) % runtimes.length] as Runtime) // the index is below the length
      for (const other of others) await other()
    }
  }

  async #warmRounds(steps: readonly Step[], others: readonly (() => Promise<void>)[] = []): Promise<void> {
    await this.#rounds(WARM_UP, steps, others)
    this.#samples.clear()
    await this.#rounds(this.#options.rounds, steps, others)
  }

  get #commands(): Step[] {
    return [
      runtime => runOnce(this.#world, this.#samples, runtime),
      runtime => lifeCycle(this.#world, this.#samples, runtime),
    ]
  }

  async #times(): Promise<string[]> {
    if (!this.#options.only.has('tsrunc') || this.#options.view === 'v1') {
      // the start of a process is the same in every view
      await this.#warmRounds(this.#commands)
      return timesTables(this.#printing)
    }
    using starts: Starts = await buildStarts()
    await this.#warmRounds(this.#commands, [() => startBoth(this.#world, this.#samples, starts)])
    return [...timesTables(this.#printing), startTable(this.#printing)]
  }

  async #library(): Promise<string[]> {
    const limit = this.#limit
    await this.#warmRounds(this.#commands, [
      () => libraryCycles(this.#world, this.#samples),
      ...(limit === undefined ? [] : [() => limitRuns(this.#world, this.#samples, limit)]),
    ])
    return [libraryTable(this.#printing)]
  }

  async #many(): Promise<string[]> {
    const [world, samples, { runtimes }] = [this.#world, this.#samples, this.#printing]
    const { rounds } = this.#options
    const isQuick = rounds < LEAST_FOR_NODE
    await this.#rounds(fewRounds(rounds, 10), [
      async runtime => {
        if (runtime.name !== 'node' || !isQuick) await manyRuns(world, samples, runtime)
      },
    ])
    await fillLists(world, runtimes, 'make')
    await this.#rounds(fewRounds(rounds, 3), [runtime => lists(world, samples, runtime, runtimes)])
    await fillLists(world, runtimes, 'remove')
    return manyTables(this.#printing)
  }

  async #memory(): Promise<string[]> {
    const { runtimes, markdown } = this.#printing
    const all = await measureMemory(this.#world, runtimes, this.#limit, fewRounds(this.#options.rounds, 6))
    if (all === undefined) {
      say(this.#options, 'memory is left out: no memory controller is in this view of the cgroups')
      return []
    }
    return [memoryTable(all, this.#verdicts, markdown)]
  }
}

/** Tries each once. One that is not installed, or refuses this view of the cgroups, is left out; tsrunc never is. */
function usable(world: World, options: Options): Runtime[] {
  return CANDIDATES.filter(runtime => {
    if (!options.only.has(runtime.name)) return false
    const problem = attempt(world, runtime, options)
    if (problem === undefined) return true
    const isOther = runtime.name === 'runc' || runtime.name === 'crun'
    if (!isOther || !/ENOENT|hybrid mode not supported/.test(problem)) throw new Error(`${runtime.name}: ${problem}`)
    say(options, `${runtime.name} is left out: ${problem}`)
    return false
  })
}

function attempt(world: World, runtime: Runtime, options: Options): string | undefined {
  const [file = '', ...args] = world.command(runtime, ['run', '--bundle', world.quick, world.id(runtime)])
  const { error, status, stderr } = spawnSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (error) return error.message
  if (status === 0) return undefined
  const problem = stderr.trim().split('\n').at(-1) ?? `exit ${status}`
  if (!problem.includes('RLIM_MEMLOCK') || world.config.linux?.resources === undefined) return problem
  say(options, `${runtime.name} raises RLIMIT_MEMLOCK for device rules, not permitted here: none in the config of all`)
  world.withoutDeviceRules()
  return attempt(world, runtime, options)
}

export async function benchInside(options: Options): Promise<void> {
  const world = new World()
  let left: string[] = []
  try {
    await new Bench(world, options, usable(world, options)).run()
  } finally {
    left = await world.close()
  }
  // after a failure, what it interrupted is no runtime's fault
  if (left.length > 0) throw new Error(`left behind by a runtime, and removed now: ${left.join(', ')}`)
}
