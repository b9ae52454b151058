// Options of mounts: config.md#linux-mount-options, each row of the table. What the container then sees is read off its
// own /proc/self/mountinfo; the host's mounts that are bound have the opposite, where an option takes something away.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import { bind, host, hostTree, mountOn, seen, tmpfs } from '../mounts.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md linux-mount-options'

/** Option → what mountinfo then lists of the mount; with "!": does not. */
type Shown = Readonly<Record<string, string>>

const OF_THE_MOUNT: Shown = {
  ro: 'ro',
  nosuid: 'nosuid',
  nodev: 'nodev',
  noexec: 'noexec',
  noatime: 'noatime',
  nodiratime: 'nodiratime',
  relatime: 'relatime',
  strictatime: '!relatime',
  nosymfollow: 'nosymfollow',
}
/** Where the source has it. */
const TAKEN_AWAY: Shown = {
  rw: 'rw',
  suid: '!nosuid',
  dev: '!nodev',
  exec: '!noexec',
  atime: '!noatime',
  diratime: '!nodiratime',
  symfollow: '!nosymfollow',
}
/** Of the file system, if mountinfo has a word for it. */
const OF_THE_SUPERBLOCK: Shown = { sync: 'sync', dirsync: 'dirsync', lazytime: 'lazytime' }
const ONLY_ACCEPTED = [
  ...['async', 'defaults', 'iversion', 'noiversion', 'nolazytime', 'loud', 'silent', 'mand', 'nomand'],
  ...['norelatime', 'nostrictatime', 'rw', 'suid', 'dev', 'exec', 'atime', 'diratime'],
]

const ALL_TAKEN = 'ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow'

function check(what: string, listed: readonly string[], expected: string): void {
  const absent = expected.startsWith('!')
  const word = absent ? expected.slice(1) : expected
  assert.equal(listed.includes(word), !absent, `${what}: ${expected} expected, ${listed}`)
}

const shared = (world: World): string => {
  const tree = hostTree(world)
  for (const place of [tree, join(tree, 'below')]) host('mount', '--make-shared', place)
  return tree
}

/** Of a mount and of the one below it. */
const PROPAGATION: Readonly<Record<string, readonly [RegExp, RegExp]>> = {
  private: [/^$/, /./],
  rprivate: [/^$/, /^$/],
  slave: [/^master:\d+$/, /./],
  rslave: [/^master:\d+$/, /^master:\d+$/],
  shared: [/shared:\d+/, /./],
  rshared: [/shared:\d+/, /shared:\d+/],
  unbindable: [/^unbindable$/, /./],
  runbindable: [/^unbindable$/, /^unbindable$/],
}

export const mountOptionCases: readonly Case[] = [
  defineCase(SECTION, 'options of a mount, on a new file system', world => {
    for (const option of Object.keys(OF_THE_MOUNT)) world.bundle.config.mounts.push(tmpfs(`/mnt/${option}`, option))
    const mounts = seen(world)
    for (const [option, expected] of Object.entries(OF_THE_MOUNT))
      check(option, mountOn(mounts, `/mnt/${option}`).options, expected)
  }),

  defineCase(SECTION, 'options of a file system', world => {
    for (const option of Object.keys(OF_THE_SUPERBLOCK))
      world.bundle.config.mounts.push(tmpfs(`/mnt/${option}`, option))
    const mounts = seen(world)
    for (const [option, expected] of Object.entries(OF_THE_SUPERBLOCK))
      check(option, mountOn(mounts, `/mnt/${option}`).superOptions, expected)
  }),

  defineCase(SECTION, 'options that cannot be seen, or are so by default, are no data of the file system', world => {
    for (const option of ONLY_ACCEPTED) world.bundle.config.mounts.push(tmpfs(`/mnt/${option}`, option))
    const mounts = seen(world)
    for (const option of ONLY_ACCEPTED) check(option, mountOn(mounts, `/mnt/${option}`).options, 'rw')
  }),

  defineCase(SECTION, 'options of a mount, on a bind, and its source keeps its own', world => {
    const tree = hostTree(world)
    for (const option of Object.keys(OF_THE_MOUNT))
      world.bundle.config.mounts.push(bind(tree, `/mnt/${option}`, option))
    const mounts = seen(world)
    for (const [option, expected] of Object.entries(OF_THE_MOUNT))
      check(option, mountOn(mounts, `/mnt/${option}`).options, expected)
    writeFileSync(join(tree, 'still'), 'writable')
  }),

  defineCase(SECTION, 'a bind takes away what its source has, and nothing else', world => {
    const tree = hostTree(world, ALL_TAKEN)
    for (const option of Object.keys(TAKEN_AWAY)) world.bundle.config.mounts.push(bind(tree, `/mnt/${option}`, option))
    const mounts = seen(world)
    for (const [option, expected] of Object.entries(TAKEN_AWAY)) {
      const { options } = mountOn(mounts, `/mnt/${option}`)
      check(option, options, expected)
      for (const [other, alone] of Object.entries(TAKEN_AWAY))
        if (other !== option && alone.startsWith('!')) check(`${option}, not ${other}`, options, alone.slice(1))
    }
  }),

  defineCase(SECTION, 'an r-option holds for all mounts of the tree', world => {
    const tree = hostTree(world)
    const options = Object.keys(OF_THE_MOUNT)
    for (const option of options)
      world.bundle.config.mounts.push({ ...bind(tree, `/mnt/${option}`), options: ['rbind', `r${option}`] })
    const mounts = seen(world)
    for (const [option, expected] of Object.entries(OF_THE_MOUNT))
      for (const place of [`/mnt/${option}`, `/mnt/${option}/below`])
        check(`r${option} of ${place}`, mountOn(mounts, place).options, expected)
  }),

  defineCase(SECTION, 'without r an option holds for the one mount', world => {
    const tree = hostTree(world)
    world.bundle.config.mounts.push({ ...bind(tree, '/mnt'), options: ['rbind', 'ro', 'noexec'] })
    const mounts = seen(world)
    check('top', mountOn(mounts, '/mnt').options, 'ro')
    check('below', mountOn(mounts, '/mnt/below').options, 'rw')
    check('below', mountOn(mounts, '/mnt/below').options, '!noexec')
  }),

  defineCase(SECTION, 'an r-option takes away what all mounts of the tree have', world => {
    const tree = hostTree(world, ALL_TAKEN)
    const rows = { ...TAKEN_AWAY, strictatime: '!noatime', norelatime: '!relatime', nostrictatime: 'relatime' }
    for (const option of Object.keys(rows))
      world.bundle.config.mounts.push({ ...bind(tree, `/mnt/${option}`), options: ['rbind', `r${option}`] })
    const mounts = seen(world)
    for (const [option, expected] of Object.entries(rows).filter(([option]) => !/^no/.test(option)))
      for (const place of [`/mnt/${option}`, `/mnt/${option}/below`])
        check(`r${option} of ${place}`, mountOn(mounts, place).options, expected)
  }),

  defineCase(SECTION, 'of two that disagree the later one counts', world => {
    world.bundle.config.mounts.push(
      tmpfs('/mnt/1', 'ro', 'rw', 'exec', 'noexec'),
      tmpfs('/mnt/2', 'noatime', 'strictatime', 'rw', 'ro'),
    )
    const mounts = seen(world)
    for (const [place, expected] of [
      ['/mnt/1', 'rw'],
      ['/mnt/1', 'noexec'],
      ['/mnt/2', '!noatime'],
      ['/mnt/2', 'ro'],
    ] as const)
      check(place, mountOn(mounts, place).options, expected)
  }),

  defineCase(SECTION, 'propagation of a bind and, with r, of what lies below', world => {
    const tree = shared(world)
    for (const name of Object.keys(PROPAGATION))
      world.bundle.config.mounts.push({ ...bind(tree, `/mnt/${name}`), options: ['rbind', name] })
    const mounts = seen(world)
    for (const [name, [top, below]] of Object.entries(PROPAGATION)) {
      assert.match(mountOn(mounts, `/mnt/${name}`).propagation.join(' '), top, name)
      assert.match(mountOn(mounts, `/mnt/${name}/below`).propagation.join(' '), below, `${name}, below`)
    }
  }),

  defineCase(SECTION, 'remount changes what is mounted already', world => {
    const tree = hostTree(world)
    world.bundle.config.mounts.push(
      bind(tree, '/mnt/bind', 'nosuid'),
      { ...bind(tree, '/mnt/bind'), options: ['bind', 'remount', 'ro', 'nosuid'] },
      tmpfs('/mnt/tmpfs', 'size=64k'),
      tmpfs('/mnt/tmpfs', 'remount', 'size=128k'),
    )
    const mounts = seen(world)
    for (const option of ['ro', 'nosuid']) check('bind', mountOn(mounts, '/mnt/bind').options, option)
    check('tmpfs', mountOn(mounts, '/mnt/tmpfs').superOptions, 'size=128k')
    writeFileSync(join(tree, 'still'), 'writable')
  }),

  defineCase(SECTION, 'what is no option of a mount is data of the file system', world => {
    world.bundle.config.mounts.push(tmpfs('/mnt', 'size=128k', 'nr_inodes=7', 'uid=5', 'gid=6', 'mode=1770'))
    assert.equal(world.output('stat -c "%u %g %a" /mnt').trim(), '5 6 1770')
    const { superOptions } = mountOn(seen(world), '/mnt')
    for (const option of ['size=128k', 'nr_inodes=7']) check('tmpfs', superOptions, option)
  }),

  defineCase(SECTION, 'data that the file system does not know is an error', world => {
    world.bundle.config.mounts.push(tmpfs('/mnt', 'no-such-option=1'))
    world.refused(/invalid argument/)
  }),

  defineCase(SECTION, 'a tmpfs that is read-only takes the mounts that are listed below it', world => {
    world.bundle.config.mounts.push(tmpfs('/mnt', 'ro'), tmpfs('/mnt/below', 'nosuid'))
    const mounts = seen(world)
    check('above', mountOn(mounts, '/mnt').options, 'ro')
    check('below', mountOn(mounts, '/mnt/below').options, 'rw')
  }),
]
