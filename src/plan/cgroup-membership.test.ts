// How init comes into its cgroup: golden listings. That it is there in the end is seen by src/runtime/compare*.test.ts.
import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import { planCgroupNamespace, planJoinCgroups } from './cgroup-membership.ts'
import type { CgroupFacts } from './facts.ts'
import { planFork } from './namespaces.ts'

const MEMORY = { directory: '/sys/fs/cgroup/memory/test', isV2: false, required: true }
const SYSTEMD = { directory: '/sys/fs/cgroup/systemd/test', isV2: false, required: false }
const UNIFIED = { directory: '/sys/fs/cgroup/unified/test', isV2: true, required: false }
const V2 = { directory: '/sys/fs/cgroup/test', isV2: true, required: true }

const plan = (joins: CgroupFacts['joins'], ...types: readonly ('pid' | 'user' | 'cgroup')[]) =>
  stageListing(
    { linux: { namespaces: types.map(type => ({ type })) }, facts: { cgroup: { mode: 'hybrid', v1: [], joins } } },
    planJoinCgroups,
    planFork,
    planCgroupNamespace,
  )

t.test('v1 groups are joined through tasks, the v2 tree of a hybrid host at birth', async t => {
  const text = plan([MEMORY, SYSTEMD, UNIFIED], 'pid', 'cgroup')
  t.equal(text, golden('cgroup-join-hybrid', text))
})

t.test('v2: a fork even without a pid namespace, and no way around the group', async t => {
  const text = plan([V2])
  t.equal(text, golden('cgroup-join-v2', text))
  t.notMatch(text, /clone\(/)
})

t.test('v2 in a user namespace: joined before it is entered', async t => {
  const text = plan([V2], 'pid', 'user')
  t.match(text, /cgroup\.procs/)
  t.notMatch(text, /clone3/)
})

t.test('v2 with a cgroup namespace that is joined: before, it may not show the group', async t => {
  const linux = { namespaces: [{ type: 'pid' }, { type: 'cgroup', path: '/proc/7/ns/cgroup' }] } as const
  const facts = { cgroup: { mode: 'v2', v1: [], joins: [V2] } } as const
  const text = stageListing({ linux, facts }, planJoinCgroups, planFork)
  t.match(text, /cgroup\.procs/)
  t.notMatch(text, /clone3/)
})

t.test('nothing to join', async t => {
  t.equal(plan([]).trim(), '')
})
