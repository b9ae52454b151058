// linux.resources: what stands in the files of the container's groups, and what is refused. config-linux.md.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type Case, defineCase, Skip } from '../case.ts'
import { isV2, lacks, needs, only, refuses, type Setting, sets } from '../cgroup.ts'

const MIB = 1024 * 1024
const UNLIMITED = /^(max|-1|9223372036854771712)$/

type Row = readonly [section: string, name: string, resources: object, settings: readonly Setting[]]

const memory = (v1: string, v2: string, value: string | RegExp, inV2 = value): Setting => ({
  controller: 'memory',
  v1: [`memory.${v1}`, value],
  v2: [`memory.${v2}`, inV2],
})
const cpu = (v1: string, value: string, v2: string, inV2: string): Setting => ({
  controller: 'cpu',
  v1: [`cpu.${v1}`, value],
  v2: [`cpu.${v2}`, inV2],
})
const pids = (value: string): Setting => ({ controller: 'pids', v1: ['pids.max', value], v2: ['pids.max', value] })

const ROWS: readonly Row[] = [
  ['memory', 'limit', { memory: { limit: 64 * MIB } }, [memory('limit_in_bytes', 'max', `${64 * MIB}`)]],
  [
    'memory',
    'reservation',
    { memory: { reservation: 32 * MIB } },
    [memory('soft_limit_in_bytes', 'low', `${32 * MIB}`)],
  ],
  [
    'memory',
    'swap: v1 limits memory and swap, v2 swap alone',
    { memory: { limit: 64 * MIB, swap: 96 * MIB } },
    [memory('memsw.limit_in_bytes', 'swap.max', `${96 * MIB}`, `${32 * MIB}`)],
  ],
  [
    'memory',
    'swap that is as much as the limit leaves none',
    { memory: { limit: 64 * MIB, swap: 64 * MIB } },
    [memory('memsw.limit_in_bytes', 'swap.max', `${64 * MIB}`, '0')],
  ],
  [
    'memory',
    '-1 is unlimited, and swap with it',
    { memory: { limit: -1 } },
    [memory('limit_in_bytes', 'max', UNLIMITED), memory('memsw.limit_in_bytes', 'swap.max', UNLIMITED)],
  ],
  ['memory', 'kernel memory without a limit is nothing to refuse', { memory: { kernel: -1, kernelTCP: -1 } }, []],
  [
    'memory',
    'checkBeforeUpdate and useHierarchy are accepted',
    { memory: { checkBeforeUpdate: true, useHierarchy: true, limit: 64 * MIB } },
    [memory('limit_in_bytes', 'max', `${64 * MIB}`)],
  ],
  ['cpu', 'shares', { cpu: { shares: 2048 } }, [only('v1', 'cpu', 'cpu.shares', '2048')]],
  ['cpu', 'shares as a weight of v2', { cpu: { shares: 1024 } }, [only('v2', 'cpu', 'cpu.weight', /^(100|39)$/)]],
  [
    'cpu',
    'quota and period',
    { cpu: { quota: 50000, period: 200000 } },
    [cpu('cfs_quota_us', '50000', 'max', '50000 200000'), only('v1', 'cpu', 'cpu.cfs_period_us', '200000')],
  ],
  ['cpu', 'a quota alone', { cpu: { quota: 20000 } }, [cpu('cfs_quota_us', '20000', 'max', '20000 100000')]],
  ['cpu', 'a period alone', { cpu: { period: 50000 } }, [cpu('cfs_period_us', '50000', 'max', 'max 50000')]],
  ['cpu', 'a quota of -1', { cpu: { quota: -1 } }, [cpu('cfs_quota_us', '-1', 'max', 'max 100000')]],
  [
    'cpu',
    'burst',
    { cpu: { quota: 50000, period: 100000, burst: 20000 } },
    [cpu('cfs_burst_us', '20000', 'max.burst', '20000')],
  ],
  ['cpu', 'idle', { cpu: { idle: 1 } }, [cpu('idle', '1', 'idle', '1')]],
  [
    'cpu',
    'cpus and mems',
    { cpu: { cpus: '0', mems: '0' } },
    [
      { controller: 'cpuset', v1: ['cpuset.cpus', '0'], v2: ['cpuset.cpus', '0'] },
      { controller: 'cpuset', v1: ['cpuset.mems', '0'], v2: ['cpuset.mems', '0'] },
    ],
  ],
  ['pids', 'limit', { pids: { limit: 32771 } }, [pids('32771')]],
  ['pids', '-1 is no limit', { pids: { limit: -1 } }, [pids('max')]],
  ['pids', '0 is a limit', { pids: { limit: 0 } }, [pids('0')]],
  [
    'huge-page-limits',
    'a limit is one of reservations too',
    { hugepageLimits: [{ pageSize: '2MB', limit: 4 * MIB }] },
    [
      {
        controller: 'hugetlb',
        v1: ['hugetlb.2MB.limit_in_bytes', `${4 * MIB}`],
        v2: ['hugetlb.2MB.max', `${4 * MIB}`],
      },
      {
        controller: 'hugetlb',
        v1: ['hugetlb.2MB.rsvd.limit_in_bytes', `${4 * MIB}`],
        v2: ['hugetlb.2MB.rsvd.max', `${4 * MIB}`],
      },
    ],
  ],
]

const table = ROWS.map(([section, name, resources, settings]) =>
  defineCase(`config-linux.md ${section}`, `${section}: ${name}`, world => sets(world, resources, settings)),
)

/** Refused on v2 alone; on v1 the settings hold. */
function onV1(name: string, resources: object, settings: readonly Setting[], section: string): Case {
  return defineCase(`config-linux.md ${section}`, `${section}: ${name} is set on v1 and refused on v2`, world => {
    if (isV2) refuses(world, resources)
    else sets(world, resources, settings)
  })
}

const behaviour: readonly Case[] = [
  defineCase('config-linux.md memory', 'memory: a program that takes more than its limit is killed', world => {
    needs('memory')
    world.bundle.config.linux.resources = { memory: { limit: 32 * MIB, swap: 32 * MIB } }
    world.bundle.config.process.args = ['tail', '/dev/zero']
    world.bundle.write()
    assert.equal(world.runtime.run(['run', '--bundle', world.bundle.path, world.id]).status, 137)
  }),

  defineCase('config-linux.md memory', 'memory: swap below the limit, or without one on v2, is an error', world => {
    needs('memory')
    refuses(world, { memory: { limit: 64 * MIB, swap: 32 * MIB } })
    if (isV2) refuses(world, { memory: { swap: 32 * MIB } })
  }),

  defineCase('config-linux.md memory', 'memory: swappiness beyond 100 is an error', world =>
    refuses(world, { memory: { swappiness: 101 } }),
  ),

  defineCase('config-linux.md memory', 'memory: a limit that is no number is an error', world =>
    refuses(world, { memory: { limit: 'much' } }),
  ),

  defineCase('config-linux.md cpu', 'cpu: CPUs and nodes are those that the program sees', world => {
    needs('cpuset')
    world.bundle.config.linux.resources = { cpu: { cpus: '0', mems: '0' } }
    const seen = world.output("grep -E '^(Cpus|Mems)_allowed_list' /proc/self/status")
    assert.equal(seen, 'Cpus_allowed_list:\t0\nMems_allowed_list:\t0\n')
  }),

  defineCase('config-linux.md cpu', 'cpu: what the kernel refuses is an error', world => {
    needs('cpu')
    refuses(world, { cpu: { quota: 1 } })
    refuses(world, { cpu: { quota: 20000, period: 20000, burst: 30000 } })
    if (!lacks('cpuset')) refuses(world, { cpu: { cpus: '4095' } })
    if (!lacks('cpuset')) refuses(world, { cpu: { mems: 'nonsense' } })
  }),

  defineCase('config-linux.md cpu', 'cpu: shares that the kernel would change in silence are an error on v1', world => {
    if (isV2) throw new Skip('v2 converts shares to a weight')
    refuses(world, { cpu: { shares: 1 } }, /minimum allowed cpu-shares is 2/)
    refuses(world, { cpu: { shares: 300000 } }, /maximum allowed cpu-shares is 262144/)
  }),

  defineCase('config-linux.md pids', 'pids: a program can start no more processes than its limit', world => {
    needs('pids')
    world.bundle.config.linux.resources = { pids: { limit: 24 } } // runtimes in Go need some for themselves
    const said = world.output('(i=0; while [ $i -lt 40 ]; do sleep 3 & i=$((i+1)); done; wait) 2>&1; true')
    assert.match(said, /fork/)
  }),

  defineCase(
    'config-linux.md huge-page-limits',
    'huge-page-limits: a size that the kernel has not is an error',
    world => {
      refuses(world, { hugepageLimits: [{ pageSize: '3MB', limit: 1 }] })
      refuses(world, { hugepageLimits: [{ pageSize: '../2MB', limit: 1 }] })
    },
  ),

  defineCase('config-linux.md rdma', 'rdma: limits of a device', world => {
    const rdma = { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } }
    // no machine of ours has such a device, and the kernel knows it by name
    if (lacks('rdma') || !existsSync('/sys/class/infiniband/mlx5_1')) refuses(world, { rdma }, /rdma/)
    else sets(world, { rdma }, [only('v2', 'rdma', 'rdma.max', /mlx5_1 hca_handle=3 hca_object=10000/)])
    refuses(world, { rdma: { mlx5_1: {} } })
  }),
]

const versions: readonly Case[] = [
  onV1('swappiness', { memory: { swappiness: 10 } }, [only('v1', 'memory', 'memory.swappiness', '10')], 'memory'),
  onV1(
    'disableOOMKiller',
    { memory: { disableOOMKiller: true } },
    [only('v1', 'memory', 'memory.oom_control', /oom_kill_disable 1/)],
    'memory',
  ),
  onV1(
    'a limit of kernel TCP memory',
    { memory: { kernelTCP: 32 * MIB } },
    [only('v1', 'memory', 'memory.kmem.tcp.limit_in_bytes', `${32 * MIB}`)],
    'memory',
  ),
  defineCase('config-linux.md cpu', 'cpu: realtime is set on v1, for new parents too, and refused on v2', world => {
    const resources = { cpu: { realtimeRuntime: 2000, realtimePeriod: 500000 } }
    if (isV2) return refuses(world, resources)
    if (!existsSync('/sys/fs/cgroup/cpu/cpu.rt_runtime_us')) throw new Skip('the kernel has no groups for realtime')
    sets(world, resources, [
      only('v1', 'cpu', 'cpu.rt_runtime_us', '2000'),
      only('v1', 'cpu', 'cpu.rt_period_us', '500000'),
    ])
  }),
]

export const resourceCases: readonly Case[] = [...table, ...behaviour, ...versions]
