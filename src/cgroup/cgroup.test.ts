import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { StateError, SyscallError } from '../errors.ts'
import { waitingChild } from './fixtures/child.ts'
import { hierarchies, isV1, restoreControllers, skip, testGroup, thrown } from './fixtures/host.ts'
import { Group } from './group.ts'
import { newCgroup } from './new-cgroup.ts'
import { removeGroup } from './removal.ts'
import { savedCgroup } from './saved.ts'

// On whatever this host has; v2.test.ts runs the same again where the host has v1.

restoreControllers(t)

t.test('a process joins every hierarchy, and everything is gone after remove', skip, async t => {
  const cgroup = testGroup(t, '/parent/child')
  cgroup.create()
  const { directories } = cgroup.saved
  t.equal(directories.length, hierarchies.length)
  for (const { directory } of directories) t.ok(existsSync(directory), directory)
  const child = waitingChild()
  cgroup.join(child.pid)
  const path = directories[0]?.directory.slice(directories[0].mountpoint.length)
  const lines = readFileSync(`/proc/${child.pid}/cgroup`, 'utf8').trim().split('\n')
  t.equal(lines.filter(line => line.endsWith(`:${path}`)).length, hierarchies.length, lines.join(' '))
  t.same(cgroup.pids(), [child.pid])
  cgroup.killAll(9)
  await child.ended()
  t.equal(child.process.signalCode, 'SIGKILL')
  cgroup.remove()
  for (const { directory, mountpoint } of directories) {
    t.notOk(existsSync(directory), directory)
    t.notOk(existsSync(`${mountpoint}/${path?.split('/')[1]}`), 'parents that were made are gone too')
  }
  cgroup.remove()
  t.equal(cgroup.state(), 'thawed', 'a group that is gone is asked without an error')
  t.same(cgroup.pids(), [])
})

t.test('a process that a group holds, and a group of the same name', skip, async t => {
  const cgroup = testGroup(t, '/child')
  cgroup.create()
  const child = waitingChild()
  t.notOk(cgroup.holds(child.pid))
  cgroup.join(child.pid)
  t.ok(cgroup.holds(child.pid))
  t.ok(savedCgroup(cgroup.saved).holds(child.pid))
  await child.go()
  t.notOk(cgroup.holds(child.pid), 'it is gone')
  t.ok(savedCgroup({ mode: 'none', directories: [] }).holds(1), 'without groups nothing is known')

  const saved = savedCgroup(cgroup.saved)
  t.notOk(saved.isReplaced)
  const other = testGroup(t)
  other.create()
  const elsewhere = cgroup.saved.directories.map((each, index) => {
    return { ...each, directory: other.saved.directories[index]?.directory ?? '' }
  })
  t.ok(savedCgroup({ ...cgroup.saved, directories: elsewhere }).isReplaced)
  cgroup.remove()
  t.notOk(saved.isReplaced, 'gone is not replaced')
  const again = newCgroup({ cgroupsPath: cgroup.facts().v1[0]?.path ?? cgroup.facts().v2?.path, id: 'x' })
  again.create()
  t.ok(saved.isReplaced)
  again.remove() // with the parent that it has made
})

t.test('a frozen process stops, thawed it goes on, SIGKILL ends it frozen or not', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const child = waitingChild('echo alive; sleep 100')
  cgroup.join(child.pid)
  t.equal(cgroup.state(), 'thawed')
  cgroup.freeze()
  t.equal(cgroup.state(), 'frozen')
  let printed = false
  child.process.stdout?.on('data', () => {
    printed = true
  })
  child.process.stdin?.write('\n')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(printed, false)
  cgroup.thaw()
  while (!printed || cgroup.pids().length < 2) await new Promise(resolve => setTimeout(resolve, 5))
  cgroup.freeze()
  using again = savedCgroup(JSON.parse(JSON.stringify(cgroup.saved)))
  t.equal(again.state(), 'frozen')
  t.equal(again.pids().length, 2, 'the shell and its sleep')
  again.killAll(9)
  await child.ended()
  again.remove()
  t.same(again.pids(), [])
})

t.test('other signals reach every process, also a forked one', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const child = waitingChild('sh -c "sleep 100" & sleep 100 & echo started; wait')
  cgroup.join(child.pid)
  const started = new Promise(resolve => child.process.stdout?.once('data', resolve))
  child.process.stdin?.write('\n')
  await started
  cgroup.killAll(15)
  await child.ended()
  t.equal(child.process.signalCode, 'SIGTERM')
  t.equal(cgroup.state(), 'thawed')
})

t.test('nested groups and processes that were just killed do not keep remove from its work', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const child = waitingChild('sleep 100')
  cgroup.join(child.pid)
  for (const { directory, controllers } of cgroup.saved.directories) {
    mkdirSync(`${directory}/inner.scope/leaf`, { recursive: true })
    if (!controllers.includes('cpuset')) writeFileSync(`${directory}/inner.scope/leaf/cgroup.procs`, `${child.pid}`)
  }
  t.same(cgroup.pids(), [child.pid], 'found in a group below')
  cgroup.killAll(9)
  cgroup.remove()
  for (const { directory } of cgroup.saved.directories) t.notOk(existsSync(directory), directory)
  await child.ended()
})

t.test('removing a group in use ends in time, with the processes in the hint', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const child = waitingChild()
  cgroup.join(child.pid)
  const [place] = [...cgroup.facts().v1, { controllers: '', ...cgroup.facts().v2 }]
  const start = performance.now()
  const error = thrown(() =>
    removeGroup(new Group({ mountpoint: '', path: '', ...place, controllers: place?.controllers ?? '' }), start + 100),
  )
  t.match(error, {
    errnoName: 'EBUSY',
    hint: new RegExp(`1 process.* ${child.pid}`),
    origin: { intent: /remove cgroup/ },
  })
  t.ok(performance.now() - start < 1000)
  await child.go()
})

t.test('create refuses a group with processes, and a frozen one, and leaves nothing behind', skip, async t => {
  const first = testGroup(t)
  first.create()
  const child = waitingChild()
  first.join(child.pid)
  const path = first.saved.directories[0]?.directory.slice(first.saved.directories[0].mountpoint.length)
  const second = newCgroup({ cgroupsPath: path, id: 'x' })
  const refused = thrown(() => second.create())
  t.ok(refused instanceof StateError)
  t.match(refused, { message: "container's cgroup is not empty: 1 process(es) found", where: '/linux/cgroupsPath' })
  await child.go()
  first.freeze()
  t.match(
    thrown(() => second.create()),
    { message: "container's cgroup unexpectedly frozen" },
  )
  t.match(
    thrown(() => newCgroup({ cgroupsPath: `${path}/below`, id: 'x' }).create()),
    { message: /unexpectedly frozen/ },
  )
  for (const { directory } of first.saved.directories) t.notOk(existsSync(`${directory}/below`), 'undone')
  first.thaw()
  second.create()
  t.pass('an empty group is taken as it is')
  second[Symbol.dispose]()
})

t.test('a failure in the middle undoes what was made', skip, async t => {
  const cgroup = testGroup(t, '/a/b')
  const [first, ...rest] = cgroup.saved.directories
  const last = rest.at(isV1 ? -3 : -1) ?? first
  // a file where a group should be: the name of one that the kernel makes in every group
  const bad = newCgroup({ cgroupsPath: `${last?.directory.slice(last.mountpoint.length)}/cgroup.procs/x`, id: 'x' })
  const error = thrown(() => bad.create())
  t.ok(error instanceof SyscallError)
  t.match(error, { where: '/linux/cgroupsPath' })
  for (const { directory } of cgroup.saved.directories) t.notOk(existsSync(directory.replace(/\/a\/b$/, '')), directory)
})

t.test('hostile paths stay below the mountpoint', skip, async t => {
  const name = `tsrunc-test-${process.pid}-hostile`
  using cgroup = newCgroup({ cgroupsPath: `/../../../..//./${name}/x/../y`, id: 'x' })
  cgroup.create()
  for (const { directory, mountpoint } of cgroup.saved.directories) {
    t.equal(directory, `${mountpoint}/${name}/y`)
    t.ok(existsSync(directory))
  }
  t.notOk(existsSync(`/${name}`))
  cgroup.remove()
  t.notOk(cgroup.saved.directories.some(({ mountpoint }) => existsSync(`${mountpoint}/${name}`)))
})

t.test('a saved cgroup that was edited is refused', async t => {
  const saved = (directory: string, mode = 'v2') =>
    savedCgroup({ mode: mode as 'v2', directories: [{ controllers: '', mountpoint: '/sys/fs/cgroup', directory }] })
  for (const directory of ['/sys/fs/cgroup', '/sys/fs/cgroup/', '/etc', '/sys/fs/cgroup/a/../..', '/sys/fs/cgroupx/a'])
    t.throws(() => saved(directory), { name: 'StateError' }, directory)
  t.throws(() => saved('/sys/fs/cgroup/a', 'v3'), { name: 'StateError' })
})

t.test('only cgroups are removed', skip, async t => {
  const directory = `/tmp/tsrunc-test-${process.pid}`
  mkdirSync(`${directory}/a/b`, { recursive: true })
  t.teardown(() => {
    for (const path of ['/a/b', '/a', '']) rmdirSync(directory + path)
  })
  const places = [{ controllers: '', mountpoint: directory, directory: `${directory}/a` }]
  using cgroup = savedCgroup({ mode: 'v2', directories: places })
  t.throws(() => cgroup.remove(), { name: 'StateError' })
  t.ok(existsSync(`${directory}/a/b`))
})

t.test('without cgroups', async t => {
  const none = { mode: 'none', hierarchies: [] } as const
  t.throws(() => newCgroup({ id: 'x' }, none).create(), { name: 'UnsupportedError' })
  const optional = newCgroup({ id: 'x', optional: true }, none)
  optional.create()
  optional.set(undefined)
  optional.join(process.pid)
  t.same(optional.saved, { mode: 'none', directories: [] })
  t.throws(() => optional.set({ pids: { limit: 5 } }), {
    name: 'UnsupportedError',
    where: '/linux/resources/pids/limit',
  })
  optional.remove()
})

t.test('a group that holds this very process is neither frozen nor killed', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  using own = newCgroup({ cgroupsPath: cgroup.facts().v1[0]?.path ?? cgroup.facts().v2?.path, id: 'x' })
  const tree = cgroup.facts().v2
  const place = tree ?? cgroup.facts().v1[0]
  const before = ownGroup(tree ? '' : cgroup.facts().v1[0]?.controllers)
  writeFileSync(`${place?.mountpoint}${place?.path}/cgroup.procs`, String(process.pid))
  try {
    t.throws(() => own.freeze(), { name: 'StateError', message: /this process is in it/ })
    t.throws(() => own.killAll(9), { name: 'StateError' })
  } finally {
    writeFileSync(`${place?.mountpoint}${before}/cgroup.procs`, String(process.pid))
  }
})
const ownGroup = (controllers = ''): string =>
  hierarchies.find(it => it.controllers === controllers)?.own.replace(/\/$/, '') ?? ''

t.test('v2: a group below a threaded one becomes threaded', skip, async t => {
  const parent = testGroup(t)
  const tree = parent.facts().v2
  if (isV1 || tree === undefined) return void t.pass('not here', { skip: 'v1 has no threaded groups' })
  parent.create()
  const directory = tree.mountpoint + tree.path
  mkdirSync(`${directory}/threads`)
  writeFileSync(`${directory}/threads/cgroup.type`, 'threaded')
  using below = newCgroup({ cgroupsPath: `${tree.path}/below`, id: 'x' })
  below.create()
  const child = waitingChild()
  below.join(child.pid)
  t.equal(readFileSync(`${directory}/below/cgroup.type`, 'utf8'), 'threaded\n')
  t.match(readFileSync(`/proc/${child.pid}/cgroup`, 'utf8'), `${tree.path}/below`)
  t.same(parent.pids(), [child.pid])
  await child.go()
  below.remove()
})

t.test(
  'a group of v2 is given to a user, with just the files that the kernel names; one of v1 is not',
  skip,
  async t => {
    const cgroup = testGroup(t)
    cgroup.create()
    cgroup.giveTo(4711)
    const named = existsSync('/sys/kernel/cgroup/delegate')
      ? readFileSync('/sys/kernel/cgroup/delegate', 'utf8').trim().split('\n')
      : ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']
    for (const { directory } of cgroup.saved.directories) {
      const theirs = ['.', ...readdirSync(directory)].filter(name => statSync(`${directory}/${name}`).uid === 4711)
      const expected = ['.', ...named.filter(name => existsSync(`${directory}/${name}`))]
      t.same(theirs.sort(), isV1 ? [] : expected.sort(), directory)
      t.equal(statSync(directory).gid, process.getegid?.())
    }
  },
)
