// Mounts that take work of the runtime: id maps, copies of what a tmpfs covers, links, and flags that stay locked.
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, lchownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BASE, bind, inUserNamespace, map, neighbour, Scene, tmpfs } from './fixtures/mount-scene.ts'
import { cannotRun, type Draft, traces } from './testing.ts'

const skip = cannotRun ?? false

// ---- id maps ----

t.test('id maps of a mount, of the container, and of a namespace that is joined', { skip }, async t => {
  const scene = new Scene(t)
  const owner = 'stat -c %u:%g /mnt/file'
  const own = { uidMappings: map(0, 7, 9), gidMappings: map(0, 8, 9) }
  t.equal(
    scene.sees(owner, config => config.mounts.push({ ...bind(scene.source), ...own })),
    '7:8',
  )
  t.equal(
    scene.sees(owner, config => {
      inUserNamespace(config)
      config.mounts.push(bind(scene.source, 'idmap'))
    }),
    '0:0',
  )
  const pid = await neighbour(t, '--user', '--map-root-user')
  chownSync(join(scene.source, 'file'), 0, 0)
  t.equal(
    scene.sees(owner, config => {
      config.linux.namespaces.push({ type: 'user', path: `/proc/${pid}/ns/user` })
      config.mounts.push(bind(scene.source, 'idmap'))
    }),
    '0:0',
  )
})

t.test('mounts with the same maps share a namespace, and none stays open', { skip }, async t => {
  const scene = new Scene(t)
  const own = { uidMappings: map(0, 7, 9), gidMappings: map(0, 7, 9) }
  const other = { uidMappings: map(0, 9, 9), gidMappings: map(0, 7, 9) }
  const before = traces('none')
  const seen = scene.sees('stat -c %u /a /b /c; ls /proc/self/fd | wc -l', config => {
    for (const [destination, maps] of [
      ['/a', own],
      ['/b', other],
      ['/c', own],
    ] as const)
      config.mounts.push({ ...bind(scene.source), destination, ...maps })
  })
  t.equal(seen, '7\n9\n7\n4')
  t.same(traces('none'), before)
})

t.test('what cannot be id-mapped is told with its place and its file system', { skip }, async t => {
  const scene = new Scene(t)
  const own = { uidMappings: map(0, 7, 9), gidMappings: map(0, 8, 9) }
  t.match(
    scene.refusal(t, config => config.mounts.push({ ...bind('/sys/kernel'), ...own })),
    {
      message: 'map the ids of /sys/kernel, of type sysfs, for /mnt',
      where: /\/uidMappings$/,
      errnoName: 'EINVAL',
    },
  )
  const twice = [...map(0, 7, 9), ...map(3, 100, 9)]
  t.match(
    scene.refusal(t, config => config.mounts.push({ ...bind(scene.source), ...own, uidMappings: twice })),
    {
      where: /\/uidMappings/,
    },
  )
  const fifo = join(scene.directory, 'fifo')
  execFileSync('mkfifo', [fifo])
  for (const path of [fifo, '/nonexistent', '/proc/self/ns/net', '/proc/self/ns/user'])
    t.match(
      scene.refusal(t, config => {
        config.linux.namespaces.push({ type: 'user', path })
        config.mounts.push(bind(scene.source, 'idmap'))
      }),
      { name: 'SyscallError' },
      path,
    )
  t.match(
    scene.refusal(t, config => config.mounts.push(bind(scene.source, 'ridmap'))),
    {
      where: /\/options\/1$/,
      message: 'needs uidMappings and gidMappings of its own',
    },
  )
  t.match(
    scene.refusal(t, config => config.mounts.push({ ...bind(scene.source, 'idmap=uids=0-1-1'), ...own })),
    {
      message: 'id maps twice',
    },
  )
  for (const value of [
    '',
    'uids=0-1-1',
    'uids=0-1-1;gids=',
    'uids=0-1-0;gids=0-1-1',
    'uids=0-1-1;uids=0-1-1',
    'uids=@0-1-1;gids=0-1-1',
  ])
    t.match(
      scene.refusal(t, config => config.mounts.push(bind(scene.source, `idmap=${value}`))),
      { where: /options\/1$/ },
    )
})

// ---- links of volumes ----

t.test('a link of a volume, or one that is copied, leads no mount over the root', { skip }, async t => {
  const scene = new Scene(t)
  symlinkSync('/', join(scene.source, 'root'))
  symlinkSync('/there', join(scene.source, 'link'))
  mkdirSync(scene.inRoot('there'))
  const on = (destination: string, ...options: string[]): Draft => ({ ...bind(scene.source, ...options), destination })
  for (const mounts of [
    [bind(scene.source), on('/mnt/root')],
    [bind(scene.source), { ...tmpfs(), destination: '/mnt/root' }],
    [bind(scene.source), tmpfs('tmpcopyup'), on('/mnt/root')],
    [{ ...on('/copied', 'copy-symlink'), source: join(scene.source, 'root') }, on('/copied')],
  ]) {
    const said = scene.refusal(t, config => config.mounts.push(...mounts))
    t.match(said.message, /cannot mount on "\/", where "\/(mnt\/root|copied)" leads|too many levels/)
  }
  t.equal(
    scene.sees('ls -d /there/file', config => config.mounts.push(bind(scene.source), on('/mnt/link'))),
    '/there/file',
  )
})

// ---- tmpcopyup ----

t.test('a copy has all names, kinds and owners, also those that a user namespace shows', { skip }, async t => {
  const scene = new Scene(t)
  const covered = scene.inRoot('mnt')
  const strange = Buffer.from([0x62, 0xff, 0x0a, 0x2d])
  mkdirSync(join(covered, 'closed'))
  writeFileSync(Buffer.concat([Buffer.from(`${covered}/closed/`), strange]), 'text')
  symlinkSync(strange, join(covered, 'link'))
  execFileSync('chown', ['-hR', `${BASE}:${BASE}`, scene.inRoot('')])
  lchownSync(join(covered, 'link'), BASE + 5, BASE + 6)
  chmodSync(join(covered, 'closed'), 0o500)
  const script =
    'stat -c "%u:%g %a %F" /mnt/closed /mnt/link; cat /mnt/closed/*; echo; readlink /mnt/link; touch /mnt/new'
  const seen = scene.sees(script, config => {
    inUserNamespace(config)
    config.mounts.push(tmpfs('tmpcopyup'))
  })
  t.same(seen.split('\n').slice(0, 3), ['0:0 500 directory', '5:6 777 symbolic link', 'text'])
  t.match(seen.split('\n')[3], /^b/)
  t.same(readdirSync(covered).sort(), ['closed', 'link'], 'the image is as it was')
})

t.test('what cannot be copied fails create, and leaves nothing', { skip }, async t => {
  const scene = new Scene(t)
  const file = scene.inRoot('mnt/file')
  writeFileSync(file, Buffer.alloc(100_000))
  t.match(
    scene.refusal(t, config => config.mounts.push(tmpfs('tmpcopyup', 'size=64k'))),
    {
      message: 'copy "file" into the tmpfs',
      errnoName: 'ENOSPC',
    },
  )
  chmodSync(file, 0o600)
  const asOther = (config: Draft) => {
    inUserNamespace(config)
    config.mounts.push(tmpfs('tmpcopyup'))
  }
  t.match(scene.refusal(t, asOther), { message: 'copy "file" into the tmpfs', errnoName: 'EACCES' })
  const below = { ...tmpfs(), destination: '/mnt/below' }
  t.match(
    scene.refusal(t, config => config.mounts.push(below, tmpfs('tmpcopyup'))),
    {
      message: 'earlier mount shows on "/mnt/below"',
      where: /\/options$/,
    },
  )
})

t.test('a copy of what an earlier mount shows', { skip }, async t => {
  const scene = new Scene(t)
  mkdirSync(join(scene.source, 'below'))
  writeFileSync(join(scene.source, 'below/deep'), '')
  const copy = { ...tmpfs('tmpcopyup'), destination: '/mnt/below' }
  const list = 'ls /mnt /mnt/below'
  const expected = '/mnt:\nbelow\nfile\n\n/mnt/below:\ndeep'
  t.equal(
    scene.sees(list, config => config.mounts.push(bind(scene.source), copy)),
    expected,
  )
  t.equal(
    scene.sees(list, config => config.mounts.push(bind(scene.source), tmpfs('tmpcopyup'), copy)),
    expected,
  )
  t.equal(
    scene.sees(list, config => config.mounts.push(bind(scene.source), tmpfs(), copy)),
    '/mnt:\nbelow\n\n/mnt/below:',
  )
})

t.test('a copy gives no more than the mount that it copies', { skip }, async t => {
  const scene = new Scene(t)
  const inner = join(scene.source, 'inner')
  mkdirSync(inner)
  for (const [name, ...numbers] of [
    ['zero', 'c', '1', '5'],
    ['pipe', 'p'],
  ] as const)
    execFileSync('mknod', ['-m', '666', join(inner, name), ...numbers])
  for (const [name, mode] of [
    ['plain', 0o755],
    ['own', 0o4755],
    ['group', 0o2750],
  ] as const) {
    writeFileSync(join(inner, name), name)
    chmodSync(join(inner, name), mode) // the umask has no say
  }
  const sub = { ...tmpfs('tmpcopyup'), destination: '/mnt/inner' }
  const look =
    'cd /mnt/inner; stat -c "%n %a" *; if [ -e zero ]; then busybox head -c 3 zero | wc -c; fi; busybox cat own'
  const seen = (...mounts: Draft[]) => scene.sees(look, config => config.mounts.push(...mounts)).split('\n')
  const files = (own: string, group: string) => [`group ${group}`, `own ${own}`, 'pipe 666', 'plain 755']
  const all = [...files('4755', '2750'), 'zero 666', '3', 'own']
  const less = [...files('755', '750'), 'own']
  t.same(seen(bind(scene.source), sub), all)
  t.same(seen(bind(scene.source, 'nodev', 'nosuid'), sub), less)
  t.same(seen(bind(scene.source, 'nodev'), sub), [...files('4755', '2750'), 'own'])
  t.same(seen(bind(scene.source, 'nosuid'), sub), [...files('755', '750'), 'zero 666', '3', 'own'])
  const remount = { destination: '/mnt', options: ['remount', 'bind', 'nodev', 'nosuid'] }
  t.same(seen(bind(scene.source), remount, sub), less, 'set later')
  t.same(seen(bind(scene.source, 'rnodev', 'rnosuid'), tmpfs('tmpcopyup')), less, 'the whole tree')
  t.same(seen(bind(scene.source, 'nodev', 'nosuid'), tmpfs('tmpcopyup'), sub), less, 'a copy of a copy')
  const kept = { ...sub, options: ['tmpcopyup', 'nodev', 'nosuid'] }
  t.same(
    scene.sees('stat -c "%n %a" /mnt/inner/own; busybox cat /mnt/inner/zero || echo no', config =>
      config.mounts.push(bind(scene.source), kept),
    ),
    "/mnt/inner/own 4755\ncat: can't open '/mnt/inner/zero': Permission denied\nno",
    'a tmpfs has the flags of its own options',
  )
})

// ---- links ----

t.test('links as sources and as targets', { skip }, async t => {
  const scene = new Scene(t)
  symlinkSync('file', join(scene.source, 'link'))
  const at = (destination: string, name: string, ...options: string[]) => ({
    ...bind(join(scene.source, name), ...options),
    destination,
  })
  const copy = (config: Draft) => config.mounts.push(at('/mnt/a/link', 'link', 'copy-symlink'))
  t.equal(scene.sees('readlink /mnt/a/link', copy), 'file')
  t.equal(scene.sees('readlink /mnt/a/link', copy), 'file', 'it may be there already')
  symlinkSync('elsewhere', scene.inRoot('mnt/other'))
  t.match(
    scene.refusal(t, config => config.mounts.push(at('/mnt/other', 'link', 'copy-symlink'))),
    { message: 'else is there' },
  )
  t.match(
    scene.refusal(t, config => config.mounts.push(at('/out', 'link', 'copy-symlink'))),
    { errnoName: 'EINVAL' },
  )
  t.equal(
    scene.sees('readlink /mnt/b; cat /mnt/b /mnt/file', config =>
      config.mounts.push(at('/mnt/b', 'link', 'src-nofollow'), at('/mnt/file', 'file')),
    ),
    'file\ntexttext',
  )
  writeFileSync(scene.inRoot('mnt/real'), 'of the image')
  symlinkSync('real', scene.inRoot('mnt/alias'))
  const cover = (...options: string[]) =>
    scene.sees('cat /mnt/alias /mnt/real', config => config.mounts.push(at('/mnt/alias', 'file', ...options)))
  t.equal(cover('dest-nofollow'), 'textof the image')
  t.equal(cover(), 'texttext')
})

// ---- locked flags ----

t.test('a user namespace cannot take away what the host has set', { skip }, async t => {
  const scene = new Scene(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,nosuid,nodev,noexec', 'source', scene.source])
  t.teardown(() => execFileSync('umount', ['-l', scene.source]))
  const pid = await neighbour(t, '--user', '--map-root-user', '--mount')
  const joined = { user: `/proc/${pid}/ns/user`, mount: `/proc/${pid}/ns/mnt` }
  const script =
    'mount -o remount,bind,rw,suid,dev,exec /mnt; mount -o remount,bind,rw /ours; grep " /mnt \\| /ours " /proc/self/mountinfo'
  for (const [user, mount] of [
    [undefined, undefined],
    [joined.user, undefined],
    [joined.user, joined.mount], // last: afterwards that one has another root
  ]) {
    const seen = scene.sees(script, config => {
      const others = config.linux.namespaces.filter(({ type }: Draft) => type !== 'mount')
      config.linux.namespaces = [...others, { type: 'mount', path: mount }, { type: 'user', path: user }]
      if (user === undefined) config.linux.uidMappings = config.linux.gidMappings = map(0, 0, 65536)
      for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities[set].push('CAP_SYS_ADMIN')
      config.mounts.push(bind(scene.source), { ...bind(scene.inRoot('bin'), 'ro'), destination: '/ours' })
    })
    t.match(seen, / \/mnt ro,nosuid,nodev,noexec/)
    t.match(seen, / \/ours ro[, ]/)
    t.equal(seen.match(/denied/g)?.length, 2)
  }
})
