// rootfsPropagation: config-linux.md#rootfs-mount-propagation. The runtime is started from a mount namespace in which
// everything is shared, as on most hosts, so that whatever would propagate has a way.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md rootfs-mount-propagation'

/** The optional fields of "/" in the container: "shared:5", "master:4", "unbindable". */
function fieldsOfRoot(world: World, propagation: string | undefined): string {
  world.bundle.config.linux.rootfsPropagation = propagation
  const line = world.output('awk \'$5 == "/"\' /proc/self/mountinfo').trim()
  return /^(?:\S+ ){6}(.*?) ?- /.exec(line)?.[1] ?? line
}

export const propagationCases: readonly Case[] = [
  defineCase(SECTION, 'shared: the root belongs to a group of its own', world => {
    assert.match(fieldsOfRoot(world, 'shared'), /^shared:\d+$/)
  }),

  defineCase(SECTION, 'slave: the root propagates nothing', world => {
    assert.doesNotMatch(fieldsOfRoot(world, 'slave'), /shared/)
  }),

  defineCase(SECTION, 'private: the root has no group', world => {
    assert.equal(fieldsOfRoot(world, 'private'), '')
  }),

  defineCase(SECTION, 'unbindable: the root can be bound nowhere', world => {
    assert.equal(fieldsOfRoot(world, 'unbindable'), 'unbindable')
  }),

  defineCase(SECTION, 'the recursive forms of the four are known', world => {
    for (const name of ['rshared', 'rslave', 'rprivate', 'runbindable']) fieldsOfRoot(world, name)
  }),

  defineCase(SECTION, 'unless it is asked for, the root has no group that the host has', world => {
    assert.doesNotMatch(fieldsOfRoot(world, undefined), /shared/)
  }),

  defineCase(
    SECTION,
    'slave: what the host mounts later in a bound tree appears, what the container mounts stays',
    world => {
      const tree = join(world.directory, 'tree')
      mkdirSync(join(tree, 'below'), { recursive: true })
      const host = (...args: string[]) => execFileSync(args[0] ?? '', args.slice(1), { stdio: 'pipe' })
      host('mount', '-t', 'tmpfs', 'tree', tree)
      world.atEnd(() => host('umount', '-R', '-l', tree))
      host('mount', '--make-shared', tree)
      for (const name of ['late', 'own']) mkdirSync(join(tree, name))
      writeFileSync(join(tree, 'own/seen'), '')
      world.bundle.config.linux.rootfsPropagation = 'slave'
      world.bundle.config.mounts.push({ destination: '/tmp', source: tree, options: ['rbind', 'rslave'] })
      world.bundle.script(
        'mount -t tmpfs own /tmp/own; while [ ! -e /tmp/late/file ]; do sleep 0.05; done; echo yes >/saw',
      )
      world.create()
      world.start()
      host('mount', '-t', 'tmpfs', 'late', join(tree, 'late'))
      writeFileSync(join(tree, 'late/file'), '')
      world.stopped()
      assert.equal(world.bundle.readRoot('saw'), 'yes\n')
      assert.ok(existsSync(join(tree, 'own/seen')), 'the mount of the container is not on the host')
      assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), / tmpfs own /)
    },
  ),
]
