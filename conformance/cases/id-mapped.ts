// Id-mapped mounts and tmpcopyup: config.md#linux-mount-options, config.md#posix-platform-mounts.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase, Skip } from '../case.ts'
import { bind, host, hostTree, tmpfs } from '../mounts.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md linux-mount-options'

type Range = readonly [containerID: number, hostID: number, size: number]
const maps = (...ranges: Range[]) => {
  const mappings = ranges.map(([containerID, hostID, size]) => ({ containerID, hostID, size }))
  return { uidMappings: mappings, gidMappings: mappings }
}

/** A file of user 0 and one of user 7, on a file system that can be id-mapped. */
function source(world: World): string {
  const directory = join(world.directory, 'source')
  mkdirSync(directory)
  chmodSync(directory, 0o777)
  for (const [name, id] of [
    ['zero', 0],
    ['seven', 7],
  ] as const) {
    writeFileSync(join(directory, name), '')
    chownSync(join(directory, name), id, id)
  }
  const type = host('stat', '-f', '-c', '%T', directory).trim()
  if (!/^(ext|xfs|btrfs|tmpfs)/.test(type)) throw new Skip(`temporary files lie on ${type}`)
  return directory
}

const OWNERS = 'stat -c %u:%g /mnt/zero /mnt/seven'

/** What the container sees of the two files. */
const owners = (world: World): string => world.output(OWNERS).trim().replace('\n', ' ')

function withUserNamespace(world: World, ...ranges: Range[]): void {
  chmodSync(world.directory, 0o755) // root of the namespace has to walk through it
  for (const place of ['mnt', 'plain', 'relative']) mkdirSync(world.bundle.inRoot(place)) // which it may not make
  world.bundle.config.linux.namespaces.push({ type: 'user' })
  Object.assign(world.bundle.config.linux, maps(...ranges))
}

export const idMappedCases: readonly Case[] = [
  defineCase(SECTION, 'idmap: the owners are those of the mappings of the mount', world => {
    const mount = { ...bind(source(world), '/mnt', 'idmap'), ...maps([0, 1000, 1], [7, 1007, 1]) }
    world.bundle.config.mounts.push(mount)
    assert.equal(owners(world), '1000:1000 1007:1007')
  }),

  defineCase(SECTION, 'idmap: users and groups have maps of their own', world => {
    const { uidMappings } = maps([0, 1000, 8])
    const { gidMappings } = maps([0, 2000, 8])
    world.bundle.config.mounts.push({ ...bind(source(world), '/mnt', 'idmap'), uidMappings, gidMappings })
    assert.equal(owners(world), '1000:2000 1007:2007')
  }),

  defineCase(SECTION, 'idmap: what is written has the owner that maps to it', world => {
    const directory = source(world)
    world.bundle.config.mounts.push({ ...bind(directory, '/mnt', 'idmap'), ...maps([7, 0, 1], [0, 9, 1]) })
    world.output('echo text >/mnt/new')
    assert.equal(host('stat', '-c', '%u:%g', join(directory, 'new')).trim(), '7:7')
  }),

  defineCase(SECTION, 'idmap: in a user namespace the mappings of the mount are those of the host', world => {
    withUserNamespace(world, [0, 100_000, 65536])
    world.bundle.config.mounts.push({ ...bind(source(world), '/mnt', 'idmap'), ...maps([0, 100_005, 8]) })
    assert.equal(owners(world), '5:5 12:12')
  }),

  defineCase(SECTION, 'idmap: without mappings the container has the owners that the host has', world => {
    withUserNamespace(world, [0, 100_000, 65536])
    const directory = source(world)
    world.bundle.config.mounts.push(bind(directory, '/mnt', 'idmap'), bind(directory, '/plain'))
    assert.equal(world.output(`${OWNERS}; stat -c %u /plain/zero`).trim(), '0:0\n7:7\n65534')
  }),

  defineCase(SECTION, 'idmap: mappings alone, without the option, are applied', world => {
    world.bundle.config.mounts.push({ ...bind(source(world), '/mnt'), ...maps([0, 1000, 8]) })
    assert.equal(owners(world), '1000:1000 1007:1007')
  }),

  defineCase(SECTION, 'ridmap holds for all mounts of the tree, idmap for one', world => {
    const tree = hostTree(world)
    world.bundle.config.mounts.push(
      { ...bind(tree, '/one'), options: ['rbind', 'idmap'], ...maps([0, 1000, 8]) },
      { ...bind(tree, '/all'), options: ['rbind', 'ridmap'], ...maps([0, 1000, 8]) },
    )
    assert.equal(world.output('stat -c %u /one /one/below /all /all/below').trim(), '1000\n0\n1000\n1000')
  }),

  defineCase(SECTION, 'idmap goes with what else is asked for', world => {
    const mount = { ...bind(source(world), '/mnt', 'ro', 'nosuid', 'idmap', 'rprivate'), ...maps([0, 1000, 8]) }
    world.bundle.config.mounts.push(mount)
    assert.match(world.output('grep " /mnt " /proc/self/mountinfo'), / ro,nosuid\S*,idmapped - /)
  }),

  defineCase(SECTION, 'idmap or ridmap without any mappings is an error', world => {
    for (const option of ['idmap', 'ridmap']) {
      world.bundle.config.mounts = [bind('/tmp', '/mnt', option)]
      world.refused()
    }
  }),

  defineCase(
    'config.md posix-platform-mounts',
    'mappings of a mount for users or for groups alone are an error',
    world => {
      const { uidMappings, gidMappings } = maps([0, 1000, 8])
      for (const half of [{ uidMappings }, { gidMappings }]) {
        world.bundle.config.mounts = [{ ...bind('/tmp', '/mnt', 'idmap'), ...half }]
        world.refused()
      }
    },
  ),

  defineCase(SECTION, 'a file system that cannot be id-mapped, or a mount that is no bind, is an error', world => {
    const { mounts } = world.bundle.config
    for (const mount of [bind('/sys/kernel', '/mnt', 'idmap'), tmpfs('/mnt', 'idmap')]) {
      mounts.push({ ...mount, ...maps([0, 1000, 8]) })
      world.refused()
      mounts.pop()
    }
  }),

  defineCase('crun: idmap', 'the mappings can be given with the option, and relative to the container', world => {
    const directory = source(world)
    withUserNamespace(world, [0, 100_000, 10], [10, 200_000, 10])
    world.bundle.config.mounts.push(
      bind(directory, '/mnt', 'idmap=uids=0-100001-1#7-100002-1;gids=0-100003-1#7-100004-1'),
      bind(directory, '/relative', 'idmap=uids=@0-1-1#@7-15-1;gids=@0-2-8'),
    )
    assert.equal(world.output(`${OWNERS}; stat -c %u:%g /relative/*`).trim(), '1:3\n2:4\n15:9\n1:2')
  }),

  defineCase('config.md mounts', 'what the host has set on a source, a user namespace cannot take away', world => {
    withUserNamespace(world, [0, 100_000, 65536])
    const tree = hostTree(world, 'ro,nosuid,nodev,noexec')
    const { mounts, process } = world.bundle.config
    mounts.push({ ...bind(tree, '/mnt'), options: ['rbind'] }, bind(source(world), '/plain', 'ro'))
    const capabilities = ['CAP_SYS_ADMIN']
    process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities }
    const away = (place: string, option: string) =>
      `mount -o remount,bind,${option} ${place} 2>/dev/null && echo ${place} ${option};`
    const all = ['ro,suid,dev,exec', 'rw,nosuid,nodev,noexec'].flatMap(option => [
      away('/mnt', option),
      away('/mnt/below', option),
    ])
    assert.equal(
      world.output(`${all.join('')} ${away('/plain', 'rw')} umount /mnt/below 2>/dev/null && echo uncovered; true`),
      '',
    )
  }),

  defineCase(SECTION, 'tmpcopyup: the tmpfs begins with what it covers, and is not it', world => {
    const { bundle } = world
    const covered = bundle.inRoot('covered')
    mkdirSync(join(covered, 'deep/er'), { recursive: true })
    writeFileSync(join(covered, 'deep/er/file'), 'text')
    for (const name of ['new\nline', ' blank', '-n', '*']) writeFileSync(join(covered, name), 'x'.repeat(5000))
    symlinkSync('/etc/nowhere', join(covered, 'link'))
    chownSync(join(covered, 'deep'), 5, 6)
    chmodSync(join(covered, 'deep'), 0o2755)
    chmodSync(join(covered, 'deep/er/file'), 0o640)
    chmodSync(covered, 0o1771)
    bundle.config.mounts.push(tmpfs('/covered', 'tmpcopyup'))
    const look =
      'cd covered; stat -c "%n %F %a %u %g %s" deep deep/er/file link new* . | sed s/[0-9]*$//; for f in *; do echo; done | wc -l; readlink link; cat deep/er/file'
    const script = `${look}; echo other >deep/er/file; rm link`
    assert.equal(
      world.output(script),
      [
        'deep directory 2755 5 6 ',
        'deep/er/file regular file 640 0 0 ',
        'link symbolic link 777 0 0 ',
        'new',
        'line regular file 644 0 0 ',
        '. directory 1771 0 0 ',
        '6',
        '/etc/nowhere',
        'text',
      ].join('\n'),
    )
    assert.equal(bundle.readRoot('covered/deep/er/file'), 'text')
  }),

  defineCase(SECTION, 'tmpcopyup: special files are copied, too', world => {
    const covered = world.bundle.inRoot('covered')
    mkdirSync(covered)
    host('mkfifo', join(covered, 'pipe'))
    host('mknod', join(covered, 'null'), 'c', '1', '3')
    world.bundle.config.mounts.push(tmpfs('/covered', 'tmpcopyup'))
    assert.equal(
      world.output('cd covered; stat -c "%n %F %t %T" *').trim(),
      'null character special file 1 3\npipe fifo 0 0',
    )
  }),

  defineCase(SECTION, 'tmpcopyup: a link of the image leads where it leads inside', world => {
    const outside = join(world.directory, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'secret'), '')
    const { bundle } = world
    mkdirSync(bundle.inRoot('real'))
    bundle.touch('real/file')
    symlinkSync('/real', bundle.inRoot('way'))
    symlinkSync(outside, bundle.inRoot('real/out'))
    bundle.config.mounts.push(tmpfs('/way', 'tmpcopyup'))
    assert.equal(
      world.output('ls /way; readlink /way/out; ls /way/out/ 2>/dev/null; true').trim(),
      `file\nout\n${outside}`,
    )
  }),

  defineCase(SECTION, 'tmpcopyup: what does not fit is an error', world => {
    mkdirSync(world.bundle.inRoot('covered'))
    writeFileSync(world.bundle.inRoot('covered/large'), Buffer.alloc(1 << 20))
    world.bundle.config.mounts.push(tmpfs('/covered', 'tmpcopyup', 'size=64k'))
    world.refused(/no space left on device/)
  }),

  defineCase(SECTION, 'tmpcopyup: with nothing to cover the tmpfs is empty', world => {
    world.bundle.config.mounts.push(tmpfs('/new/place', 'tmpcopyup'))
    assert.equal(world.output('ls -A /new/place'), '')
  }),
]
