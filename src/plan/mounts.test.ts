import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import { thrown } from '../host/testing.ts'
import type { Mount } from '../spec/gen/types.ts'
import type { Facts } from './facts.ts'
import { planMounts } from './mounts.ts'
import { planHostSources, planOwnSources } from './sources.ts'

const plan = (mounts: readonly Mount[], facts: Partial<Facts> = {}) =>
  stageListing({ spec: { mounts }, facts }, planHostSources, planOwnSources, planMounts)

const bind = (options: readonly string[], rest: Partial<Mount> = {}): Mount => ({
  destination: '/mnt',
  type: 'bind',
  source: '/data',
  options: ['rbind', ...options],
  ...rest,
})

t.test('file systems', async t => {
  const text = plan([
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['newinstance', 'ptmxmode=0666', 'gid=5', 'nosuid'],
    },
    { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['size=1m', 'rprivate', 'rnoexec'] },
  ])
  t.equal(text, golden('mounts-file-systems', text))
})

t.test('binds are complete before they appear', async t => {
  const text = plan(
    [
      bind(['ro', 'rprivate']),
      bind(['rro', 'noatime', 'shared'], { destination: 'relative', source: 'in-bundle' }),
      bind([], { destination: '/etc/hosts', options: ['bind'] }),
    ],
    { sources: new Map([['/mounts/2', 'file']]) },
  )
  t.equal(text, golden('mounts-binds', text))
})

t.test('remounts and changes of propagation make nothing', async t => {
  const text = plan([
    { destination: '/a', options: ['rshared'] },
    { destination: '/a', type: 'none', options: ['rslave'] },
    { destination: '/b', options: ['bind', 'remount', 'ro'] },
    { destination: '/c', type: 'tmpfs', options: ['remount', 'size=2m'] },
  ])
  t.equal(text, golden('mounts-changes', text))
  t.notMatch(text, /mkdirat/)
})

t.test('ids are mapped last, and the namespaces that say how are closed', async t => {
  const idMapped = new Map([
    ['/mounts/0', { pointer: '/mounts/0/uidMappings', recursive: false, namespace: 8, fsType: 'ext4' }],
    ['/mounts/1', { pointer: '/mounts/1/options/1', recursive: true, namespace: 9 }],
    ['/mounts/2', { pointer: '/mounts/2/options/1', recursive: false, namespace: 8 }],
  ])
  const mounts = [bind(['ro']), bind(['ridmap'], { destination: '/b' }), bind(['idmap'], { destination: '/c' })]
  const text = stageListing({ spec: { mounts }, facts: { idMapped } }, planHostSources)
  t.equal(text, golden('mounts-id-mapped', text))
  t.throws(() => plan(mounts, { idMapped, clonesMounts: false }), {
    where: '/mounts/0/uidMappings',
    message: 'only root',
  })
})

t.test('without the host’s privileges sources are cloned in the user namespace', async t => {
  const given = {
    spec: { mounts: [bind([])] },
    linux: { namespaces: [{ type: 'user' as const }, { type: 'mount' as const }] },
    facts: { euid: 1000 },
  }
  t.equal(stageListing(given, planHostSources).trim(), '')
})

t.test('many sources raise the limit of descriptors', async t => {
  const many = Array.from({ length: 200 }, () => bind([]))
  t.match(plan(many), /prlimit64/)
  t.notMatch(plan(many.slice(1)), /prlimit64/)
})

t.test('what may not be mounted is refused before anything happens', async t => {
  const refused = (mount: Mount, error: object) =>
    t.match(
      thrown(() => plan([mount])),
      error,
    )
  refused({ destination: '/x/..', type: 'tmpfs' }, { where: '/mounts/0/destination', message: 'cannot mount on "/"' })
  refused(
    { destination: '/proc/1', type: 'tmpfs' },
    { message: '"/proc/1" cannot be mounted because it is inside /proc' },
  )
  refused(bind([], { destination: '/proc/self/attr' }), { message: 'because it is inside /proc' })
  refused(bind([], { destination: '/x/../proc//sys' }), { message: 'because it is inside /proc' })
  refused(
    { destination: '/proc', type: 'tmpfs' },
    { message: '"/proc" cannot be mounted because it is not of type proc' },
  )
  refused(bind(['size=1']), { where: '/mounts/0/options' })
  refused({ destination: '/a', type: 'tmpfs', options: [`x=${'y'.repeat(4100)}`] }, { where: '/mounts/0/options' })
  refused({ destination: '/a', type: 'tmpfs', options: ['idmap'] }, { where: '/mounts/0/options', message: 'idmap' })
  refused(bind(['remount', 'ridmap']), { where: '/mounts/0/options', message: 'ridmap is for a new bind mount' })
  refused({ destination: '/a', type: 'proc', options: ['tmpcopyup'] }, { message: 'tmpcopyup is for a new tmpfs' })
  refused(bind(['tmpcopyup']), { message: 'tmpcopyup is for a new tmpfs mount' })
  refused({ destination: '/a', options: ['rprivate', 'ro'] }, { where: '/mounts/0/options' })
  refused({ destination: '/a', type: 'none', options: ['rprivate', 'size=1'] }, { where: '/mounts/0/options' })
  refused({ destination: '/a', options: ['bind'] }, { name: 'SpecError', message: 'needs a source' })
  t.doesNotThrow(() => plan([bind([], { destination: '/proc/cpuinfo' })]))
})

t.test('a missing source is named at its place', async t => {
  t.throws(() => plan([bind([])], { sources: new Map([['/mounts/0', 'missing']]) }), {
    name: 'SpecError',
    where: '/mounts/0/source',
    message: '/data on /mnt: no such file or directory',
  })
})

t.test('a target behind a link to nothing is made where the link leads', async t => {
  const targets = new Map([['/mounts/0', '/run/file']])
  const text = plan([bind([], { destination: '/etc/resolv.conf' })], {
    targets,
    sources: new Map([['/mounts/0', 'file']]),
  })
  t.match(text, /openat2\(root, "\/etc\/resolv.conf"/)
  t.match(text, 'mkdirat(root, "run", 0755)')
  t.match(text, 'mknodat(fd of /run, "file"')
  t.notMatch(text, '"etc"')
  t.notMatch(plan([{ destination: '/a', type: 'proc' }], { targets }), '"run"', 'never for file systems of the kernel')
})

t.test('no link of the image leads a mount to the root', async t => {
  const targets = new Map([['/mounts/0', '/']])
  for (const entry of [tmpfs('/to/root'), bind([], { destination: '/to/root' }), { destination: '/a', type: 'cgroup' }])
    t.throws(() => plan([entry], { targets }), { where: '/mounts/0/destination', message: 'cannot mount on "/"' })
  t.doesNotThrow(() => plan([bind(['dest-nofollow'], { destination: '/to/root' })], { targets }))
})

t.test('links are copied, or are what is mounted and covered', async t => {
  const text = plan(
    [
      bind(['copy-symlink'], { destination: '/a/b/link' }),
      bind(['copy-symlink'], { destination: '/link' }),
      bind(['copy-symlink'], { destination: '/no/link' }),
      bind(['src-nofollow', 'dest-nofollow'], { destination: '/etc/localtime' }),
    ],
    {
      links: new Map([
        ['/mounts/0', '../somewhere/else'],
        ['/mounts/1', '/8-bytes'],
      ]),
      sources: new Map([['/mounts/3', 'file']]),
    },
  )
  t.equal(text, golden('mounts-links', text))
  const links = new Map([['/mounts/0', 'x']])
  t.throws(() => plan([bind(['copy-symlink'], { destination: '/proc/self/link' })], { links }), /inside \/proc/)
})

t.test('every target but /proc is checked not to lie on procfs', async t => {
  t.match(plan([bind([])]), /fstatfs/)
  t.match(plan([{ destination: '/a', type: 'tmpfs' }]), /fstatfs/)
  t.match(plan([{ destination: '/a', type: 'cgroup' }]), /fstatfs/)
  t.notMatch(plan([{ destination: '/proc', type: 'proc' }]), /fstatfs/)
})

const TMPFS_DEV: Mount = { destination: '/dev', type: 'tmpfs', options: ['mode=755'] }
const tmpfs = (destination: string): Mount => ({ destination, type: 'tmpfs', source: 'tmpfs' })

t.test('a target right below a new tmpfs is made without looking for it', async t => {
  const text = plan([
    TMPFS_DEV,
    tmpfs('/dev/shm'),
    tmpfs('/dev/shm'),
    tmpfs('/dev/a/b'),
    bind([], { destination: '/dev/a' }),
  ])
  t.equal(text, golden('mounts-children', text))
})

t.test('it is looked for when something else may be there', async t => {
  const looked = /openat2\(root, "\/dev\/shm"/
  t.notMatch(plan([TMPFS_DEV, tmpfs('/dev/shm')]), looked)
  t.match(plan([tmpfs('/dev/shm')]), looked, 'the directory is of the image')
  t.match(plan([bind([], { destination: '/dev' }), tmpfs('/dev/shm')]), looked, 'a bind has contents')
  t.match(plan([TMPFS_DEV, bind([], { destination: '/dev' }), tmpfs('/dev/shm')]), looked, 'the tmpfs is covered')
  const copying = { ...TMPFS_DEV, options: ['tmpcopyup'] }
  t.match(plan([copying, tmpfs('/dev/shm')]), looked, 'the tmpfs holds a copy')
  t.match(plan([tmpfs('/dev/shm'), TMPFS_DEV, tmpfs('/x/dev/shm')]), looked, 'made too early')
  const targets = new Map([['/mounts/1', '/dev/shm']])
  t.match(plan([TMPFS_DEV, tmpfs('/link'), tmpfs('/dev/shm')], { targets }), looked, 'a link of the image leads there')
})

t.test('whatever is opened for targets is closed', async t => {
  const text = plan([TMPFS_DEV, tmpfs('/dev/shm'), TMPFS_DEV, tmpfs('/dev/shm'), bind([], { destination: '/dev/a/b' })])
  const opened = [...text.matchAll(/ = (fd of \S+)/g)].map(([, name]) => name)
  t.ok(opened.length > 5)
  for (const name of opened) t.match(text, `close(${name})`)
})

t.test('nothing is made in file systems of the kernel', async t => {
  const sys: Mount = { destination: '/sys', type: 'sysfs' }
  const below = plan([sys, { destination: '/sys/fs/cgroup', type: 'cgroup' }])
  t.notMatch(below, 'mkdirat(root, "fs"')
  t.notMatch(below, '"cgroup", 0755')
  t.match(
    plan([bind([], { destination: '/sys' }), { destination: '/sys/fs/cgroup', type: 'cgroup' }]),
    '"cgroup", 0755',
  )
})

t.test('with a user namespace sources are set aside where their flags get locked', async t => {
  const namespaces = (['user', 'mount', 'pid'] as const).map(type => ({ type }))
  const mounts = [bind(['ro', 'rprivate']), bind(['rshared'], { destination: '/etc/hosts' })]
  const facts = { sources: new Map([['/mounts/1', 'file' as const]]) }
  const text = stageListing(
    { spec: { mounts }, linux: { namespaces }, facts },
    planHostSources,
    planOwnSources,
    planMounts,
  )
  t.equal(text, golden('mounts-staged', text))
})
