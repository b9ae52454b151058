import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import { kernelContext, runStages, unshare } from '../dev/stages.ts'
import { isRoot } from '../host/testing.ts'
import { planExec } from './gate.ts'
import { planLoopback } from './loopback.ts'
import { planSession } from './session.ts'

t.test('listing', t => {
  const text = stageListing({}, planSession, planLoopback)
  t.equal(text, golden('session', text))
  const joined = { linux: { namespaces: [{ type: 'network' as const, path: '/proc/1/ns/net' }] } }
  t.equal(stageListing(joined, planLoopback), '\n', 'a joined namespace is left as it is')
  t.notMatch(stageListing({ options: { noNewKeyring: true } }, planSession), /keyctl/)
  t.match(
    stageListing({ linux: { namespaces: [{ type: 'user' }] } }, planSession),
    /KEYCTL_SETPERM.*0x3f130008|OTH_SEARCH/,
  )
  t.end()
})

t.test('a session and a keyring of its own', t => {
  const args = ['/bin/sh', '-c', 'cut -d" " -f1,5,6 /proc/self/stat; grep -o "_ses.*" /proc/keys; true']
  const context = kernelContext({ process: { args }, facts: { containerId: 'some-id' } })
  const { exitCode, stdout } = runStages(context, [planSession, planExec])
  t.equal(exitCode, 0)
  const [ids = '', ...keys] = stdout.trim().split('\n')
  const [, group, session] = ids.split(' ')
  t.equal(group, session)
  t.ok(keys.length === 0 || keys.some(key => key.startsWith('_ses.some-id')), 'no keys at all, or ours')
  t.end()
})

t.test('the loopback interface comes up', { skip: isRoot ? false : 'needs root' }, t => {
  const args = ['/bin/cat', '/proc/net/fib_trie']
  const run = (stages: readonly (typeof planLoopback)[]) =>
    runStages(kernelContext({ process: { args } }), [...stages, planExec], unshare('CLONE_NEWNET')).stdout
  t.match(run([planLoopback]), '127.0.0.1')
  t.notMatch(run([]), '127.0.0.1')
  t.end()
})
