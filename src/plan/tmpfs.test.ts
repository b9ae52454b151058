import t from 'tap'
import { golden, stageListing, testFacts, testOptions, testSpec } from '../dev/golden.ts'
import type { Mount } from '../spec/gen/types.ts'
import type { Copied, Facts } from './facts.ts'
import { planInit } from './init.ts'
import { planMounts } from './mounts.ts'
import { planEnterRoot, planFinalMounts } from './rootfs.ts'

const plan = (mounts: readonly Mount[], facts: Partial<Facts> = {}) =>
  stageListing({ spec: { mounts }, facts }, planMounts)

t.test('read-only tmpfs and /dev are writable until the end', async t => {
  const mounts = [
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['ro', 'mode=755'] },
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['ro', 'nosuid'] },
  ]
  const text = stageListing({ spec: { mounts } }, planMounts, planEnterRoot, planFinalMounts)
  t.equal(text, golden('tmpfs-read-only', text))
})

t.test('a tmpfs copies what it covers before it appears', async t => {
  const times = { seconds: 981_158_400n, nanoseconds: 7n }
  const copied = new Map<string, Copied[]>([
    [
      '/mounts/0',
      [
        { path: 'directory', kind: 'directory', mode: 0o40755, ...times },
        { path: 'directory/file', kind: 'file', mode: 0o104751, ...times },
        { path: 'link', kind: 'link', mode: 0o120777, target: '../elsewhere', ...times },
        { path: new Uint8Array([0xff, 0x0a]), kind: 'node', mode: 0o20666, device: 0x103n, ...times },
      ],
    ],
  ])
  const entry = { destination: '/run', type: 'tmpfs', options: ['tmpcopyup', 'size=1m', 'ro'] }
  const text = plan([entry], { copied })
  t.equal(text, golden('tmpfs-copy-up', text))
})

t.test('thousands of mounts and of copies', async t => {
  const mounts = Array.from({ length: 8000 }, (_, index) => ({ destination: `/m/${index}`, type: 'tmpfs' }))
  t.ok(planInit(testSpec({ spec: { mounts } }), testFacts(), testOptions()).length > 130_000)
  const one: Copied = { path: 'file', kind: 'file', mode: 0o100644, seconds: 0n, nanoseconds: 0n }
  const facts = testFacts({ copied: new Map([['/mounts/0', Array.from({ length: 15_000 }, () => one)]]) })
  const copy = [{ destination: '/m', type: 'tmpfs', options: ['tmpcopyup'] }]
  t.ok(planInit(testSpec({ spec: { mounts: copy } }), facts, testOptions()).length > 150_000)
})

t.test('options of a tmpfs that is made detached are given one by one', async t => {
  const options = [
    'size=1m,nr_inodes=5',
    'mpol=bind:0,2-3',
    'context="a:b:c:s0:c1,c2"',
    'noswap',
    'sync',
    'lazytime',
    'noexec',
    'noatime',
    'rprivate',
  ]
  const text = plan([{ destination: '/run', type: 'tmpfs', options }])
  t.equal(text, golden('tmpfs-options', text))
  const one = plan([{ destination: '/run', type: 'tmpfs', options: ['mode=755', 'sync'] }])
  t.match(one, /mount\("tmpfs"/, 'with nothing else to be done one call is enough')
})
