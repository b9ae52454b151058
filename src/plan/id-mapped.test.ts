import t from 'tap'
import { testSpec } from '../dev/golden.ts'
import { listing } from '../program/listing.ts'
import type { IdMapping, Linux, Mount } from '../spec/gen/types.ts'
import { isIdMapped, mapsOf, planNamespaceHolder } from './id-mapped.ts'

const range = (containerID: number, hostID: number, size: number): IdMapping => ({ containerID, hostID, size })
const mount = (options: readonly string[], rest: Partial<Mount> = {}): Mount => ({
  destination: '/mnt',
  source: '/data',
  options: ['bind', ...options],
  ...rest,
})
const maps = (entry: Mount, linux: Linux = {}) => mapsOf(testSpec({ linux }), entry, '/mounts/2')

const OWN = { uidMappings: [range(0, 1000, 10)], gidMappings: [range(0, 2000, 10)] }
const INSIDE: Linux = {
  namespaces: [{ type: 'user' }],
  uidMappings: [range(0, 100_000, 10), range(10, 200_000, 10)],
  gidMappings: [range(0, 300_000, 20)],
}

t.test('whether a mount is id-mapped', async t => {
  for (const entry of [mount(['idmap']), mount(['ridmap']), mount([], OWN), mount(['ro', 'idmap=x'])])
    t.ok(isIdMapped(entry), JSON.stringify(entry.options))
  for (const entry of [
    mount([]),
    mount(['idmapped', 'xidmap']),
    mount([], { uidMappings: [], gidMappings: [] }),
    { destination: '/a' },
  ])
    t.notOk(isIdMapped(entry), JSON.stringify(entry.options))
})

t.test('the maps are those of the mount, else those of the container', async t => {
  const own = { uids: OWN.uidMappings, gids: OWN.gidMappings }
  t.same(maps(mount([], OWN), INSIDE), { pointer: '/mounts/2/uidMappings', recursive: false, maps: own })
  t.same(maps(mount(['ridmap'], OWN)), { pointer: '/mounts/2/uidMappings', recursive: true, maps: own })
  t.same(maps(mount(['ridmap', 'idmap'], OWN)).recursive, false, 'the later option counts')
  t.same(maps(mount(['ro', 'idmap']), INSIDE), {
    pointer: '/mounts/2/options/2',
    recursive: false,
    maps: { uids: INSIDE.uidMappings, gids: INSIDE.gidMappings },
  })
  const joined = { namespaces: [{ type: 'user' as const, path: '/run/user' }] }
  t.same(maps(mount(['idmap']), joined), { pointer: '/mounts/2/options/1', recursive: false, path: '/run/user' })
})

t.test('without maps there is an error', async t => {
  const failing: readonly (readonly [Mount, Linux])[] = [
    [mount(['idmap']), {}],
    [mount(['idmap']), { ...INSIDE, namespaces: [] }],
    [mount(['idmap']), { namespaces: [{ type: 'user' }] }],
    [mount(['idmap'], { uidMappings: OWN.uidMappings }), {}],
    [mount([], { gidMappings: OWN.gidMappings, uidMappings: [] }), INSIDE],
  ]
  for (const [entry, linux] of failing) t.throws(() => maps(entry, linux), { name: 'SpecError', where: /^\/mounts\/2/ })
})

t.test('maps in the option', async t => {
  const given = (value: string, linux: Linux = INSIDE) => maps(mount([`idmap=${value}`]), linux).maps
  t.same(given('uids=0-1-2#5-6-7;gids=8-9-10'), {
    uids: [range(0, 1, 2), range(5, 6, 7)],
    gids: [range(8, 9, 10)],
  })
  t.same(given('gids=@5-3-8;uids=@0-9-1#@1-10-10'), {
    uids: [range(0, 100_009, 1), range(1, 200_000, 10)],
    gids: [range(5, 300_003, 8)],
  })
  t.same(maps(mount(['ridmap=uids=0-1-1;gids=0-1-1'])).recursive, true)
  const wrong = [
    ...['', 'uids=0-1-1', 'gids=0-1-1', 'uids=0-1-1;gids=', 'uids=0-1;gids=0-1-1', 'uids=0-1-0;gids=0-1-1'],
    ...['uids=0-1-1;uids=0-1-1', 'uids=-1-1-1;gids=0-1-1', 'uids=0-4294967295-2;gids=0-1-1', 'xids=0-1-1;gids=0-1-1'],
    ...['uids=@0-9-2;gids=0-1-1', 'uids=@0-20-1;gids=0-1-1', 'uids=0-1-1;gids=0-1-1;', 'uids=0-1-1\n;gids=0-1-1'],
  ]
  for (const value of wrong) t.throws(() => given(value), { name: 'SpecError', where: '/mounts/2/options/1' }, value)
  t.throws(() => given('uids=@0-1-1;gids=0-1-1', {}), { name: 'SpecError', where: '/mounts/2/options/1' })
  t.throws(() => maps(mount(['idmap=uids=0-1-1;gids=0-1-1'], OWN)), { message: /twice/ })
})

t.test('the image that holds a namespace', async t => {
  t.equal(
    listing(planNamespaceHolder(3, '/mounts/0/uidMappings'), 'x86_64').replaceAll(/ +#.*/g, ''),
    `  0  unshare(CLONE_NEWUSER)
  1  write(3, <MAP_IDS>, 16)
  2  read(3, &message from the host, 16)
  3  exit_group(0)
`,
  )
})
