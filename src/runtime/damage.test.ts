// State directories that were edited, cut short or belong to another runtime, and creators that were killed: a clear
// error, and `delete --force` finishes the work.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { list, state } from './query.ts'
import { start } from './start.ts'
import { cannotRun, newId, runs, thrown, traces, World } from './testing.ts'

const skip = cannotRun ?? false

const edited = (change: (state: Record<string, unknown>) => void) => (text: string) => {
  const document = JSON.parse(text)
  change(document)
  return JSON.stringify(document)
}

const DAMAGES: readonly [name: string, damage: (text: string) => string, message: RegExp][] = [
  ['empty', () => '', /state.json is damaged: it is empty/],
  ['cut short', text => text.slice(0, 100), /state.json is damaged: it is not JSON, or was cut short/],
  ['nonsense', () => '\0\xff', /is damaged/],
  ['an array', () => '[]', /is damaged: the document: found \[\], must be an object/],
  ['null', () => 'null', /is damaged/],
  ['a pid of 0', edited(state => Object.assign(state, { init: { pid: 0, startTime: '1' } })), /\/init\/pid: found 0/],
  ['a pid of text', edited(state => Object.assign(state, { init: { pid: 'x', startTime: '1' } })), /\/init\/pid/],
  ['no bundle', edited(state => Object.assign(state, { bundle: undefined })), /\/bundle: found nothing/],
  ['a rootfs with ".."', edited(state => Object.assign(state, { rootfs: '/a/../b' })), /\/rootfs/],
  ['another id', edited(state => Object.assign(state, { id: 'other' })), /\/id: found "other"/],
  ['another version', edited(state => Object.assign(state, { version: 2 })), /\/version: found 2/],
  ['a status', edited(state => Object.assign(state, { status: 'running' })), /\/status/],
  [
    'a cgroup elsewhere',
    edited(state =>
      Object.assign(state, {
        cgroup: { mode: 'v2', directories: [{ controllers: '', mountpoint: '/sys/fs/cgroup', directory: '/etc' }] },
      }),
    ),
    /cgroup/,
  ],
]

for (const [name, damage, message] of DAMAGES)
  t.test(`state.json: ${name}`, { skip }, async t => {
    const world = new World(t)
    const id = newId()
    const before = traces(id)
    const { pid } = create(world.runtime, id, { bundle: world.bundle })
    const file = join(world.runtime.root, id, 'state.json')
    writeFileSync(file, damage(readFileSync(file, 'utf8')))
    for (const call of [state, start, remove])
      t.match(
        thrown(() => call(world.runtime, id)),
        { code: 'TSRUNC_STATE', message },
      )
    t.match(list(world.runtime), { containers: [], problems: [{ message }] })
    remove(world.runtime, id, { force: true })
    t.notOk(runs(pid))
    t.same(world.ids, [])
    t.match(traces(id), { mounts: before.mounts, cgroups: [] })
  })

t.test('state.json is missing', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  create(world.runtime, id, { bundle: world.bundle })
  rmSync(join(world.runtime.root, id, 'state.json'))
  t.match(thrown(() => state(world.runtime, id)).message, /state.json is missing/)
  remove(world.runtime, id, { force: true })
  t.same([world.ids, traces(id).cgroups], [[], []])
})

t.test('containers of other runtimes are left alone', { skip }, async t => {
  const world = new World(t)
  const root = world.runtime.root
  mkdirSync(join(root, 'runc'), { recursive: true, mode: 0o700 })
  writeFileSync(join(root, 'runc/state.json'), '{"id":"runc","init_process_pid":1}')
  mkdirSync(join(root, 'crun'))
  writeFileSync(join(root, 'crun/status'), '{"pid":1}')
  t.same(list(world.runtime), { containers: [], problems: [] })
  for (const id of ['runc', 'crun']) {
    t.match(thrown(() => state(world.runtime, id)).message, 'container does not exist')
    t.match(thrown(() => remove(world.runtime, id, { force: true })).message, 'container does not exist')
    t.ok(existsSync(join(root, id)))
  }
})

const ENTRY = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))

function creator(world: World, id: string): ChildProcess {
  return spawn(process.execPath, [ENTRY, '--root', world.runtime.root, 'create', '--bundle', world.bundle, id], {
    stdio: 'ignore',
  })
}

t.test('the creator is killed at some moment', { skip }, async t => {
  const world = new World(t)
  const seen = new Map<string, number>()
  for (let i = 0; i < 24; i++) {
    const id = newId()
    const before = traces(id)
    const child = creator(world, id)
    const directory = join(world.runtime.root, id)
    spin(2000, () => existsSync(directory)) // without timers: what is looked for takes some milliseconds
    spin(i, () => false)
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
    const found = existsSync(directory) ? whatIs(world, id) : 'nothing'
    seen.set(found, (seen.get(found) ?? 0) + 1)
    const pid = found === 'created' ? state(world.runtime, id).pid : 0
    remove(world.runtime, id, { force: true })
    t.same([existsSync(directory), traces(id).cgroups, traces(id).mounts], [false, [], before.mounts], found)
    if (pid > 0) t.notOk(runs(pid))
  }
  t.comment(JSON.stringify([...seen]))
})

function spin(milliseconds: number, holds: () => boolean): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end && !holds());
}

function whatIs(world: World, id: string): string {
  try {
    return state(world.runtime, id).status
  } catch (error) {
    return String(error)
  }
}

t.test('the same id at the same time', { skip }, async t => {
  const world = new World(t)
  for (let round = 0; round < 3; round++) {
    const id = newId()
    const ended = await Promise.all(
      [0, 1, 2].map(() => {
        const child = spawn(process.execPath, [ENTRY, '--root', world.runtime.root, 'create', '-b', world.bundle, id], {
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        let text = ''
        child.stderr?.on('data', chunk => {
          text += chunk
        })
        return new Promise<string>(resolve => {
          child.once('exit', code => code === 0 && resolve('made')) // its container keeps the pipe open
          child.once('close', () => resolve(text))
        })
      }),
    )
    t.equal(ended.filter(each => each === 'made').length, 1, 'exactly one wins')
    for (const text of ended.filter(each => each !== 'made')) t.match(text, 'container with given ID already exists')
    t.equal(state(world.runtime, id).status, 'created')
    remove(world.runtime, id, { force: true })
  }
})
