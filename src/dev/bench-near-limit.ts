// What costs no start of an engine, and the starts: the library in one process, the C program that is the limit, and an
// empty Bun program beside the executable up to its first line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { number, type Samples, table } from './bench-samples.ts'
import type { Printing } from './bench-times.ts'
import { CANDIDATES, type Runtime, type World } from './bench-world.ts'
import { build, compileOnly } from './executable.ts'
import { median } from './measure.ts'

const dist = fileURLToPath(new URL('../..', import.meta.url))
const CHILD = fileURLToPath(new URL('./bench-library.js', import.meta.url))

/** Could remove what a child process would leave. */
const NODE = CANDIDATES[1] as Runtime // a constant list

const LIBRARY = 'library'
const LIMIT = 'limit'
const [FIRST, WARM, PROCESS, LOOP] = ['first', 'warm', 'process', 'loop']

/** Cycles of one child process, of which the later half is warm; and containers of one loop of the limit. */
const CYCLES = 40
const LOOPS = 20

export async function libraryCycles(world: World, samples: Samples): Promise<void> {
  const file = join(world.work, 'cycles.json')
  const root = world.root(NODE, 'library')
  await world.run([[process.execPath, CHILD, root, world.slow, world.id(NODE), String(CYCLES), file]])
  const times = JSON.parse(readFileSync(file, 'utf8')) as number[] // just written by bench-library.ts
  const note = (operation: string, wall: number) => samples.note(LIBRARY, operation, { wall, cpu: Number.NaN })
  note(FIRST, times[0] ?? Number.NaN)
  note(WARM, median(times.slice(CYCLES / 2)))
}

export async function limitRuns(world: World, samples: Samples, limit: string): Promise<void> {
  const run = (count: number) => world.run([[limit, 'run', String(count), join(world.quick, 'rootfs')]])
  samples.note(LIMIT, PROCESS, await run(1))
  const { wall, cpu } = await run(LOOPS)
  samples.note(LIMIT, LOOP, { wall: wall / LOOPS, cpu: cpu / LOOPS })
}

const MARKS = { runc: 0.25, crun: 1, loop: 2.5 }

export function libraryTable({ samples, verdicts, runtimes, markdown }: Printing): string {
  const ratios = (operation: string, isMarked: boolean): string[] => {
    const to = (name: string, other: readonly [string, string], mark: number): string =>
      verdicts.beside(`library / ${name}`, samples.ratio([LIBRARY, operation], other), isMarked ? mark : undefined)
    return [
      to('cycle of runc', ['runc', 'cycle'], MARKS.runc),
      to('run of crun', ['crun', 'run'], MARKS.crun),
      to('C in a loop', [LIMIT, LOOP], MARKS.loop),
    ]
  }
  const row = (name: string, subject: string, operation: string): string[] => [
    name,
    number(samples.median(subject, operation), 2),
  ]
  const others = runtimes.flatMap(({ name }) =>
    ['run', 'cycle'].map(operation => row(`${name}, ${operation}`, name, operation)),
  )
  const rows = [
    ['in one process', 'ms', '/ cycle of runc', '/ run of crun', '/ C in a loop'],
    [...row('library, first cycle', LIBRARY, FIRST), ...ratios(FIRST, false)],
    [...row('library, warm cycle', LIBRARY, WARM), ...ratios(WARM, true)],
    row('C limit, in a loop', LIMIT, LOOP),
    row('C limit, as a process', LIMIT, PROCESS),
    ...others,
  ]
  return table(rows, markdown)
}

/** An empty program as Bun compiles it, and the executable with an exit in front, which it takes when it gets no argument. */
export interface Starts {
  readonly empty: string
  readonly first: string
  [Symbol.dispose](): void
}

export async function buildStarts(): Promise<Starts> {
  const directory = mkdtempSync(join(dist, '.bench-')) // there, so that packages are found
  const dispose = () => rmSync(directory, { recursive: true, force: true })
  try {
    const entry = (name: string, code: string): string => {
      writeFileSync(join(directory, name), code)
      return join(directory, name)
    }
    const empty = join(directory, 'empty')
    await compileOnly(empty, entry('empty.js', 'process.exit(0)\n'))
    const source = (name: string): string => JSON.stringify(join(dist, '../src/cli', name))
    const first = `
      import { main } from ${source('main.ts')}
      import { becomeSnapshot, SNAPSHOT_VARIABLE } from ${source('snapshot.ts')}
      const directory = process.env[SNAPSHOT_VARIABLE]
      if (directory !== undefined) await becomeSnapshot(directory)
      process.exit(process.argv.length < 3 ? 0 : await main(process.argv.slice(2)))
    `
    await build(directory, entry('first.js', first))
    return { empty, first: join(directory, 'tsrunc'), [Symbol.dispose]: dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

const START = 'start'
const START_MARK = 1.3

export async function startBoth(world: World, samples: Samples, { empty, first }: Starts): Promise<void> {
  samples.note('empty', START, await world.run([[empty]]))
  samples.note('first', START, await world.run([[first]]))
}

export function startTable({ samples, verdicts, markdown }: Printing): string {
  const ratio = samples.ratio(['first', START], ['empty', START])
  const rows = [
    ['start', 'ms', '/ empty program'],
    ['empty program of Bun', number(samples.median('empty', START), 2)],
    [
      'tsrunc up to its first line',
      number(samples.median('first', START), 2),
      verdicts.beside('start', ratio, START_MARK),
    ],
  ]
  return table(rows, markdown)
}
