// The state directory under attack, and in clumsy hands: who may write to it, what is believed of what it says, and
// what can be killed and removed in the name of a container.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { newCgroup } from '../cgroup/new-cgroup.ts'
import { processStat } from '../host/process.ts'
import { load } from './container.ts'
import { create } from './create.ts'
import { destroy, remove } from './delete.ts'
import { kill } from './kill.ts'
import { list, state } from './query.ts'
import { start } from './start.ts'
import { cannotRun, type Draft, newId, runs, thrown, traces, until, World } from './testing.ts'

const skip = cannotRun ?? false
const ENTRY = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))
const OTHER_USER = 1000

interface Test {
  teardown(work: () => void): void
}

const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8)

function edit(world: World, id: string, change: (saved: Draft) => void): void {
  const file = join(world.runtime.root, id, 'state.json')
  const saved = JSON.parse(readFileSync(file, 'utf8'))
  change(saved)
  writeFileSync(file, JSON.stringify(saved))
}

/** A process that is none of a container's. */
function stranger(t: Test): ChildProcess & { pid: number } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  return child as ChildProcess & { pid: number } // it has started
}

t.test('modes do not depend on the umask', { skip }, async t => {
  for (const umask of [0, 0o777]) {
    const world = new World(t)
    const id = newId()
    const before = process.umask(umask)
    try {
      create(world.runtime, id, { bundle: world.bundle, pidFile: join(world.directory, 'pid') })
    } finally {
      process.umask(before)
    }
    const { root } = world.runtime
    const modes = readdirSync(root, { recursive: true, encoding: 'utf8' }).map(name => [name, modeOf(join(root, name))])
    t.same(Object.fromEntries(modes), {
      [id]: '700',
      [`${id}/gate`]: '711',
      [`${id}/gate/exec.fifo`]: '622',
      [`${id}/state.json`]: '600',
      [`${id}/cgroup.json`]: '600',
      [`${id}/config.json`]: '600',
      [`${id}/origins.json`]: '600',
    })
    t.equal(modeOf(join(world.directory, 'pid')), '644')
    if (umask === 0) t.equal(modeOf(root), '700')
    remove(world.runtime, id)
  }
})

t.test('another user', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const id = newId()
  create(runtime, id, { bundle })
  chmodSync(world.directory, 0o755)
  const asOther = (...args: string[]) =>
    spawnSync(
      'setpriv',
      ['--reuid', `${OTHER_USER}`, '--clear-groups', process.execPath, ENTRY, '--root', runtime.root, ...args],
      {
        encoding: 'utf8',
        env: { PATH: process.env.PATH },
      },
    )
  for (const mode of [0o700, 0o755]) {
    chmodSync(runtime.root, mode)
    for (const args of [
      ['state', id],
      ['start', id],
      ['kill', id, 'KILL'],
      ['delete', '--force', id],
      ['delete', id],
    ]) {
      const { status, stderr } = asOther(...args)
      t.equal(status, 1, `${args.join(' ')}: ${stderr}`)
      t.match(stderr, /permission denied/i)
    }
    const fifo = join(runtime.root, id, 'gate/exec.fifo')
    const { status } = spawnSync('setpriv', ['--reuid', `${OTHER_USER}`, '--clear-groups', 'test', '-w', fifo])
    t.not(status, 0, 'the fifo cannot be reached')
  }
  t.equal(state(runtime, id).status, 'created')
  remove(runtime, id)

  mkdirSync(join(runtime.root, id))
  chownSync(runtime.root, OTHER_USER, OTHER_USER)
  for (const call of [state, start, remove, create])
    t.match(thrown(() => call(runtime, id, { bundle } as never)).message, /cannot be trusted: it belongs to user 1000/)
  chownSync(runtime.root, 0, 0)
  chmodSync(runtime.root, 0o777)
  t.match(thrown(() => create(runtime, newId(), { bundle })).message, /cannot be trusted: every user may change it/)
})

t.test('below a root in which everybody may make directories', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const [own, planted] = [newId(), newId()]
  create(runtime, own, { bundle })
  chmodSync(runtime.root, 0o1777)
  const victim = stranger(t)
  mkdirSync(join(runtime.root, planted))
  const text = readFileSync(join(runtime.root, own, 'state.json'), 'utf8').replaceAll(own, planted)
  const init = { pid: victim.pid, startTime: processStat(victim.pid)?.startTime }
  writeFileSync(
    join(runtime.root, planted, 'state.json'),
    JSON.stringify({ ...JSON.parse(text), init, initInCgroup: false }),
  )
  chownSync(join(runtime.root, planted), OTHER_USER, OTHER_USER)
  for (const call of [state, start, kill, remove])
    t.match(
      thrown(() => call(runtime, planted, (call === remove ? { force: true } : undefined) as never)).message,
      /cannot be trusted/,
    )
  t.match(list(runtime), { containers: [{ id: own }], problems: [{ message: /cannot be trusted/ }] })
  chownSync(join(runtime.root, planted), 0, 0)
  chmodSync(join(runtime.root, planted), 0o777)
  t.match(thrown(() => remove(runtime, planted, { force: true })).message, /every user may change it/)
  t.ok(runs(victim.pid))
  remove(runtime, own)
})

t.test('links', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const [real, linked] = [newId(), newId()]
  create(runtime, real, { bundle })
  symlinkSync(real, join(runtime.root, linked))
  for (const call of [state, start, kill, remove])
    t.match(thrown(() => call(runtime, linked, undefined as never)).message, 'container does not exist')
  t.match(thrown(() => create(runtime, linked, { bundle })).message, 'container with given ID already exists')
  remove(runtime, linked, { force: true })
  t.same(
    list(runtime).containers.map(each => each.id),
    [real],
  )

  const canary = join(world.directory, 'canary')
  writeFileSync(canary, 'untouched')
  const directory = join(runtime.root, real)
  linkSync(canary, join(directory, 'lock'))
  linkSync(canary, join(directory, 'more'))
  symlinkSync(world.directory, join(directory, 'out'))
  start(runtime, real)
  remove(runtime, real, { force: true })
  t.equal(readFileSync(canary, 'utf8'), 'untouched')
  t.ok(existsSync(bundle))

  const other = newId()
  create(runtime, other, { bundle })
  renameSync(join(runtime.root, other, 'state.json'), join(world.directory, 'state.json'))
  symlinkSync(join(world.directory, 'state.json'), join(runtime.root, other, 'state.json'))
  t.ok(thrown(() => state(runtime, other)))
  rmSync(join(runtime.root, other, 'state.json'))
  renameSync(join(world.directory, 'state.json'), join(runtime.root, other, 'state.json'))

  const moved = join(world.directory, 'moved')
  renameSync(runtime.root, moved)
  symlinkSync(moved, runtime.root)
  t.equal(state(runtime, other).status, 'created', 'the root itself may be a link')
  remove(runtime, other)
})

t.test('what is no container is not removed', { skip }, async t => {
  const world = new World(t)
  const { runtime } = world
  const precious = join(runtime.root, 'precious')
  mkdirSync(precious, { recursive: true, mode: 0o700 })
  writeFileSync(join(precious, 'config.json'), '{"linux":{"cgroupsPath":"/system.slice"}}')
  t.match(thrown(() => remove(runtime, 'precious')).message, /state.json is missing/)
  t.match(thrown(() => remove(runtime, 'precious', { force: true })).message, /is not the directory of a container/)
  t.ok(existsSync(join(precious, 'config.json')))
  for (const name of ['.state.json.17.0', 'gate', undefined]) {
    mkdirSync(join(runtime.root, 'crashed'))
    if (name !== undefined) writeFileSync(join(runtime.root, 'crashed', name), '')
    remove(runtime, 'crashed', { force: true })
    t.notOk(existsSync(join(runtime.root, 'crashed')), `${name}`)
  }
})

t.test('a pid that is not of the container', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const id = newId()
  const before = traces(id)
  const { pid } = create(runtime, id, { bundle })
  const victim = stranger(t)
  edit(world, id, saved => {
    saved.init = { pid: victim.pid, startTime: processStat(victim.pid)?.startTime }
  })
  t.equal(state(runtime, id).status, 'stopped')
  t.match(thrown(() => kill(runtime, id, 'KILL')).message, 'container not running')
  t.match(thrown(() => start(runtime, id)).message, 'cannot start a container that has stopped')
  remove(runtime, id, { force: true })
  t.ok(runs(victim.pid))
  t.notOk(runs(pid), 'what is in its cgroup is the container’s')
  victim.kill('SIGKILL')
  await until(() => !runs(victim.pid))
  t.same(traces(id).cgroups, before.cgroups)
})

t.test('a cgroup that is not of the container', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const victim = stranger(t)
  const name = newId()
  const group = newCgroup({ id: name, cgroupsPath: `/${name}` })
  group.create()
  group.join(victim.pid)
  t.teardown(() => {
    group.killAll(9)
    group.remove()
  })
  const elsewhere = group.saved.directories
  for (const damaged of [false, true]) {
    const id = newId()
    const { pid } = create(runtime, id, { bundle })
    edit(world, id, saved => {
      for (const [index, each] of saved.cgroup.directories.entries()) each.directory = elsewhere[index]?.directory
    })
    if (damaged) renameSync(join(runtime.root, id, 'state.json'), join(runtime.root, id, 'x'))
    if (damaged)
      writeFileSync(
        join(runtime.root, id, 'cgroup.json'),
        JSON.stringify(JSON.parse(readFileSync(join(runtime.root, id, 'x'), 'utf8')).cgroup),
      )
    else
      t.match(
        thrown(() => kill(runtime, id, 'KILL', { all: true })).message,
        /is not the one that this container was given/,
      )
    remove(runtime, id, { force: true })
    t.match(world.warnings.pop()?.message, /is not the one that this container was given: it is left alone/)
    t.ok(runs(victim.pid))
    t.ok(elsewhere.every(({ directory }) => existsSync(directory)))
    t.same(world.ids, [])
    process.kill(pid, 'SIGKILL')
    await until(() => !runs(pid))
    for (const directory of new Set(traces(id).cgroups)) if (existsSync(directory)) rmdirSync(directory)
  }
})

t.test('a container that was removed meanwhile, and its successor of the same name', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const id = newId()
  const ran = join(world.directory, 'ran')
  world.configure(config => {
    config.hooks = { poststop: [{ path: '/bin/sh', args: ['sh', '-c', `echo x >>${ran}`] }] }
  })
  create(runtime, id, { bundle })
  const late = [0, 1].map(() => load(runtime, id))
  remove(runtime, id)
  const successor = create(runtime, id, { bundle })
  for (const container of late) {
    destroy(container)
    container[Symbol.dispose]()
  }
  t.match(state(runtime, id), { status: 'created', pid: successor.pid })
  start(runtime, id)
  remove(runtime, id, { force: true })
  t.equal(readFileSync(ran, 'utf8'), 'x\nx\n', 'the hooks of each container run once')
})

t.test('deletes at the same time', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  const before = traces(id)
  create(world.runtime, id, { bundle: world.bundle })
  const deletes = [0, 1, 2].map(() => {
    const args = [ENTRY, '--root', world.runtime.root, 'delete', '--force', id]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr?.on('data', chunk => {
      text += chunk
    })
    return new Promise<string>(resolve => child.once('close', code => resolve(`${code} ${text}`)))
  })
  t.same(await Promise.all(deletes), ['0 ', '0 ', '0 '])
  t.same([world.ids, traces(id).cgroups], [[], before.cgroups])
})

t.test('something else in the place of the fifo', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const canary = join(world.directory, 'canary')
  writeFileSync(canary, '0')
  const makers: readonly ((path: string) => void)[] = [
    path => writeFileSync(path, '0'),
    path => symlinkSync(canary, path),
    path => linkSync(canary, path),
    path => mkdirSync(path),
  ]
  for (const make of makers) {
    const id = newId()
    const { pid } = create(runtime, id, { bundle })
    const fifo = join(runtime.root, id, 'gate/exec.fifo')
    rmSync(fifo)
    make(fifo)
    const error = thrown(() => start(runtime, id))
    t.match(error, { code: /TSRUNC_(STATE|SYSCALL)/ }, error.message)
    remove(runtime, id, { force: true })
    t.same([runs(pid), world.ids, readFileSync(canary, 'utf8')], [false, [], '0'])
  }
})
