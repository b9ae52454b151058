// A directory tree stands for resctrl, which takes hardware that this machine may not have: the code is the real one,
// but what the kernel does (files that come with a group, its checks of values) is done here. A tmpfs is no resctrl:
// that the real type is looked for is tested too.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { StateError, SyscallError, UnsupportedError } from '../errors.ts'
import type { MountEntry } from '../host/mountinfo.ts'
import { workDirectory } from '../host/testing.ts'
import type { IntelRdt } from '../spec/gen/types.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import * as intelRdt from './intel-rdt.ts'
import { RdtGroup, rdtGroup } from './intel-rdt.ts'
import { provide } from './parts.ts'
import { removeGroups } from './resctrl.ts'
import { Resctrl } from './resctrl-files.ts'
import { newId, thrown, World } from './testing.ts'

/** What was done, in order: "make g", "g/schemata L3:0=f". */
class Fake extends Resctrl {
  readonly log: string[] = []
  refuse: string | undefined

  override make(path: string): void {
    super.make(path)
    this.log.push(`make ${path}`)
    files(join(this.mountpoint, path))
  }

  override write(path: string, name: string, lines: readonly string[]): void {
    super.write(path, name, lines)
    for (const line of lines) this.log.push(`${path}/${name} ${line}`)
    if (lines.some(line => line === this.refuse)) throw new SyscallError({ syscall: 'write', args: [path], errno: 22 })
  }

  override remove(path: string): void {
    for (const name of ['schemata', 'tasks', 'mon_groups', 'mon_data'])
      rmSync(join(this.mountpoint, path, name), { recursive: true, force: true })
    super.remove(path)
    this.log.push(`remove ${path}`)
  }
}

/** What the kernel puts into a group. */
function files(path: string): void {
  for (const name of ['schemata', 'tasks']) writeFileSync(join(path, name), '')
  for (const name of ['mon_groups', 'mon_data']) mkdirSync(join(path, name))
}

function fake(t: Parameters<typeof workDirectory>[0]): Fake {
  const root = workDirectory(t)
  files(root)
  mkdirSync(join(root, 'info'))
  writeFileSync(join(root, 'info/last_cmd_status'), 'ok\n')
  return new Fake(root, BigInt(statfsSync(root).type))
}

function group(resctrl: Fake, name: string, schemata: string): void {
  mkdirSync(join(resctrl.mountpoint, name))
  files(join(resctrl.mountpoint, name))
  writeFileSync(join(resctrl.mountpoint, name, 'schemata'), schemata)
}

const text = (resctrl: Fake, path: string): string => readFileSync(join(resctrl.mountpoint, path), 'utf8')

const ALL: IntelRdt = {
  schemata: ['L2:0=f', 'MB:0=30'],
  memBwSchema: 'MB:0=20;1=70',
  l3CacheSchema: 'L3:0=7f0;1=1f',
}

t.test('the group is made, its schemata written in the order of the spec, and then joined', t => {
  const resctrl = fake(t)
  const rdt = new RdtGroup(resctrl, 'c1', { closID: 'guaranteed', enableMonitoring: true, ...ALL })
  t.same(resctrl.log, [], 'nothing was touched before')
  rdt.make()
  rdt.join(4711)
  t.same(resctrl.log, [
    'make guaranteed',
    'guaranteed/schemata L3:0=7f0;1=1f',
    'guaranteed/schemata MB:0=20;1=70',
    'guaranteed/schemata L2:0=f',
    'guaranteed/schemata MB:0=30',
    'make guaranteed/mon_groups/c1',
    'guaranteed/tasks 4711',
    'guaranteed/mon_groups/c1/tasks 4711',
  ])
  t.equal(text(resctrl, 'guaranteed/tasks'), '4711\n', 'with the line feed that the kernel wants')
  t.same(rdt.saved.directories, ['guaranteed/mon_groups/c1'], 'the group stays when the container goes')
  t.end()
})

t.test('without closID the group has the name of the container and goes with it', t => {
  const resctrl = fake(t)
  const rdt = new RdtGroup(resctrl, 'c1', {})
  rdt.make()
  rdt.join(1)
  t.same(resctrl.log, ['make c1', 'c1/tasks 1'], 'no schema is written without one')
  t.same(rdt.saved.directories, ['c1'])
  const monitored = new RdtGroup(resctrl, 'c2', { enableMonitoring: true })
  t.same(monitored.saved.directories, ['c2/mon_groups/c2', 'c2'], 'the inner one first')
  t.end()
})

t.test('a group that was there is not removed, whatever its name', t => {
  const resctrl = fake(t)
  group(resctrl, 'c1', '')
  t.same(new RdtGroup(resctrl, 'c1', {}).saved.directories, [])
  t.same(new RdtGroup(resctrl, 'c2', { closID: 'c1' }).saved.directories, [])
  t.end()
})

t.test('/ is the default group', t => {
  const resctrl = fake(t)
  const rdt = new RdtGroup(resctrl, 'c1', { closID: '/', enableMonitoring: true })
  rdt.make()
  rdt.join(7)
  t.same(resctrl.log, ['make mon_groups/c1', '/tasks 7', 'mon_groups/c1/tasks 7'])
  t.end()
})

t.test('closID alone needs a group that is there', t => {
  const resctrl = fake(t)
  const error = thrown(() => new RdtGroup(resctrl, 'c1', { closID: 'gold' }))
  t.ok(error instanceof StateError)
  t.match(error, {
    where: '/linux/intelRdt/closID',
    isInConfig: true,
    message: /no resctrl group .*\/gold, and no schema/,
  })
  group(resctrl, 'gold', 'L3:0=f\n')
  const rdt = new RdtGroup(resctrl, 'c1', { closID: 'gold' })
  rdt.make()
  t.same(resctrl.log, [])
  t.equal(text(resctrl, 'gold/schemata'), 'L3:0=f\n', 'not written to')
  t.end()
})

t.test('a group that is there must have the schema that is asked for', t => {
  const resctrl = fake(t)
  const schemata = '    L3:0=07f0;1=01f\n    MB:0= 20;1= 70\n'
  group(resctrl, 'gold', schemata)
  new RdtGroup(resctrl, 'c1', { closID: 'gold', ...ALL, schemata: [] }).make()
  writeFileSync(join(resctrl.mountpoint, 'gold/schemata'), schemata) // an ordinary file has become what was written
  const cases: [IntelRdt, string, RegExp][] = [
    [{ l3CacheSchema: 'L3:0=f' }, '/l3CacheSchema', /L3:0 is 7f0, asked for is L3:0=f/],
    [{ memBwSchema: 'MB:1=20' }, '/memBwSchema', /MB:1 is 70/],
    [{ schemata: ['L3:0=7f0', 'L2:0=f'] }, '/schemata/1', /it has no L2/],
  ]
  for (const [wish, place, message] of cases) {
    const error = thrown(() => new RdtGroup(resctrl, 'c1', { closID: 'gold', ...wish }))
    t.ok(error instanceof StateError)
    t.match(error, { where: `/linux/intelRdt${place}`, isInConfig: true, message })
  }
  t.end()
})

t.test('a group that could not be set up is taken back, and the kernel has the last word', t => {
  const resctrl = fake(t)
  resctrl.refuse = 'MB:0=20;1=70'
  writeFileSync(join(resctrl.mountpoint, 'info/last_cmd_status'), 'MB value 20 out of range\n')
  const error = thrown(() => new RdtGroup(resctrl, 'c1', { closID: 'gold', ...ALL }).make())
  t.match(error, {
    where: '/linux/intelRdt/memBwSchema',
    message: /^set the schemata of the resctrl group \S+\/gold to MB:0=20;1=70: .*invalid argument/i,
    hint: 'the kernel says: MB value 20 out of range',
  })
  t.notOk(existsSync(join(resctrl.mountpoint, 'gold')))
  t.end()
})

t.test('a group that is made by somebody else meanwhile is compared', t => {
  const resctrl = fake(t)
  const rdt = new RdtGroup(resctrl, 'c1', { closID: 'gold', l3CacheSchema: 'L3:0=f' })
  group(resctrl, 'gold', 'L3:0=1\n')
  t.match(
    thrown(() => rdt.make()),
    { message: /L3:0 is 1/ },
  )
  const own = new RdtGroup(resctrl, 'c2', {})
  group(resctrl, 'c2', '')
  t.match(
    thrown(() => own.make()),
    { errnoName: 'EEXIST' },
  )
  t.end()
})

t.test('a monitoring group that can not be made is an error', t => {
  const resctrl = fake(t)
  group(resctrl, 'gold', '')
  mkdirSync(join(resctrl.mountpoint, 'gold/mon_groups/c1'))
  const rdt = new RdtGroup(resctrl, 'c1', { closID: 'gold', enableMonitoring: true })
  t.match(
    thrown(() => rdt.make()),
    { errnoName: 'EEXIST', where: '/linux/intelRdt/enableMonitoring' },
  )
  t.end()
})

t.test('what others have made meanwhile is not taken back', t => {
  const resctrl = fake(t)
  const own = new RdtGroup(resctrl, 'c1', {})
  mkdirSync(join(resctrl.mountpoint, 'c1'))
  t.throws(() => own.make())
  own.remove()
  t.ok(existsSync(join(resctrl.mountpoint, 'c1')))
  group(resctrl, 'gold', '')
  const monitored = new RdtGroup(resctrl, 'c2', { closID: 'gold', enableMonitoring: true })
  mkdirSync(join(resctrl.mountpoint, 'gold/mon_groups/c2'))
  t.throws(() => monitored.make())
  monitored.remove()
  t.ok(existsSync(join(resctrl.mountpoint, 'gold/mon_groups/c2')))
  const another = new RdtGroup(resctrl, 'c3', { closID: 'gold', enableMonitoring: true })
  another.make()
  for (const name of ['schemata', 'tasks']) rmSync(join(resctrl.mountpoint, 'gold/mon_groups/c3', name))
  for (const name of ['mon_groups', 'mon_data']) rmdirSync(join(resctrl.mountpoint, 'gold/mon_groups/c3', name))
  another.remove()
  t.notOk(existsSync(join(resctrl.mountpoint, 'gold/mon_groups/c3')))
  t.end()
})

t.test('an id that resctrl has a directory for is refused', t => {
  const resctrl = fake(t)
  t.match(
    thrown(() => new RdtGroup(resctrl, 'info', {})),
    { message: /directory info of its own/ },
  )
  t.end()
})

t.test('removing: inner groups first, twice is fine, and only in a file system of that type', t => {
  const root = workDirectory(t)
  const type = BigInt(statfsSync(root).type)
  const saved = { mountpoint: root, directories: ['a/mon_groups/b', 'a/mon_groups', 'a'] }
  mkdirSync(join(root, 'a/mon_groups/b'), { recursive: true })
  removeGroups(saved)
  t.ok(existsSync(join(root, 'a/mon_groups/b')), 'an ordinary directory is no resctrl')
  removeGroups(saved, type)
  t.notOk(existsSync(join(root, 'a')))
  removeGroups(saved, type)
  removeGroups({ ...saved, mountpoint: join(root, 'gone') }, type)
  mkdirSync(join(root, 'kept'))
  appendFileSync(join(root, 'kept/file'), '')
  t.match(
    thrown(() => removeGroups({ mountpoint: root, directories: ['kept'] }, type)),
    { errnoName: 'ENOTEMPTY' },
  )
  t.end()
})

const mounted = (mountPoint: string): MountEntry => ({
  ...{ id: 1, parent: 0, device: '0:1', root: '/', mountPoint, options: [], propagation: [] },
  ...{ type: 'resctrl', source: 'resctrl', superOptions: [] },
})

t.test('the file system is found by its type, and must be it', t => {
  const error = thrown(() => rdtGroup('c1', {}, []))
  t.ok(error instanceof UnsupportedError)
  t.match(error, { where: '/linux/intelRdt', message: /no resctrl file system is mounted/ })
  const path = workDirectory(t)
  t.match(
    thrown(() => rdtGroup('c1', {}, [mounted(path)])),
    { message: /is no resctrl file system/ },
  )
  t.end()
})

const hasResctrl = readFileSync('/proc/self/mountinfo', 'utf8').includes(' - resctrl ')
t.test('a container that asks for it where there is none is not made', { skip: hasResctrl && 'has resctrl' }, t => {
  const world = new World(t)
  world.configure(config => {
    config.linux.intelRdt = {}
  })
  t.match(
    thrown(() => create(world.runtime, newId(), { bundle: world.bundle })),
    { code: 'TSRUNC_UNSUPPORTED', where: '/linux/intelRdt' },
  )
  t.same(world.ids, [])
  t.end()
})

// A hierarchy of cgroups without a controller does what the wiring needs: a directory that is made comes with a file
// `tasks`, which moves a process, and can be removed with its files.
const NAMED = '/sys/fs/cgroup/systemd'
const noTree =
  process.geteuid?.() !== 0
    ? 'needs root'
    : existsSync(`${NAMED}/tasks`)
      ? false
      : 'needs the hierarchy name=systemd of cgroup v1'

t.test('create makes the group and puts init into it; one that fails takes it back', { skip: noTree }, t => {
  const world = new World(t)
  const [id, other] = [newId(), newId()]
  const tree = new Resctrl(NAMED, BigInt(statfsSync(NAMED).type))
  provide({ intelRdt: { ...intelRdt, rdtGroup: (id, wish) => new RdtGroup(tree, id, wish) } })
  t.teardown(() => provide({ intelRdt }))
  t.teardown(() => existsSync(`${NAMED}/${id}`) && rmdirSync(`${NAMED}/${id}`))
  world.configure(config => {
    config.linux.intelRdt = {}
    config.linux.cgroupsPath = `/${id}-group`
  })
  const { pid } = create(world.runtime, id, { bundle: world.bundle })
  t.same(readFileSync(`${NAMED}/${id}/tasks`, 'utf8'), `${pid}\n`)
  const saved = JSON.parse(readFileSync(join(world.runtime.root, id, 'state.json'), 'utf8'))
  t.same(saved.rdt, { mountpoint: NAMED, directories: [id] })
  t.same(JSON.parse(readFileSync(join(world.runtime.root, id, 'rdt.json'), 'utf8')), saved.rdt)
  remove(world.runtime, id, { force: true })
  t.ok(existsSync(`${NAMED}/${id}`), 'delete touches nothing but resctrl')
  t.notOk(existsSync(join(world.runtime.root, id)))

  world.configure(config => {
    config.linux.intelRdt = {}
    config.linux.cgroupsPath = `/${other}-group`
    config.process.args = ['/nonexistent']
  })
  t.match(
    thrown(() => create(world.runtime, other, { bundle: world.bundle })),
    { message: /no such file/, undoErrors: [] },
  )
  t.notOk(existsSync(`${NAMED}/${other}`))
  t.end()
})
