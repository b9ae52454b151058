// Mounts: config.md#mounts. Where they go, what they are made of and in which order; their options are
// mount-options.ts, hostile places mount-places.ts.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import { bind, host, hostTree, mountOn, seen, tmpfs } from '../mounts.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md mounts'

function source(world: World, name: string, files: readonly string[] = ['file']): string {
  const directory = join(world.directory, name)
  mkdirSync(directory)
  for (const file of files) writeFileSync(join(directory, file), `${file} of ${name}`)
  return directory
}

export const mountCases: readonly Case[] = [
  defineCase(SECTION, 'mounts are made in the listed order', world => {
    const [one, two] = [source(world, 'one', ['a']), source(world, 'two', ['b'])]
    mkdirSync(join(one, 'inner'))
    world.bundle.config.mounts.push(
      bind(two, '/mnt'),
      bind(one, '/mnt'),
      bind(two, '/mnt/inner'),
      tmpfs('/mnt/inner/b'),
    )
    world.bundle.config.mounts.pop()
    assert.equal(world.output('ls /mnt /mnt/inner').trim(), '/mnt:\na\ninner\n\n/mnt/inner:\nb')
  }),

  defineCase(SECTION, 'a later mount covers what an earlier one made below it', world => {
    const one = source(world, 'one', ['a'])
    world.bundle.config.mounts.push(bind(one, '/mnt/deep/er'), tmpfs('/mnt'))
    assert.equal(world.output('ls -A /mnt').trim(), '')
  }),

  defineCase(SECTION, 'a destination that is relative is one below /', world => {
    world.bundle.config.process.cwd = '/tmp'
    world.bundle.config.mounts.push(bind(source(world, 'one'), 'rel/ative'))
    assert.equal(world.output('cat /rel/ative/file'), 'file of one')
  }),

  defineCase(SECTION, 'a source that is relative starts at the bundle, wherever the runtime is', world => {
    mkdirSync(join(world.bundle.path, 'mine'))
    writeFileSync(join(world.bundle.path, 'mine/file'), 'in the bundle')
    world.bundle.config.mounts.push(bind('mine', '/mnt'), bind('./mine/../mine/file', '/etc/file'))
    assert.equal(world.output('cat /mnt/file /etc/file'), 'in the bundle'.repeat(2))
  }),

  defineCase(SECTION, 'with bind or rbind the type is a dummy', world => {
    const one = source(world, 'one')
    const types = ['none', 'bind', 'tmpfs', 'no such type', undefined]
    for (const [index, type] of types.entries())
      for (const option of ['bind', 'rbind'])
        world.bundle.config.mounts.push({
          destination: `/mnt/${option}${index}`,
          source: one,
          options: [option],
          ...(type !== undefined && { type }),
        })
    assert.equal(world.output('cat /mnt/*/file'), 'file of one'.repeat(2 * types.length))
  }),

  defineCase(SECTION, 'a file is bound on a file, and on nothing', world => {
    const one = source(world, 'one')
    writeFileSync(world.bundle.inRoot('etc/covered'), 'of the image')
    world.bundle.config.mounts.push(
      bind(join(one, 'file'), '/etc/covered', 'ro'),
      bind(join(one, 'file'), '/new/place'),
    )
    assert.equal(
      world.output('cat /etc/covered /new/place; test -f /new/place; echo x >/new/place'),
      'file of one'.repeat(2),
    )
    assert.equal(world.bundle.readRoot('etc/covered'), 'of the image')
  }),

  defineCase(SECTION, 'special files are bound, too', world => {
    const one = source(world, 'one')
    host('mkfifo', join(one, 'pipe'))
    world.bundle.config.mounts.push(bind(join(one, 'pipe'), '/etc/pipe'), bind('/dev/null', '/etc/null'))
    assert.equal(world.output('test -p /etc/pipe && test -c /etc/null && echo both').trim(), 'both')
  }),

  defineCase(SECTION, 'bind shows one mount, rbind those below it, too', world => {
    const tree = hostTree(world)
    writeFileSync(join(tree, 'below/file'), '')
    world.bundle.config.mounts.push(bind(tree, '/one'), { ...bind(tree, '/all'), options: ['rbind'] })
    assert.equal(world.output('ls /one/below; echo -; ls /all/below'), '-\nfile\n')
  }),

  defineCase(SECTION, 'what is missing of a destination is made', world => {
    world.bundle.config.mounts.push(tmpfs('/a/b/c'), bind(source(world, 'one'), '/a/b/d'))
    world.output('test -d /a/b/c && test -d /a/b/d')
    assert.deepEqual(readdirSync(world.bundle.inRoot('a/b')).sort(), ['c', 'd'])
  }),

  defineCase(SECTION, 'mounts of the container are not seen on the host', world => {
    world.bundle.config.mounts.push(tmpfs('/mnt'))
    world.bundle.script('touch /mnt/file; sleep 100')
    world.sleeping()
    assert.ok(!host('cat', '/proc/self/mountinfo').includes(world.bundle.path))
    assert.ok(!existsSync(world.bundle.inRoot('mnt/file')))
  }),

  defineCase(SECTION, 'a tmpfs shows the mode of the directory that it covers, unless told', world => {
    mkdirSync(world.bundle.inRoot('covered'), { mode: 0o2751 })
    host('chmod', '2751', world.bundle.inRoot('covered'))
    world.bundle.config.mounts.push(tmpfs('/covered'), tmpfs('/told', 'mode=0710'))
    assert.equal(world.output('stat -c %a /covered /told').trim(), '2751\n710')
  }),

  defineCase(SECTION, 'a bind whose source is missing is an error', world => {
    world.bundle.config.mounts.push(bind('/nonexistent/source', '/mnt'))
    world.refused(/no such file or directory/)
  }),

  defineCase(SECTION, 'a bind without a source is an error', world => {
    world.bundle.config.mounts.push({ destination: '/mnt', options: ['bind'] })
    world.refused()
  }),

  defineCase(SECTION, 'a directory on a file, and a file on a directory, are errors', world => {
    const one = source(world, 'one')
    for (const [from, to] of [
      [one, '/etc/covered'],
      [join(one, 'file'), '/tmp'],
    ] as const) {
      writeFileSync(world.bundle.inRoot('etc/covered'), '')
      const { mounts } = world.bundle.config
      mounts.push(bind(from, to))
      world.refused(/not a directory|is a directory/i)
      mounts.pop()
    }
  }),

  defineCase(SECTION, 'a type that the kernel does not have is an error', world => {
    world.bundle.config.mounts.push({ destination: '/mnt', type: 'nonesuchfs', source: 'x' })
    world.refused(/no such device/)
  }),

  defineCase('runc: mounts', 'the root itself is no destination', world => {
    for (const destination of ['/', '/tmp/..', '.', '//']) {
      world.bundle.config.mounts.push(tmpfs(destination))
      world.refused()
      world.bundle.config.mounts.pop()
    }
  }),

  defineCase('runc: mounts', 'nothing but a proc may be mounted on /proc, and hardly anything below', world => {
    const one = source(world, 'one')
    const { mounts } = world.bundle.config
    for (const mount of [
      tmpfs('/proc'),
      bind(one, '/proc'),
      tmpfs('/proc/sys'),
      bind(one, '/proc/self/attr'),
      bind(one, '/tmp/../proc/1'),
    ]) {
      mounts.push(mount)
      world.refused(/proc/)
      mounts.pop()
    }
    mounts.push(bind(join(one, 'file'), '/proc/uptime'))
    assert.equal(world.output('cat /proc/uptime'), 'file of one')
  }),

  defineCase(SECTION, 'cgroups are shown where a mount of that type is asked for', world => {
    const { mounts, linux } = world.bundle.config
    mounts.push(
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] },
      { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid', 'noexec', 'nodev'] },
    )
    for (const own of [false, true]) {
      if (own) linux.namespaces.push({ type: 'cgroup' })
      const groups = seen(
        world,
        'for f in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do ! echo 1 2>/dev/null >$f || exit 9; done;',
      )
      const shown = [...groups.values()].filter(({ type }) => /^cgroup2?$/.test(type))
      assert.ok(shown.length > 0)
      for (const { options, mountPoint } of shown)
        for (const option of ['ro', 'nosuid', 'noexec', 'nodev'])
          assert.ok(options.includes(option), `${mountPoint} ${option}`)
      assert.ok(mountOn(groups, '/sys/fs/cgroup'))
    }
  }),
]
