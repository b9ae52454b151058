import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { StateError } from '../errors.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { kill } from './kill.ts'
import { list, state } from './query.ts'
import { start } from './start.ts'
import { cannotRun, newId, runs, thrown, traces, until, World } from './testing.ts'

const skip = cannotRun ?? false

t.test('created, running, stopped, gone', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const id = newId()
  const before = traces(id)
  const pidFile = join(world.directory, 'pid')
  writeFileSync(pidFile, '')

  const made = create(runtime, id, { bundle, pidFile })
  t.equal(made.status, 'created')
  t.equal(readFileSync(pidFile, 'utf8'), String(made.pid))
  t.match(Object.keys(made), ['ociVersion', 'id', 'pid', 'status', 'bundle', 'rootfs', 'created', 'owner'])
  t.equal(made.rootfs, join(bundle, 'rootfs'))
  t.match(made.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
  t.match(readFileSync(`/proc/${made.pid}/cmdline`, 'utf8'), /^tsrunc\0init\0$/)
  t.match(list(runtime), { containers: [{ id, status: 'created', owner: 'root' }], problems: [] })
  t.match(thrown(() => create(runtime, id, { bundle })).message, 'container with given ID already exists')

  start(runtime, id)
  await until(() => readFileSync(`/proc/${made.pid}/cmdline`, 'utf8').startsWith('sleep'))
  t.equal(state(runtime, id).status, 'running')
  t.match(thrown(() => start(runtime, id)).message, 'cannot start an already running container')
  t.match(thrown(() => remove(runtime, id)).message, `cannot delete container ${id} that is not stopped: running`)
  t.match(thrown(() => kill(runtime, id, 'NOPE')).message, 'unknown signal "NOPE"')

  kill(runtime, id, 'kill')
  await until(() => state(runtime, id).status === 'stopped')
  t.match(state(runtime, id), { status: 'stopped', pid: 0 })
  t.match(thrown(() => kill(runtime, id, 15)).message, 'container not running')
  t.doesNotThrow(() => kill(runtime, id, 15, { all: true }))
  t.match(thrown(() => start(runtime, id)).message, 'cannot start a container that has stopped')

  remove(runtime, id)
  t.same(traces(id), before, 'nothing is left')
  t.same(world.ids, [])
  for (const call of [state, start, kill, remove]) {
    const error = thrown(() => call(runtime, id, undefined as never))
    t.ok(error instanceof StateError && error.missing && error.message === 'container does not exist', call.name)
  }
  t.doesNotThrow(() => remove(runtime, id, { force: true }))
})

t.test('a created container can be deleted, a running one with force', { skip }, async t => {
  const { runtime, bundle } = new World(t)
  for (const started of [false, true]) {
    const id = newId()
    const before = traces(id)
    const { pid } = create(runtime, id, { bundle })
    if (started) start(runtime, id)
    remove(runtime, id, { force: started })
    t.notOk(existsSync(`/proc/${pid}`))
    t.same(traces(id), before)
  }
})

t.test('what config.json says after create has no effect', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  world.configure(config => {
    config.process.args = ['sh', '-c', 'exit 0']
    config.annotations = { 'org.example': 'a' }
  })
  create(world.runtime, id, { bundle: world.bundle })
  world.write('config.json', 'nonsense')
  start(world.runtime, id)
  await until(() => state(world.runtime, id).status === 'stopped')
  t.same(state(world.runtime, id).annotations, { 'org.example': 'a' })
  remove(world.runtime, id)
})

t.test('without a pid namespace of its own SIGKILL takes all processes', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  const before = traces(id)
  world.configure(config => {
    config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'pid')
    config.process.args = ['sh', '-c', 'sleep 1000 & sleep 1000 & wait']
  })
  const { pid } = create(world.runtime, id, { bundle: world.bundle })
  start(world.runtime, id)
  const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  await until(() => children().length === 2)
  const pids = children()
  kill(world.runtime, id, 'SIGKILL')
  await until(() => state(world.runtime, id).status === 'stopped')
  remove(world.runtime, id)
  t.same(pids.filter(runs), [])
  t.same(traces(id), before)
})
