import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import type { Linux, Namespace } from '../spec/gen/types.ts'
import { NAMESPACE_KINDS } from './context.ts'
import { NAMESPACES, planBegin, planFork, planNamespaces } from './namespaces.ts'

const plan = (namespaces: readonly Namespace[], rest: Linux = {}) =>
  stageListing({ linux: { namespaces, ...rest } }, planNamespaces, planFork)

t.test('the first ops', async t => {
  const text = stageListing({}, planBegin)
  t.equal(text, golden('namespaces-begin', text))
})

t.test('new ones, with a new user namespace and clocks', async t => {
  const all = NAMESPACE_KINDS.map(type => ({ type }))
  const text = plan(all, { timeOffsets: { monotonic: { secs: 5 }, boottime: { secs: -1, nanosecs: 7 } } })
  t.equal(text, golden('namespaces-new', text))
})

t.test('joined ones: the user namespace first, what it does not own before it', async t => {
  const text = plan(NAMESPACE_KINDS.map(type => ({ type, path: `/run/ns/${type}` })).reverse())
  t.equal(text, golden('namespaces-joined', text))
})

t.test('joined and new: joined before the user namespace is made', async t => {
  const text = plan([{ type: 'user' }, { type: 'network', path: '/run/netns/a' }])
  const setns = text.indexOf('setns(')
  t.ok(setns > 0 && setns < text.indexOf('unshare('), text)
})

t.test('init is forked only for a pid or a new time namespace', async t => {
  const forks = (namespaces: readonly Namespace[]) => /clone\(/.test(plan(namespaces))
  t.equal(forks([]), false)
  t.equal(forks([{ type: 'mount' }, { type: 'network' }]), false)
  t.equal(forks([{ type: 'pid' }]), true)
  t.equal(forks([{ type: 'pid', path: '/proc/1/ns/pid' }]), true)
  t.equal(forks([{ type: 'time' }]), true)
  t.equal(forks([{ type: 'time', path: '/proc/1/ns/time' }]), false)
})

t.test('each kind has a flag of its own', async t => {
  const flags = NAMESPACE_KINDS.map(kind => NAMESPACES[kind].flag)
  t.equal(new Set(flags).size, NAMESPACE_KINDS.length)
})

t.test('an empty path is a new namespace', async t => {
  t.match(plan([{ type: 'uts', path: '' }]), /unshare\(CLONE_NEWUTS\)/)
})
