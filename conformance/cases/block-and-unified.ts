// linux.resources.blockIO, network and unified: what stands in the files of the container's groups. config-linux.md.
import { existsSync, readFileSync } from 'node:fs'
import { type Case, defineCase, Skip } from '../case.ts'
import { groupOf, isV2, lacks, needs, only, refuses, sets } from '../cgroup.ts'
import type { World } from '../world.ts'

const MIB = 1024 * 1024

/** A disk whose throttles the kernel takes. */
function disk(): { major: number; minor: number } {
  const [, major, minor] = readFileSync('/proc/partitions', 'utf8').match(/^ *(\d+) +(\d+) +\d+ [a-z]+$/m) ?? []
  if (major === undefined) throw new Skip('needs a disk')
  return { major: Number(major), minor: Number(minor) }
}

const blockIo: readonly Case[] = [
  ...(
    [
      ['throttleReadBpsDevice', 'blkio.throttle.read_bps_device', 'rbps'],
      ['throttleWriteBpsDevice', 'blkio.throttle.write_bps_device', 'wbps'],
      ['throttleReadIOPSDevice', 'blkio.throttle.read_iops_device', 'riops'],
      ['throttleWriteIOPSDevice', 'blkio.throttle.write_iops_device', 'wiops'],
    ] as const
  ).map(([property, v1, v2]) =>
    defineCase('config-linux.md block-io', `block-io: ${property}`, world => {
      const { major, minor } = disk()
      const name = `${major}:${minor}`
      sets(world, { blockIO: { [property]: [{ major, minor, rate: 1048576 }] } }, [
        { controller: 'io', v1: [v1, `${name} 1048576`], v2: ['io.max', new RegExp(`^${name} .*${v2}=1048576`)] },
      ])
    }),
  ),

  defineCase('config-linux.md block-io', 'block-io: weight, by whichever scheduler is there', world => {
    needs(isV2 ? 'io' : 'blkio')
    world.create()
    const group = groupOf(world.state().pid, isV2 ? 'io' : 'blkio')
    world.ok('delete', '--force', world.id)
    const file = ['io.bfq.weight', 'io.weight', 'blkio.weight', 'blkio.bfq.weight'].find(name =>
      has(world, group, name),
    )
    if (file === undefined) return refuses(world, { blockIO: { weight: 500 } })
    const value = file === 'io.weight' ? /^default 4950/ : /500$/
    sets(world, { blockIO: { weight: 500 } }, [{ controller: 'io', v1: [file, value], v2: [file, value] }])
  }),

  defineCase(
    'config-linux.md block-io',
    'block-io: a weight out of range, or an entry without one, is an error',
    world => {
      refuses(world, { blockIO: { weight: 5 } })
      refuses(world, { blockIO: { weight: 1001 } })
      refuses(world, { blockIO: { weightDevice: [{ major: 8, minor: 0 }] } })
    },
  ),

  defineCase('config-linux.md block-io', 'block-io: a throttle of a device that is not there is an error', world => {
    if (!isV2) throw new Skip('v1 takes any device')
    refuses(world, { blockIO: { throttleReadBpsDevice: [{ major: 4000, minor: 1, rate: 1 }] } })
  }),

  defineCase('config-linux.md block-io', 'block-io: leaf weights are nothing for v2', world => {
    if (!isV2) throw new Skip('v1 may have them')
    refuses(world, { blockIO: { leafWeight: 10 } })
    refuses(world, { blockIO: { weightDevice: [{ major: 8, minor: 0, leafWeight: 10 }] } })
  }),
]

function has(world: World, group: string, file: string): boolean {
  world.create()
  try {
    return existsSync(`${group}/${file}`)
  } finally {
    world.ok('delete', '--force', world.id)
  }
}

const network: readonly Case[] = [
  defineCase(
    'config-linux.md network',
    'network: class and priorities are set where the host has them, else refused',
    world => {
      const network = { classID: 1048577, priorities: [{ name: 'lo', priority: 500 }] }
      if (isV2 || lacks('net_cls') || lacks('net_prio')) {
        refuses(world, { network: { classID: network.classID } })
        refuses(world, { network: { priorities: network.priorities } })
      } else
        sets(world, { network }, [
          only('v1', 'net_cls', 'net_cls.classid', '1048577'),
          only('v1', 'net_prio', 'net_prio.ifpriomap', /^lo 500$/m),
        ])
    },
  ),
]

const unified: readonly Case[] = [
  defineCase(
    'config-linux.md unified',
    'unified: files of v2 by name, also those that the runtime does not know',
    world => {
      if (!isV2) return refuses(world, { unified: { 'memory.high': '1048576' } })
      sets(world, { unified: { 'memory.high': `${48 * MIB}`, 'pids.max': '77', 'memory.oom.group': '1' } }, [
        only('v2', 'memory', 'memory.high', `${48 * MIB}`),
        only('v2', 'pids', 'pids.max', '77'),
        only('v2', 'memory', 'memory.oom.group', '1'),
      ])
    },
  ),

  defineCase('config-linux.md unified', 'unified: several lines for one file', world => {
    if (!isV2) throw new Skip('needs cgroup v2')
    const { major, minor } = disk()
    sets(world, { unified: { 'io.max': `${major}:${minor} rbps=1048576\n${major}:${minor} wiops=120` } }, [
      only('v2', 'io', 'io.max', new RegExp(`^${major}:${minor} rbps=1048576 .*wiops=120`)),
    ])
  }),

  defineCase(
    'config-linux.md unified',
    'unified: a controller that is not there, and a file that is none, are errors',
    world => {
      if (!isV2) throw new Skip('needs cgroup v2')
      refuses(world, { unified: { 'nonsense.max': '1' } }, /nonsense/)
      refuses(world, { unified: { 'memory.nonsense': '1' } }, /memory\.nonsense/)
      refuses(world, { unified: { 'memory.high': 'nonsense' } }, /memory\.high/)
      refuses(world, { unified: { '../memory.high': '1' } })
    },
  ),

  defineCase('config-linux.md unified', 'unified: it wins over the other properties', world => {
    if (!isV2) throw new Skip('needs cgroup v2')
    sets(world, { memory: { limit: 32 * MIB }, unified: { 'memory.max': `${64 * MIB}` } }, [
      only('v2', 'memory', 'memory.max', `${64 * MIB}`),
    ])
  }),
]

export const blockAndUnifiedCases: readonly Case[] = [...blockIo, ...network, ...unified]
