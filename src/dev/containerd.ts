// `npm run test:containerd`: tsrunc as containerd's runtime, by ctr, on a containerd of its own; Debian's runc does the
// same as the control. Prints TAP, and the count as the last line. Leaves nothing behind, also when it is interrupted.
// Arguments choose cases by a part of their name; RUNTIME names an executable to be tried in the place of dist/tsrunc.
import { spawnSync } from 'node:child_process'
import { setMaxListeners } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BUSYBOX, imageArchive } from './containerd/archive.ts'
import { breaches, type Case, differences, type Seen, Skip, shown, WORDING } from './containerd/case.ts'
import { Children } from './containerd/children.ts'
import { Client, IMAGE, type Surroundings, USER_IMAGE } from './containerd/client.ts'
import { Containerd } from './containerd/daemon.ts'
import { ERROR_CASES } from './containerd/error-cases.ts'
import { LIFE_CASES } from './containerd/life-cases.ts'
import { manyAtOnce, manyInARow } from './containerd/many.ts'
import { RESOURCE_CASES } from './containerd/resource-cases.ts'
import { SPEC_CASES } from './containerd/spec-cases.ts'
import { STREAM_CASES } from './containerd/stream-cases.ts'
import { Tap } from './containerd/tap.ts'
import { TASK_CASES } from './containerd/task-cases.ts'
import { clear, removeAll } from './containerd/traces.ts'
import { VIEW_CASES } from './containerd/view-cases.ts'
import { build } from './executable.ts'

const repository = fileURLToPath(new URL('../../..', import.meta.url))
const BUILT = join(repository, 'dist/tsrunc')
const EXECUTABLE = process.env.RUNTIME ? resolve(process.env.RUNTIME) : BUILT
const ENTRY = join(repository, 'bin/tsrunc.js')
const LIMIT_MS = 230_000

const CASES: readonly Case[] = [
  ...LIFE_CASES,
  ...TASK_CASES,
  ...STREAM_CASES,
  ...RESOURCE_CASES,
  ...VIEW_CASES,
  ...SPEC_CASES,
  ...ERROR_CASES,
]
const words = process.argv.slice(2)
const isWanted = (name: string): boolean => words.length === 0 || words.some(word => name.includes(word))

const tap = new Tap()

/** Why nothing can be tried on this machine. */
function obstacle(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root'
  const programs = ['containerd', 'ctr', 'containerd-shim-runc-v2', 'runc']
  const missing = programs.filter(name => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0)
  if (!existsSync(BUSYBOX)) missing.push(`${BUSYBOX} (busybox-static)`)
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined
}

/** Of the files that make the executable. */
function newest(directory: string): number {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(name => !name.includes('.test.'))
  return Math.max(...names.map(name => statSync(join(directory, name)).mtimeMs))
}

async function freshExecutable(): Promise<void> {
  const sources = [newest(join(repository, 'src')), statSync(join(repository, 'package-lock.json')).mtimeMs]
  const stat = statSync(BUILT, { throwIfNoEntry: false })
  if (stat !== undefined && stat.mtimeMs > Math.max(...sources)) return
  tap.say('building dist/tsrunc')
  await build(join(repository, 'dist'))
}

/** What was seen; an error is told as one more thing that was seen. */
async function attempt(each: Case, client: Client): Promise<Seen | Skip> {
  client.at.daemon.mustRun()
  try {
    return await each.run(client)
  } catch (error) {
    client.at.interruption.throwIfAborted()
    if (error instanceof Skip) return error
    return { thrown: error instanceof Error ? error.message : String(error) }
  }
}

const explained = (seen: Seen, found: readonly string[]): string[] =>
  found.length > 0 ? [...found, `seen: ${shown(seen)}`] : []

const problemsOf = (seen: Seen, each: Case): string[] =>
  'thrown' in seen ? [String(seen.thrown)] : explained(seen, breaches(seen, each.expected))

/** What the control has to say: its failures are of the machine, of its version, or of our expectations. */
async function ask(each: Case, runc: Client): Promise<Seen | undefined> {
  const title = `${runc.name}: ${each.name}`
  const seen = await attempt(each, runc)
  const left = (await clear(runc)).map(trace => `left behind: ${trace}`)
  if (seen instanceof Skip) {
    tap.skip(title, seen.message)
    return undefined
  }
  const problems = [...problemsOf(seen, each), ...left]
  if (problems.length > 0) tap.todo(title, 'the control does otherwise here', problems)
  else tap.test(title, [])
  return seen
}

async function conduct(each: Case, client: Client, control: Seen | undefined): Promise<void> {
  const title = `${client.name}: ${each.name}`
  const start = performance.now()
  const seen = await attempt(each, client)
  const left = (await clear(client)).map(trace => `left behind: ${trace}`)
  const seconds = (performance.now() - start) / 1000
  if (seen instanceof Skip) {
    tap.skip(title, seen.message)
    return
  }
  const broken = problemsOf(seen, each)
  const other = control === undefined ? [] : differences(seen, control)
  const isWording = (difference: string): boolean => difference.startsWith(`${WORDING}: `)
  const strict = other.filter(difference => !isWording(difference))
  const controlIsRight = control !== undefined && problemsOf(control, each).length === 0
  const isAsControl = control !== undefined && strict.length === 0 && left.length === 0 && !('thrown' in seen)
  if (broken.length > 0 && isAsControl) tap.skip(title, 'as the control')
  else tap.test(title, [...broken, ...left, ...(controlIsRight && broken.length === 0 ? strict : [])], seconds)
  for (const difference of other.filter(isWording)) tap.say(`  ${difference}`)
}

async function importImage(client: Client, file: string): Promise<void> {
  const flags = ['--snapshotter', client.at.snapshotter]
  const { status, stderr } = await client.ctr('image', 'import', ...flags, file)
  if (status !== 0) throw new Error(`ctr image import: ${stderr}`)
}

async function all(at: Surroundings, clients: readonly Client[]): Promise<void> {
  const [runc, tsrunc, node] = clients as [Client, Client, Client]
  const archive = join(at.work, 'image.tar')
  writeFileSync(archive, imageArchive({ [IMAGE]: '', [USER_IMAGE]: '1000:1000' }))
  for (const client of clients) await importImage(client, archive)
  const { status, stderr } = await runc.run([], ['true'])
  if (status !== 0) throw new Error(`the control cannot run a container: ${stderr}`)
  for (const each of CASES.filter(({ name }) => isWanted(name))) {
    const control = await ask(each, runc)
    await conduct(each, tsrunc, control)
    if (each.basic) await conduct(each, node, control)
  }
  if (isWanted('at once')) for (const client of [runc, tsrunc]) await manyAtOnce(tap, client, 20)
  if (isWanted('at once')) await manyAtOnce(tap, node, 5)
  if (isWanted('in a row')) {
    await manyInARow(tap, [runc, tsrunc], 100)
    await manyInARow(tap, [node], 5)
  }
}

async function withContainerd(interruption: AbortSignal): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'tsrunc-containerd-'))
  chmodSync(work, 0o711) // for containers with a user namespace
  const prefix = `tsrunc-${process.pid}-`
  const children = new Children()
  const daemon = new Containerd(work, children)
  const clients: Client[] = []
  try {
    await setImmediate() // a signal that came during the build arrives here
    interruption.throwIfAborted()
    await daemon.start()
    const at: Surroundings = { work, daemon, children, prefix, interruption, snapshotter: daemon.snapshotter() }
    const binaries = { runc: 'runc', tsrunc: EXECUTABLE, node: ENTRY }
    for (const [name, binary] of Object.entries(binaries)) clients.push(new Client(name, binary, at))
    for (const line of versions(at)) tap.say(line)
    await all(at, clients)
  } catch (error) {
    tap.test('the run', [interruption.aborted ? String(interruption.reason) : String((error as Error).stack ?? error)])
    if (!interruption.aborted) tap.say(daemon.log().split('\n').slice(-20).join('\n'))
  } finally {
    await daemon.stop()
    const left = await removeAll({ work, prefix, children, daemon }, clients)
    daemon.removeRunDirectories()
    tap.test('nothing of the run is left on the machine', left)
  }
}

function versions({ snapshotter }: Surroundings): string[] {
  const line = (...[program = '', ...args]: string[]): string =>
    spawnSync(program, args, { encoding: 'utf8' }).stdout.split('\n')[0] ?? ''
  return [
    line('containerd', '--version'),
    line('runc', '--version'),
    line(EXECUTABLE, '--version'),
    `node ${process.version}, snapshotter ${snapshotter}`,
  ]
}

async function main(): Promise<void> {
  const reason = obstacle()
  if (reason !== undefined) {
    tap.skip('tsrunc under containerd', reason)
    return
  }
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // every ctr listens to it
  const interrupt = (why: string) => () => controller.abort(new Error(why))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt(`interrupted: ${signal}`))
  try {
    if (EXECUTABLE === BUILT) await freshExecutable()
  } catch (error) {
    tap.test('dist/tsrunc is built', [(error as Error).message])
    return
  }
  const timer = setTimeout(interrupt(`still running after ${LIMIT_MS / 1000} s`), LIMIT_MS)
  await withContainerd(controller.signal)
  clearTimeout(timer)
}

await main()
process.exitCode = tap.end()
