// A glance says what a close look says, or nothing.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { processStat } from '../host/process.ts'
import { load } from './container.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { glance, overview } from './glance.ts'
import { list, state } from './query.ts'
import { start } from './start.ts'
import { openRuntime } from './store.ts'
import { cannotRun, newId, runs, thrown, until, World } from './testing.ts'

const skip = cannotRun ?? false
const OTHER_USER = 1000
const ENTRY = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))

/** What container.ts says. */
function closely(world: World, id: string) {
  using container = load(world.runtime, id)
  return container.state()
}

/** The list when nothing is seen at a glance. */
const listClosely = (world: World) => list(world.runtime, { containers: [], doubtful: world.ids })

function change(world: World, id: string, edit: (text: string) => string): void {
  const file = join(world.runtime.root, id, 'state.json')
  writeFileSync(file, edit(readFileSync(file, 'utf8')))
}

t.test('containers in all statuses', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const ids = Array.from({ length: 5 }, newId)
  const [created = '', running = '', paused = '', stopped = '', noted = ''] = ids
  for (const id of [created, running, paused, stopped]) create(runtime, id, { bundle })
  world.configure(config => {
    config.annotations = { 'org.ä': 'a\nb,\n' }
  })
  create(runtime, noted, { bundle })
  for (const id of [running, paused, stopped]) start(runtime, id)
  using frozen = load(runtime, paused)
  frozen.cgroup.freeze()
  t.teardown(() => frozen.cgroup.thaw())
  const { pid } = state(runtime, stopped)
  process.kill(pid, 'SIGKILL')
  await until(() => !runs(pid))

  const statuses = { [created]: 'created', [running]: 'running', [paused]: 'paused', [stopped]: 'stopped' }
  for (const [id, status] of Object.entries(statuses)) t.match(glance(runtime, id), { id, status })
  for (const id of ids) t.same(glance(runtime, id), closely(world, id))
  for (const id of ids) t.equal(JSON.stringify(state(runtime, id)), JSON.stringify(closely(world, id)))
  t.same(overview(runtime)?.doubtful, [])
  t.same(list(runtime), listClosely(world))
  t.equal(list(runtime).containers.length, ids.length)
  // so many that the names in /proc are worth reading
  const count = lstatSync('/proc').nlink
  for (let i = 0; i < count; i++) mkdirSync(join(runtime.root, `empty-${i}`), { mode: 0o700 })
  const { containers, doubtful } = overview(runtime) ?? {}
  t.equal(doubtful?.length, count)
  t.same(containers, listClosely(world).containers)
})

const DAMAGES: readonly [name: string, edit: (text: string) => string][] = [
  ['cut short', text => text.slice(0, -20)],
  ['cut short in the first line', text => text.slice(0, 50)],
  ['without lines', text => text.replaceAll('\n', '')],
  ['another id', text => text.replace(/"id":"[^"]*"/, '"id":"other"')],
  ['creating', text => text.replace('"status":"created"', '"status":"creating"')],
  ['a relative bundle', text => text.replace('"bundle":"/', '"bundle":"')],
  ['a rootfs with ".."', text => text.replace('"rootfs":"/', '"rootfs":"/../')],
  ['a rootfs that is a number', text => text.replace(/"rootfs":"[^"]*"/, '"rootfs":1')],
  ['no time', text => text.replace(/"created":"[^"]*"/, '"created":"x"')],
  ['an owner below 0', text => text.replace('"owner":0', '"owner":-1')],
  ['annotations of null', text => text.replace('"annotations":{}', '"annotations":null')],
  ['annotations of numbers', text => text.replace('"annotations":{}', '"annotations":{"a":1}')],
  ['a pid below 0', text => text.replace('"pid":', '"pid":-')],
  ['a time of the start in letters', text => text.replace(/"startTime":"/, '"startTime":"x')],
  ['a group elsewhere', text => text.replaceAll(/"directory":"[^"]*"/g, '"directory":"/etc"')],
  [
    'a group that is none',
    text => text.replaceAll(/"mountpoint":"[^"]*","directory":"[^"]*\//g, '"mountpoint":"/etc","directory":"/etc/'),
  ],
  ['another process', text => text.replace(/"init":\{[^}]*\}/, `"init":${JSON.stringify(own())}`)],
]
const own = () => ({ pid: process.pid, startTime: processStat(process.pid)?.startTime })

t.test('state.json is not as it was written', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  create(world.runtime, id, { bundle: world.bundle })
  const file = join(world.runtime.root, id, 'state.json')
  const text = readFileSync(file, 'utf8')
  t.ok(glance(world.runtime, id))
  for (const [name, edit] of DAMAGES) {
    t.not(edit(text), text, name)
    change(world, id, () => edit(text))
    t.equal(glance(world.runtime, id), undefined, name)
    t.same(overview(world.runtime), { containers: [], doubtful: [id] }, name)
    writeFileSync(file, text)
  }
  change(world, id, () => text.replace('"annotations":{}', `"annotations":{"a":"${'b'.repeat(100_000)}"}`))
  t.equal(glance(world.runtime, id), undefined, 'long')
  t.same(list(world.runtime), listClosely(world))
  t.equal(list(world.runtime).containers.length, 1)
})

t.test('who else may write', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const id = newId()
  create(runtime, id, { bundle })
  const directory = join(runtime.root, id)
  const isSeen = (message: string, path: string, mode: number, uid = 0): void => {
    chmodSync(path, mode)
    chownSync(path, uid, uid)
    const expected = message === 'nobody'
    t.equal(glance(runtime, id) !== undefined, expected, `${message} ${path}`)
    t.equal((overview(runtime)?.containers.length ?? 0) > 0, expected, `${message} ${path}`)
    chownSync(path, 0, 0)
    chmodSync(path, 0o700)
  }
  for (const path of [runtime.root, directory]) {
    isSeen('nobody', path, 0o755)
    isSeen('a group', path, 0o770)
    isSeen('others', path, 0o1777)
    isSeen('its owner', path, 0o700, OTHER_USER)
  }
  // above the root everybody may change something: its own path is not used
  chmodSync(world.directory, 0o777)
  t.equal(overview(runtime)?.containers.length, 1)
})

t.test('what only looks like a container', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const [id, moved, linked] = ['a', 'b', 'c'].map(letter => `${letter}-${newId()}`) as [string, string, string]
  create(runtime, id, { bundle })
  renameSync(join(runtime.root, id), join(world.directory, moved))
  symlinkSync(join(world.directory, moved), join(runtime.root, id))
  t.equal(glance(runtime, id), undefined, 'a link to its directory')
  t.throws(() => state(runtime, id), { message: 'container does not exist' })
  renameSync(join(world.directory, moved), join(runtime.root, moved))
  t.equal(glance(runtime, moved), undefined, 'under another name')
  renameSync(join(runtime.root, id), join(world.directory, linked))
  renameSync(join(runtime.root, moved), join(runtime.root, id))
  t.ok(glance(runtime, id))
  const file = join(runtime.root, id, 'state.json')
  renameSync(file, join(world.directory, 'state.json'))
  t.equal(glance(runtime, id), undefined, 'without state.json')
  symlinkSync(join(world.directory, 'state.json'), file)
  t.equal(glance(runtime, id), undefined, 'a link to state.json')
  rmSync(file)
  renameSync(join(world.directory, 'state.json'), file)
  remove(runtime, id)
  t.equal(spawnSync('mkfifo', [join(runtime.root, 'fifo')]).status, 0)
  writeFileSync(join(runtime.root, 'line\nfeed'), '')
  t.same(overview(runtime), { containers: [], doubtful: ['fifo', 'line\nfeed'] })
  t.same(list(runtime), { containers: [], problems: [] })
  for (const bad of ['', '.', '..', 'a/b', '../a']) t.match(thrown(() => glance(runtime, bad)).message, /container/)
})

t.test('roots that are not there, and a link to one', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  t.equal(overview(runtime), undefined)
  t.equal(glance(runtime, 'a'), undefined)
  const id = newId()
  create(runtime, id, { bundle })
  const link = join(world.directory, 'link')
  symlinkSync(runtime.root, link)
  const linked = openRuntime({ root: link })
  t.match([glance(linked, id), overview(linked)?.containers], [{ id }, [{ id }]])
})

/** System calls that follow a path, of a list on the command line. */
function pathCalls(world: World): number {
  const trace = join(world.directory, 'trace')
  const command = [process.execPath, ENTRY, '--root', world.runtime.root, 'list']
  const { status, stderr } = spawnSync('strace', ['-f', '-e', 'trace=%file,%statfs', '-o', trace, ...command], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return readFileSync(trace, 'utf8').split('\n').length
}

const straceWorks = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0
const untraced = straceWorks ? skip : 'needs strace, and the right to trace'
t.test('a long list costs little', { skip: untraced }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const id = newId()
  const { pid } = create(runtime, id, { bundle })
  process.kill(pid, 'SIGKILL')
  await until(() => !runs(pid))
  const text = readFileSync(join(runtime.root, id, 'state.json'), 'utf8')
  const before = pathCalls(world)
  const count = 100
  for (let i = 0; i < count; i++) {
    mkdirSync(join(runtime.root, `copy-${i}`), { mode: 0o700 })
    writeFileSync(join(runtime.root, `copy-${i}`, 'state.json'), text.replaceAll(id, `copy-${i}`))
  }
  t.equal(overview(runtime)?.containers.length, count + 1)
  const each = (pathCalls(world) - before) / count
  t.ok(each <= 4.2, `its directory, state.json, and at most two for what is left of the process: ${each}`)
  for (let i = 0; i < count; i++) rmSync(join(runtime.root, `copy-${i}`), { recursive: true })
})
