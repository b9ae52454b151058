import t from 'tap'
import { SpecError } from '../errors.ts'
import { clean, groupPath, layoutOf } from './layout.ts'

const mount = (mountPoint: string, type: string, superOptions: string, root = '/') => ({
  root,
  mountPoint,
  type,
  superOptions: superOptions.split(','),
})

const TMPFS = mount('/sys/fs/cgroup', 'tmpfs', 'rw,mode=755')
const V1 = [
  mount('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
  mount('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'),
  mount('/sys/fs/cgroup/systemd', 'cgroup', 'rw,xattr,name=systemd'),
]
const OWN_V1 = '7:memory:/user/a:b\n4:cpu,cpuacct:/\n1:name=systemd:/init.scope\n'

t.test('v1', async t => {
  const { mode, hierarchies } = layoutOf([TMPFS, ...V1], OWN_V1)
  t.equal(mode, 'v1')
  t.same(hierarchies, [
    { controllers: 'cpu,cpuacct', mountpoint: '/sys/fs/cgroup/cpu,cpuacct', own: '/' },
    { controllers: 'memory', mountpoint: '/sys/fs/cgroup/memory', own: '/user/a:b' },
    { controllers: 'name=systemd', mountpoint: '/sys/fs/cgroup/systemd', own: '/init.scope' },
  ])
})

t.test('hybrid', async t => {
  const unified = mount('/sys/fs/cgroup/unified', 'cgroup2', 'rw')
  const { mode, hierarchies } = layoutOf([TMPFS, ...V1, unified], `${OWN_V1}0::/x\n`)
  t.equal(mode, 'hybrid')
  t.same(hierarchies.at(-1), { controllers: '', mountpoint: '/sys/fs/cgroup/unified', own: '/x' })
})

t.test('v2, also with a lone v1 hierarchy elsewhere', async t => {
  const tree = mount('/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate')
  const expected = [{ controllers: '', mountpoint: '/sys/fs/cgroup', own: '/system.slice/x.service' }]
  const netCls = mount('/mnt/net_cls', 'cgroup', 'rw,net_cls')
  t.same(layoutOf([tree, netCls], '3:net_cls:/\n0::/system.slice/x.service\n'), { mode: 'v2', hierarchies: expected })
  t.equal(layoutOf([mount('/mnt/cgroup2', 'cgroup2', 'rw')], '0::/\n').mode, 'v2')
})

t.test('nothing mounted', async t => {
  t.same(layoutOf([mount('/', 'ext4', 'rw')], OWN_V1), { mode: 'none', hierarchies: [] })
})

t.test('the usual place wins over another mount of the same hierarchy', async t => {
  const other = mount('/var/lib/x/cgroup/memory', 'cgroup', 'rw,memory')
  const { hierarchies } = layoutOf([TMPFS, other, ...V1], OWN_V1)
  t.equal(hierarchies.find(it => it.controllers === 'memory')?.mountpoint, '/sys/fs/cgroup/memory')
})

t.test('a mount that shows a part of the hierarchy', async t => {
  const own = (group: string, root: string) =>
    layoutOf([mount('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory', root)], `1:memory:${group}\n`).hierarchies[0]?.own
  t.equal(own('/docker/1', '/docker/1'), '/')
  t.equal(own('/docker/1/a', '/docker/1'), '/a')
  t.equal(own('/docker/12', '/docker/1'), '/', 'a name with the same start is another group')
  t.equal(own('/../../x', '/'), '/x', 'seen from inside a cgroup namespace')
})

t.test('paths are cleaned below the root', async t => {
  for (const [path, cleaned] of [
    ['/../../etc', '/etc'],
    ['a//b/./c/', '/a/b/c'],
    ['/a/../../b', '/b'],
    ['/', '/'],
    ['..', '/'],
  ] as const)
    t.equal(clean(path), cleaned)
})

t.test('where a container is', async t => {
  const at = (mode: 'v1' | 'v2', own: string, asked: string | undefined, id = 'c1') =>
    groupPath(asked, id, { mode, hierarchies: [] }, { controllers: '', mountpoint: '/m', own })
  t.equal(at('v1', '/own', '/a/b'), '/a/b')
  t.equal(at('v1', '/own', 'a/b'), '/own/a/b')
  t.equal(at('v1', '/own', undefined), '/own/c1')
  t.equal(at('v1', '/own', ''), '/own/c1')
  t.equal(at('v1', '/', undefined), '/c1')
  t.equal(at('v1', '/own', '../../x'), '/own/x', 'a relative path does not leave our own group')
  t.equal(at('v1', '/own', '/../../x'), '/x')
  t.equal(at('v2', '/system.slice/x.service', undefined), '/system.slice/c1', 'beside our own group')
  t.equal(at('v2', '/', 'a'), '/a')
  t.equal(at('v1', '/own', 'system.slice:docker:1'), '/own/system.slice:docker:1')
  for (const bad of ['/', '/..', '.', 'a/..', 'a\nb', 'a\0b'])
    t.throws(() => at('v1', '/own', bad), SpecError, JSON.stringify(bad))
})
