// Mounts of type cgroup: config.md#mounts. The spec only names the type; what it shows is what containers have come to
// rely on: with cgroup v1 a directory for each hierarchy, and always the container's own group.
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { mountEntries } from '../../src/host/mountinfo.ts'
import { type Case, defineCase, Skip } from '../case.ts'
import { isV2 } from '../cgroup.ts'
import { mountOn, seen } from '../mounts.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md mounts'
const PLACE = '/sys/fs/cgroup'
/** Of a group that every container is in. */
const GROUP = isV2 ? PLACE : `${PLACE}/pids`

function showGroups(world: World, own: boolean, access: 'ro' | 'rw'): void {
  const { mounts, linux } = world.bundle.config
  mounts.push(
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] },
    {
      destination: PLACE,
      type: 'cgroup',
      source: 'cgroup',
      options: [access, 'nosuid', 'noexec', 'nodev', 'relatime'],
    },
  )
  if (own) linux.namespaces.push({ type: 'cgroup' })
}

/** Both ways: in a cgroup namespace of its own, and in the runtime's. */
const bothWays = (name: string, run: (world: World, own: boolean) => void): Case[] =>
  [true, false].map(own =>
    defineCase(SECTION, `${name}${own ? ', in a cgroup namespace' : ''}`, world => run(world, own)),
  )

export const mountCgroupCases: readonly Case[] = [
  ...bothWays(
    'cgroup v1: each hierarchy has a directory, those with names too, and controllers that share one links',
    (world, own) => {
      const hierarchies = mountEntries().filter(
        ({ type, mountPoint }) => type === 'cgroup' && mountPoint.startsWith(PLACE),
      )
      if (isV2 || hierarchies.length === 0) throw new Skip('needs cgroup v1')
      showGroups(world, own, 'ro')
      const mounts = seen(world)
      assert.equal(mountOn(mounts, PLACE).type, 'tmpfs')
      for (const { mountPoint, superOptions } of hierarchies) {
        const shown = mountOn(mounts, mountPoint)
        assert.equal(shown.type, 'cgroup', mountPoint)
        assert.ok(shown.options.includes('ro'), mountPoint)
        assert.deepEqual(shown.superOptions.slice(1), superOptions.slice(1), mountPoint)
        if (own) assert.equal(shown.root, '/', mountPoint)
      }
      const links = readdirSync(PLACE, { withFileTypes: true }).filter(entry => entry.isSymbolicLink())
      for (const { name } of links.filter(({ name }) => readlinkSync(`${PLACE}/${name}`).includes(',')))
        assert.equal(world.output(`readlink ${PLACE}/${name}`).trim(), basename(readlinkSync(`${PLACE}/${name}`)), name)
    },
  ),

  ...bothWays('the group of the container is shown', (world, own) => {
    if (isV2 && !own) throw new Skip('without a namespace of its own it is shown where the host has it')
    showGroups(world, own, 'ro')
    assert.equal(world.output(`grep -x $$ ${GROUP}/cgroup.procs`).trim(), '1')
  }),

  ...bothWays('a cgroup mount that is writable takes new groups, one that is read-only does not', (world, own) => {
    if (isV2 && !own) throw new Skip('without a namespace of its own this would be a group of the host')
    showGroups(world, own, 'rw')
    const script = `mkdir ${GROUP}/below && rmdir ${GROUP}/below && echo made`
    assert.equal(world.output(script).trim(), 'made')
    for (const mount of world.bundle.config.mounts)
      if (mount.type === 'cgroup') mount.options = mount.options?.map(option => (option === 'rw' ? 'ro' : option)) ?? []
    assert.equal(world.output(`${script.replace('&& echo made', '2>/dev/null || echo refused')}`).trim(), 'refused')
  }),
]
