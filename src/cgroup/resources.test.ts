import { readFileSync } from 'node:fs'
import t from 'tap'
import { SpecError, UnsupportedError } from '../errors.ts'
import type { Resources } from '../spec/gen/types.ts'
import { ROWS, resourceWrites, type Version } from './resources.ts'

const lines = (resources: Resources, version: Version): string[] =>
  resourceWrites(resources, () => version).map(write => `${write.controller} ${write.file} ${write.value}`)
const both = (resources: Resources) => [lines(resources, 'v1'), lines(resources, 'v2')]

interface Schema {
  readonly properties?: Record<string, Schema>
  readonly $ref?: string
}

t.test('every property of the schema has a row, and every row a property', async t => {
  const root = new URL('../../', import.meta.url)
  const folder = root.pathname.endsWith('/dist/') ? new URL('../', root) : root
  const schema = JSON.parse(readFileSync(new URL('schemas/config.schema.json', folder), 'utf8'))
  const definitions: Record<string, Schema> = schema.definitions ?? schema.$defs
  const resolve = (it: Schema): Schema => (it.$ref ? (definitions[it.$ref.split('/').at(-1) ?? ''] ?? {}) : it)
  const found: string[] = []
  for (const [section, of] of Object.entries(definitions.Resources?.properties ?? {})) {
    const { properties } = resolve(of)
    found.push(...(properties ? Object.keys(properties).map(key => `${section}/${key}`) : [section]))
  }
  t.ok(found.length > 25, `${found.length} properties`)
  t.same(ROWS.map(row => row.field).sort(), found.sort())
})

t.test('memory', async t => {
  t.same(both({ memory: { limit: 100, swap: 300, reservation: 50 } }), [
    [
      'memory memory.limit_in_bytes 100',
      'memory memory.memsw.limit_in_bytes 300',
      'memory memory.soft_limit_in_bytes 50',
    ],
    ['memory memory.max 100', 'memory memory.swap.max 200', 'memory memory.low 50'],
  ])
  t.same(both({ memory: { limit: -1 } }), [
    ['memory memory.limit_in_bytes -1', 'memory memory.memsw.limit_in_bytes -1'],
    ['memory memory.swap.max max', 'memory memory.max max'],
  ])
  t.same(lines({ memory: { limit: 7, swap: 7 } }, 'v2'), ['memory memory.max 7', 'memory memory.swap.max 0'])
  t.same(lines({ memory: { limit: 2n ** 63n - 1n } }, 'v1'), ['memory memory.limit_in_bytes 9223372036854775807'])
  t.same(both({ memory: { limit: 0, swap: 0, reservation: 0, kernel: 0, kernelTCP: 0, useHierarchy: true } }), [[], []])
  t.same(both({ memory: { kernel: -1, kernelTCP: -1 } }), [
    ['memory memory.kmem.limit_in_bytes -1', 'memory memory.kmem.tcp.limit_in_bytes -1'],
    [],
  ])
  t.same(lines({ memory: { kernel: 5, kernelTCP: 6 } }, 'v1'), [
    'memory memory.kmem.limit_in_bytes 5',
    'memory memory.kmem.tcp.limit_in_bytes 6',
  ])
  t.same(lines({ memory: { swappiness: 0, disableOOMKiller: true } }, 'v1'), [
    'memory memory.swappiness 0',
    'memory memory.oom_control 1',
  ])
  t.same(both({ memory: { disableOOMKiller: false } }), [[], []])
  t.throws(() => lines({ memory: { swap: 5 } }, 'v2'), { name: 'SpecError', where: '/linux/resources/memory/swap' })
  t.throws(() => lines({ memory: { limit: 6, swap: 5 } }, 'v2'), {
    name: 'SpecError',
    where: '/linux/resources/memory/swap',
  })
  t.throws(() => lines({ memory: { swappiness: 101 } }, 'v1'), { message: /found 101, allowed is 0 to 100/ })
})

t.test('cpu', async t => {
  t.same(both({ cpu: { shares: 1024, quota: 50000, period: 200000, burst: 10 } }), [
    ['cpu cpu.shares 1024', 'cpu cpu.cfs_period_us 200000', 'cpu cpu.cfs_quota_us 50000', 'cpu cpu.cfs_burst_us 10'],
    ['cpu cpu.weight 100', 'cpu cpu.max 50000 200000', 'cpu cpu.max.burst 10'],
  ])
  t.same(lines({ cpu: { quota: -1 } }, 'v2'), ['cpu cpu.max max 100000'])
  t.same(lines({ cpu: { period: 5000 } }, 'v2'), ['cpu cpu.max max 5000'])
  t.same(both({ cpu: { shares: 0, quota: 0, period: 0, cpus: '', mems: '' } }), [[], []])
  t.same(both({ cpu: { cpus: '0-1', mems: '0' } }), [
    ['cpuset cpuset.cpus 0-1', 'cpuset cpuset.mems 0'],
    ['cpuset cpuset.cpus 0-1', 'cpuset cpuset.mems 0'],
  ])
  t.same(
    both({ cpu: { idle: 1, shares: 512 } }),
    [['cpu cpu.idle 1'], ['cpu cpu.idle 1']],
    'an idle group has no weight',
  )
  t.same(lines({ cpu: { idle: 0, shares: 1024 } }, 'v2'), ['cpu cpu.idle 0', 'cpu cpu.weight 100'])
  t.same(lines({ cpu: { realtimeRuntime: 900, realtimePeriod: 1000 } }, 'v1'), [
    'cpu cpu.rt_period_us 1000',
    'cpu cpu.rt_runtime_us 900',
  ])
})

t.test('block devices', async t => {
  const device = { major: 8, minor: 16 }
  const blockIO = {
    weight: 500,
    weightDevice: [{ ...device, weight: 100 }],
    throttleReadBpsDevice: [{ ...device, rate: 2n ** 53n + 1n }],
    throttleWriteBpsDevice: [{ ...device, rate: 0 }],
    throttleReadIOPSDevice: [{ ...device, rate: 3 }],
    throttleWriteIOPSDevice: [{ ...device, rate: 4 }],
  }
  t.same(both({ blockIO }), [
    [
      'blkio blkio.weight 500',
      'blkio blkio.weight_device 8:16 100',
      'blkio blkio.throttle.read_bps_device 8:16 9007199254740993',
      'blkio blkio.throttle.write_bps_device 8:16 0',
      'blkio blkio.throttle.read_iops_device 8:16 3',
      'blkio blkio.throttle.write_iops_device 8:16 4',
    ],
    [
      'io io.bfq.weight 500',
      'io io.bfq.weight 8:16 100',
      'io io.max 8:16 rbps=9007199254740993',
      'io io.max 8:16 wbps=max',
      'io io.max 8:16 riops=3',
      'io io.max 8:16 wiops=4',
    ],
  ])
  const others = (version: Version) => resourceWrites({ blockIO }, () => version).map(write => write.otherwise?.value)
  t.same(others('v1').slice(0, 2), ['500', '8:16 100'])
  t.same(others('v2').slice(0, 2), ['default 4950', '8:16 910'])
  t.throws(() => lines({ blockIO: { weight: 5 } }, 'v2'), SpecError)
  t.throws(() => lines({ blockIO: { weightDevice: [{ ...device, leafWeight: 10 }] } }, 'v2'), {
    name: 'UnsupportedError',
    where: '/linux/resources/blockIO/weightDevice/0/leafWeight',
  })
})

t.test('the others', async t => {
  const late = (version: Version) => resourceWrites({ pids: { limit: 0 } }, () => version).map(write => write.late)
  t.same(both({ pids: { limit: 0 } }), [['pids pids.max 0'], ['pids pids.max 0']], '0 is a limit')
  t.same([late('v1'), late('v2')], [[true], [true]])
  t.same(both({ pids: { limit: -1 } }), [['pids pids.max max'], ['pids pids.max max']])
  t.same(both({ hugepageLimits: [{ pageSize: '2MB', limit: 4096 }] }), [
    ['hugetlb hugetlb.2MB.limit_in_bytes 4096', 'hugetlb hugetlb.2MB.rsvd.limit_in_bytes 4096'],
    ['hugetlb hugetlb.2MB.max 4096', 'hugetlb hugetlb.2MB.rsvd.max 4096'],
  ])
  t.throws(() => lines({ hugepageLimits: [{ pageSize: '../2MB', limit: 1 }] }, 'v1'), SpecError)
  t.same(lines({ network: { classID: 0x100001, priorities: [{ name: 'eth0', priority: 5 }] } }, 'v1'), [
    'net_cls net_cls.classid 1048577',
    'net_prio net_prio.ifpriomap eth0 5',
  ])
  t.same(lines({ rdma: { mlx5_1: { hcaHandles: 3 }, 'a/b': { hcaObjects: 0 } } }, 'v2'), [
    'rdma rdma.max mlx5_1 hca_handle=3',
    'rdma rdma.max a/b hca_object=0',
  ])
})

t.test('files of v2 by name come last, a line at a time', async t => {
  const unified = { 'io.max': '8:0 rbps=1\n8:16 rbps=2\n', 'memory.high': '5' }
  t.same(lines({ unified, pids: { limit: 1 } }, 'v2'), [
    'pids pids.max 1',
    'io io.max 8:0 rbps=1',
    'io io.max 8:16 rbps=2',
    'memory memory.high 5',
  ])
  t.throws(() => lines({ unified }, 'v1'), { name: 'UnsupportedError', where: '/linux/resources/unified' })
  for (const name of ['', '.', '..', 'a/b', '../cgroup.procs'])
    t.throws(() => lines({ unified: { [name]: '1' } }, 'v2'), SpecError, JSON.stringify(name))
})

t.test('what only v1 has is refused by name on v2, unless it asks for nothing', async t => {
  const cases: [Resources, string][] = [
    [{ memory: { swappiness: 10 } }, 'memory/swappiness'],
    [{ memory: { disableOOMKiller: true } }, 'memory/disableOOMKiller'],
    [{ memory: { kernel: 1 } }, 'memory/kernel'],
    [{ memory: { kernelTCP: 1 } }, 'memory/kernelTCP'],
    [{ cpu: { realtimeRuntime: 1 } }, 'cpu/realtimeRuntime'],
    [{ cpu: { realtimePeriod: 1 } }, 'cpu/realtimePeriod'],
    [{ blockIO: { leafWeight: 10 } }, 'blockIO/leafWeight'],
    [{ network: { classID: 1 } }, 'network/classID'],
    [{ network: { priorities: [{ name: 'lo', priority: 1 }] } }, 'network/priorities'],
  ]
  for (const [resources, field] of cases) {
    const error = { name: UnsupportedError.name, where: `/linux/resources/${field}` }
    t.throws(() => lines(resources, 'v2'), error, field)
  }
  const nothing: Resources = {
    cpu: { realtimeRuntime: 0, realtimePeriod: 0 },
    blockIO: { leafWeight: 0, weightDevice: [] },
    network: { classID: 0, priorities: [] },
  }
  t.same(lines(nothing, 'v2'), [])
})
