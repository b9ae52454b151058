// `npm run bench`: tsrunc beside runc and crun, in one run on one machine; bench-options.ts lists the options. The
// subjects take turns within every round and the order turns too, so that a drift of the machine's speed hits all alike;
// what counts is the ratio. This file prints what the machine is and runs the benchmark in each view of the cgroups.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { benchInside } from './bench-inside.ts'
import { type Options, parseOptions, USAGE } from './bench-options.ts'
import { runInView, VIEW_NAMES, viewsOf } from './bench-views.ts'
import { CANDIDATES } from './bench-world.ts'
import { build } from './executable.ts'

const here = fileURLToPath(import.meta.url)
const repository = fileURLToPath(new URL('../../..', import.meta.url))

/** Whether something that it is made of is younger than the executable. */
function isStale(executable: string): boolean {
  if (!existsSync(executable)) return true
  const built = statSync(executable).mtimeMs
  const sources = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts') && !/^dev\/(?!executable|guard)/.test(name))
    .map(name => join('src', name))
  return [...sources, 'package-lock.json'].some(name => statSync(join(repository, name)).mtimeMs > built)
}

async function buildWhenStale(): Promise<void> {
  if (!isStale(join(repository, 'dist/tsrunc'))) return
  console.error('building dist/tsrunc')
  await build(join(repository, 'dist'))
}

const load = (): string =>
  loadavg()
    .map(value => value.toFixed(2))
    .join(' ')

/** The first line of what a program says to --version, and tsrunc's commit. */
function version(argv: readonly string[]): string {
  const [file = '', ...args] = argv
  const { error, stdout } = spawnSync(file, [...args, '--version'], { encoding: 'utf8' })
  return error ? `not there (${error.message})` : (stdout.split('\n')[0] ?? '')
}

function environment(options: Options): string[] {
  const [cpu] = cpus()
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()
  const engine = `Node ${process.version}, Bun ${bunVersion()}`
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const runtimes = CANDIDATES.filter(({ name }) => options.only.has(name) && name !== 'node')
  return [
    `Linux ${kernel} ${process.arch}, ${cpus().length} × ${cpu?.model.trim()}, ${memory}, ${engine}`,
    ...runtimes.map(({ argv }) => version(argv)),
    `load average before: ${load()}`,
  ]
}

const bunVersion = (): string =>
  JSON.parse(readFileSync(join(repository, 'node_modules/bun/package.json'), 'utf8')).version

async function main(): Promise<number> {
  const argv = process.argv.slice(2)
  if (argv.includes('--help')) {
    console.log(USAGE)
    return 0
  }
  const options = parseOptions(argv)
  if (process.geteuid?.() !== 0) throw new Error('needs root: it creates containers with tsrunc, runc and crun')
  if (options.inside) {
    await benchInside(options)
    return 0
  }
  if (options.only.has('tsrunc')) await buildWhenStale()
  const lines = (texts: readonly string[]): void => {
    for (const text of texts) console.log(options.markdown ? `- ${text}` : text)
  }
  lines(environment(options))
  for (const [view, parts] of viewsOf(options.parts, options.view)) {
    const title = `cgroups: ${VIEW_NAMES[view]}; ${options.rounds} rounds`
    console.log(options.markdown ? `\n**${title}**\n` : `\n${title}`)
    const status = await runInView(view, [here, ...argv, '--inside', `--view=${view}`, `--part=${parts.join(',')}`])
    if (status !== 0) return status
  }
  console.log('')
  lines([`load average after: ${load()}`])
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
