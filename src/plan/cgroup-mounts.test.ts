import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import type { CgroupFacts } from './facts.ts'
import { planMounts } from './mounts.ts'
import { planHostSources } from './sources.ts'

const V1: CgroupFacts = {
  mode: 'hybrid',
  v1: [
    { controllers: 'cpu,cpuacct', mountpoint: '/sys/fs/cgroup/cpu,cpuacct', path: '/a/test' },
    { controllers: 'name=systemd', mountpoint: '/sys/fs/cgroup/systemd', path: '/' },
  ],
  joins: [],
}
const V2: CgroupFacts = { mode: 'v2', v1: [], v2: { mountpoint: '/sys/fs/cgroup', path: '/test' }, joins: [] }

const plan = (cgroup: CgroupFacts, own: boolean, options: readonly string[]) => {
  const namespaces = [{ type: 'mount' as const }, ...(own ? [{ type: 'cgroup' as const }] : [])]
  const mounts = [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options }]
  return stageListing({ spec: { mounts }, linux: { namespaces }, facts: { cgroup } }, planHostSources, planMounts)
}

t.test('v1 with a cgroup namespace: each hierarchy is mounted', async t => {
  const text = plan(V1, true, ['nosuid', 'ro'])
  t.equal(text, golden('cgroup-v1-namespace', text))
})

t.test('v1 without: each group is bound', async t => {
  const text = plan(V1, false, ['nosuid', 'ro'])
  t.equal(text, golden('cgroup-v1-bind', text))
})

t.test('v2: the tree, or a bind of the group where it is denied', async t => {
  const text = plan(V2, true, ['nosuid', 'ro', 'memory_recursiveprot'])
  t.equal(text, golden('cgroup-v2', text))
})

t.test('options that no hierarchy of v1 takes are not lost without a word', async t => {
  for (const own of [true, false])
    t.throws(() => plan(V1, own, ['nosuid', 'nsdelegate']), {
      name: 'UnsupportedError',
      where: '/mounts/0/options',
      message: '"nsdelegate"',
    })
})

t.test('a host without cgroups cannot mount them', async t => {
  t.throws(() => plan({ mode: 'none', v1: [], joins: [] }, true, []), {
    name: 'UnsupportedError',
    where: '/mounts/0/type',
  })
})
