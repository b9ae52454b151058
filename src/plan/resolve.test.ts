import t from 'tap'
import { golden, stageListing, testContext } from '../dev/golden.ts'
import { slot } from '../program/op.ts'
import { cleanPath, components, ensureTarget, makeChild, openInRoot } from './resolve.ts'

t.test('paths are cleaned by their text', async t => {
  const cases: [string, string][] = [
    ['/', '/'],
    ['', '/'],
    ['a', '/a'],
    ['//a//b/', '/a/b'],
    ['/a/./b/../c', '/a/c'],
    ['/../../etc', '/etc'],
    ['../../etc', '/etc'],
    ['/a/..', '/'],
    ['/..a/b..', '/..a/b..'],
  ]
  for (const [given, clean] of cases) t.equal(cleanPath(given), clean, given)
  t.same(components('/a/b'), ['a', 'b'])
})

t.test('flags are those of the architecture', async t => {
  const arm = testContext({ facts: { architecture: 'aarch64' } })
  t.equal(testContext().open.O_DIRECTORY, 0o200000n)
  t.equal(arm.open.O_DIRECTORY, 0o40000n)
})

t.test('targets are opened below the root, and made one component at a time', async t => {
  const origin = { pointer: '/mounts/0', intent: 'test' }
  const text = stageListing(
    {},
    context => openInRoot(context, '/a/b', 'anything', origin).ops,
    context => ensureTarget(context, '/a/b', 'directory', origin).ops,
    context => ensureTarget(context, 'file', 'file', origin).ops,
    context => makeChild(context, slot('fd of /dev'), '/dev/shm', 'directory', origin).ops,
    context => ensureTarget(context, '/proc', 'directory', origin, { ordinary: 'must be ordinary' }).ops,
  )
  t.equal(text, golden('resolve', text))
})
