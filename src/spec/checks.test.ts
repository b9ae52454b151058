import t from 'tap'
import { breaches as breachesOf } from './checks.ts'
import type { Draft } from './draft.ts'
import type { Spec } from './gen/types.ts'
import { sampleSpec } from './sample.ts'

/** Problems of these parts put in the place of the sample's, as "pointer: message". */
function breaches(parts: Draft<Spec>): string[] {
  const spec: Draft<Spec> = { ...sampleSpec(), ...parts, linux: { ...sampleSpec().linux, ...parts.linux } }
  return breachesOf(spec).map(problem => `${problem.pointer}: ${problem.message}`)
}

const process = (part: Draft<Spec['process']>): Draft<Spec> => ({ process: { ...sampleSpec().process, ...part } })
const linux = (part: Draft<Spec>['linux']): Draft<Spec> => ({ linux: part })
const seccomp = (part: NonNullable<Draft<Spec>['linux']>['seccomp']): Draft<Spec> => linux({ seccomp: part })
const mount = (part: NonNullable<NonNullable<Draft<Spec>['mounts']>[number]>): Draft<Spec> => ({ mounts: [part] })
type MemoryPolicy = NonNullable<Spec['linux']>['memoryPolicy'] & {}
const memoryPolicy = (mode: MemoryPolicy['mode'], nodes?: string, ...flags: MemoryPolicy['flags'] & {}): Draft<Spec> =>
  linux({ memoryPolicy: { mode, ...(nodes !== undefined && { nodes }), flags } })
const scheduler = (part: Draft<Spec['process']>['scheduler']): Draft<Spec> => process({ scheduler: part })
const DEADLINE = { policy: 'SCHED_DEADLINE', runtime: 5000, deadline: 6000, period: 7000 } as const
const RANGE = { containerID: 0, hostID: 100000, size: 65536 }
const USER = [{ type: 'user' }, { type: 'mount' }, { type: 'uts' }] as const
const mapped = (uidMappings: (typeof RANGE)[], gidMappings = uidMappings): Draft<Spec> =>
  linux({ namespaces: USER, uidMappings, gidMappings })

const PTS = { destination: '/dev/pts', type: 'devpts', options: ['gid=5'] } as const

const ACCEPTED: readonly Draft<Spec>[] = [
  {},
  { ociVersion: '1.0.2-dev' },
  { ociVersion: '1.0.0-rc.5+build.7' },
  process({ env: ['A=', '=C:=x', 'B=1=2'] }),
  process({ rlimits: [{ type: 'RLIMIT_CORE', soft: 5, hard: 18446744073709551615n }] }),
  process({ scheduler: { policy: 'SCHED_FIFO', priority: 5, nice: 0 } }),
  process({ scheduler: { policy: 'SCHED_FIFO', priority: 1, nice: 19 } }),
  process({ scheduler: { policy: 'SCHED_IDLE' } }),
  process({ scheduler: { policy: 'SCHED_RR', flags: ['SCHED_FLAG_KEEP_PARAMS'] } }),
  process({ scheduler: { policy: 'SCHED_DEADLINE', runtime: 1n << 60n, deadline: 1n << 60n, period: 1n << 61n } }),
  process({ scheduler: { policy: 'SCHED_DEADLINE', nice: 19, runtime: 42000, deadline: 1000000 } }),
  process({ execCPUAffinity: { initial: '', final: '0-3,7' } }),
  memoryPolicy('MPOL_BIND', '0-1,3', 'MPOL_F_STATIC_NODES', 'MPOL_F_NUMA_BALANCING'),
  memoryPolicy('MPOL_DEFAULT', undefined, 'MPOL_F_STATIC_NODES'),
  memoryPolicy('MPOL_LOCAL', ''),
  memoryPolicy('MPOL_PREFERRED'),
  linux({ personality: { domain: 'LINUX32', flags: [] } }),
  mount({ destination: 'relative', type: 'tmpfs' }),
  mount({ destination: '/a', source: '/b', options: ['rbind'] }),
  mount({ destination: '/a', options: ['remount', 'ro'] }),
  mount({ destination: '/a', options: ['rslave'] }),
  mount({ destination: '/a', source: '/b', options: ['bind'], uidMappings: [RANGE], gidMappings: [RANGE] }),
  mapped([RANGE, { containerID: 65536, hostID: 0, size: 1 }]),
  mapped([{ containerID: 0, hostID: 0, size: 4294967295 }]),
  linux({ namespaces: [{ type: 'user', path: '/proc/1/ns/user' }, { type: 'mount' }, { type: 'uts' }] }),
  linux({ devices: [{ path: '/dev/p', type: 'p' }] }),
  linux({ intelRdt: { closID: '/' } }),
  linux({ resources: { unified: { 'memory.high': '5' }, rdma: { mlx5: { hcaHandles: 1 } } } }),
  linux({ namespaces: [{ type: 'time' }, { type: 'uts' }, { type: 'mount' }], timeOffsets: { boottime: { secs: 5 } } }),
  linux({ netDevices: { 'eth0.5': { name: 'lan' } } }),
  linux({ netDevices: { eth0: { name: 'eth%d' }, eth1: { name: 'eth%d' }, eth2: { name: '' } } }),
  linux({ netDevices: { eth0: { name: 'eth1' }, eth1: { name: 'eth0' } } }),
  seccomp({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38 }),
]

t.test('what is right is accepted', t => {
  for (const [index, parts] of ACCEPTED.entries())
    t.same(breaches(parts), [], `${index}: ${JSON.stringify(Object.keys(parts))}`)
  t.end()
})

const UTS_MISSING = { namespaces: [{ type: 'mount' }] } as const

const REFUSED: readonly [Draft<Spec>, string][] = [
  [{ ociVersion: '2.0.0' }, '/ociVersion: must be a version 1.x.y of the runtime-spec; found "2.0.0"'],
  ...['1', '1.0', 'v1.0.0', '1.0.0-', '01.0.0', '', '1.0.0\n'].map((ociVersion): [Draft<Spec>, string] => [
    { ociVersion },
    '/ociVersion: ',
  ]),
  [{ root: { path: '' } }, '/root/path: invalid rootfs: the path must not be empty'],
  [process({ cwd: '' }), '/process/cwd: Cwd property must not be empty'],
  [process({ cwd: 'a/b' }), '/process/cwd: Cwd must be an absolute path; found "a/b"'],
  [process({ args: [''] }), '/process/args/0: '],
  [process({ env: ['A=1', 'B'] }), '/process/env/1: must have the form NAME=value; found "B"'],
  [
    process({ rlimits: [1, 2].map(value => ({ type: 'RLIMIT_CPU' as const, soft: value, hard: value })) }),
    '/process/rlimits/1/type: RLIMIT_CPU is given twice',
  ],
  [
    process({ rlimits: [{ type: 'RLIMIT_CPU', soft: 18446744073709551615n, hard: 5 }] }),
    '/process/rlimits/0/soft: must not be above the hard limit 5; found 18446744073709551615',
  ],
  [
    scheduler({ policy: 'SCHED_FIFO' }),
    '/process/scheduler/priority: must be from 1 to 99 with SCHED_FIFO; found none',
  ],
  [scheduler({ policy: 'SCHED_RR', priority: 0 }), '/process/scheduler/priority: must be from 1 to 99 with SCHED_RR'],
  [scheduler({ policy: 'SCHED_ISO' }), '/process/scheduler/policy: SCHED_ISO is reserved: no kernel has this policy'],
  [scheduler({ policy: 'SCHED_IDLE', runtime: 5 }), '/process/scheduler/runtime: is only for SCHED_DEADLINE; the'],
  [scheduler({ ...DEADLINE, runtime: 1023 }), '/process/scheduler/runtime: must be at least 1024 nanoseconds'],
  [scheduler({ ...DEADLINE, deadline: 4999 }), '/process/scheduler/deadline: must not be before the end of the'],
  [scheduler({ ...DEADLINE, period: 5999 }), '/process/scheduler/period: must not be shorter than the deadline of'],
  [scheduler({ ...DEADLINE, period: 2n ** 63n }), '/process/scheduler/period: must be below 2^63 nanoseconds; found'],
  ...['1-0', '0-', ',', '0,', ' 0', '0 ', '0x1', '-1', '0-8192', '1,,2', '1-2-3', 'all'].map(
    (final): [Draft<Spec>, string] => [
      process({ execCPUAffinity: { final } }),
      `/process/execCPUAffinity/final: must be a list such as "0-3,7" of numbers up to 8191; found "${final}"`,
    ],
  ),
  [
    process({ user: { uid: 0, gid: 0, additionalGids: Array.from({ length: 65537 }, (_, gid) => gid) } }),
    '/process/user/additionalGids: must have at most 65536 groups; found 65537',
  ],
  [process({ execCPUAffinity: { initial: 'x' } }), '/process/execCPUAffinity/initial: must be a list'],
  [memoryPolicy('MPOL_DEFAULT', '0'), '/linux/memoryPolicy/nodes: MPOL_DEFAULT takes no nodes; found "0"'],
  [memoryPolicy('MPOL_BIND'), '/linux/memoryPolicy/nodes: MPOL_BIND needs at least one node'],
  [memoryPolicy('MPOL_WEIGHTED_INTERLEAVE', ''), '/linux/memoryPolicy/nodes: MPOL_WEIGHTED_INTERLEAVE needs at least'],
  [
    memoryPolicy('MPOL_BIND', '1024'),
    '/linux/memoryPolicy/nodes: must be a list such as "0-3,7" of numbers up to 1023',
  ],
  [memoryPolicy('MPOL_PREFERRED', undefined, 'MPOL_F_STATIC_NODES'), '/linux/memoryPolicy/flags: say how nodes are'],
  [
    memoryPolicy('MPOL_BIND', '0', 'MPOL_F_STATIC_NODES', 'MPOL_F_RELATIVE_NODES'),
    '/linux/memoryPolicy/flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other',
  ],
  [memoryPolicy('MPOL_INTERLEAVE', '0', 'MPOL_F_NUMA_BALANCING'), '/linux/memoryPolicy/flags: MPOL_F_NUMA_BALANCING'],
  [
    linux({ personality: { domain: 'LINUX', flags: ['X'] } }),
    '/linux/personality/flags/0: no flags are supported; found',
  ],
  [process({ scheduler: { policy: 'SCHED_OTHER', priority: 1 } }), '/process/scheduler/priority: is only for'],
  [process({ scheduler: { policy: 'SCHED_OTHER', period: 1n << 60n } }), '/process/scheduler/period: is only for'],
  [{ hooks: { poststop: [{ path: 'bin/x' }] } }, '/hooks/poststop/0/path: must be an absolute path; found "bin/x"'],
  [{ hooks: { prestart: [{ path: '/x', env: ['A'] }] } }, '/hooks/prestart/0/env/0: must have the form NAME=value'],
  [mount({ destination: '', type: 'tmpfs' }), '/mounts/0/destination: must not be empty'],
  [mount({ destination: '/', type: 'tmpfs' }), "/mounts/0/destination: mounting on the container's root"],
  [mount({ destination: '/.//', type: 'tmpfs' }), "/mounts/0/destination: mounting on the container's root"],
  [mount({ destination: '/a' }), '/mounts/0/type: a mount that is no bind mount needs a type'],
  [mount({ destination: '/a', options: ['bind'] }), '/mounts/0/source: a bind mount needs a source'],
  [
    mount({ destination: '/a', source: '/b', options: ['bind'], uidMappings: [RANGE] }),
    '/mounts/0: uidMappings and gidMappings must be given together',
  ],
  [
    mount({ destination: '/a', type: 'tmpfs', uidMappings: [RANGE], gidMappings: [RANGE] }),
    '/mounts/0: only a bind mount can have id mappings',
  ],
  [
    linux({ namespaces: [{ type: 'uts' }, { type: 'mount' }, { type: 'uts', path: '/proc/1/ns/uts' }] }),
    '/linux/namespaces/2: malformed spec file: duplicated ns {uts /proc/1/ns/uts}',
  ],
  [
    linux({ namespaces: [{ type: 'uts', path: 'x' }, { type: 'mount' }] }),
    '/linux/namespaces/0/path: must be an absolute path; found "x"',
  ],
  [{ hostname: 'h', linux: UTS_MISSING }, '/hostname: unable to set hostname without a private UTS namespace'],
  [
    { hostname: undefined, domainname: 'd', linux: UTS_MISSING },
    '/domainname: unable to set domainname without a private UTS namespace',
  ],
  [{ hostname: 'é'.repeat(33) }, '/hostname: must have at most 64 bytes'],
  [linux({ uidMappings: [RANGE] }), '/linux/uidMappings: user namespace mappings specified, but'],
  [linux({ gidMappings: [RANGE] }), '/linux/gidMappings: user namespace mappings specified, but'],
  [linux({ namespaces: USER }), '/linux/uidMappings: user namespaces enabled, but no namespace path to join nor'],
  [
    { ...mapped([RANGE], [{ containerID: 0, hostID: 5, size: 5 }]), mounts: [PTS] },
    '/mounts/0/options/0: cannot specify gid= mount options for unmapped gid: 5 is in no range of /linux/gidMappings',
  ],
  [mapped([RANGE], []), '/linux/gidMappings: a new user namespace needs group ids too'],
  [mapped([], [RANGE]), '/linux/uidMappings: a new user namespace needs user ids too'],
  [mapped([RANGE], [RANGE, { containerID: 65535, hostID: 5, size: 2 }]), '/linux/gidMappings/1/containerID: the range'],
  [mapped([RANGE], [RANGE, { containerID: 70000, hostID: 99999, size: 2 }]), '/linux/gidMappings/0/hostID: the range'],
  [mapped([RANGE], [{ containerID: 1, hostID: 0, size: 4294967295 }]), '/linux/gidMappings/0/size: the range goes'],
  [linux({ timeOffsets: {} }), '/linux/timeOffsets: needs a time namespace'],
  [
    linux({ namespaces: [{ type: 'time', path: '/x' }, { type: 'uts' }, { type: 'mount' }], timeOffsets: {} }),
    '/linux/timeOffsets: the time namespace that is joined',
  ],
  [
    linux({ namespaces: [{ type: 'uts' }, { type: 'mount' }], netDevices: { eth0: {} } }),
    '/linux/netDevices: needs a network namespace',
  ],
  [linux({ netDevices: { 'a/b': {} } }), '/linux/netDevices/a~1b: is not the name of a network interface'],
  [linux({ netDevices: { eth0: { name: 'sixteen-letters!' } } }), '/linux/netDevices/eth0/name: is not a name'],
  [linux({ netDevices: { eth0: { name: 'a b' } } }), '/linux/netDevices/eth0/name: is not a name'],
  [linux({ netDevices: { eth0: { name: '..' } } }), '/linux/netDevices/eth0/name: is not a name'],
  [linux({ netDevices: { eth0: { name: 'a%s' } } }), '/linux/netDevices/eth0/name: may have one "%d"'],
  [linux({ netDevices: { eth0: { name: 'a%d%d' } } }), '/linux/netDevices/eth0/name: may have one "%d"'],
  [
    linux({ netDevices: { eth0: { name: 'lan' }, lan: {} } }),
    '/linux/netDevices/lan: the name lan inside is already that of /linux/netDevices/eth0',
  ],
  [linux({ maskedPaths: ['/a', 'b'] }), '/linux/maskedPaths/1: must be an absolute path; found "b"'],
  [linux({ readonlyPaths: ['b'] }), '/linux/readonlyPaths/0: must be an absolute path; found "b"'],
  [
    linux({ namespaces: [{ type: 'uts' }], maskedPaths: [] }),
    '/linux/readonlyPaths: unable to restrict sys entries without a private MNT namespace',
  ],
  [
    linux({ devices: [{ path: 'dev/x', type: 'c', major: 1, minor: 1 }] }),
    '/linux/devices/0/path: must be an absolute path; found "dev/x"',
  ],
  [linux({ devices: [{ path: '/dev/x', type: 'b', major: 1 }] }), '/linux/devices/0/minor: is missing'],
  [
    linux({ resources: { blockIO: { weightDevice: [{ major: 8, minor: 0 }] } } }),
    '/linux/resources/blockIO/weightDevice/0: needs a weight',
  ],
  [linux({ resources: { rdma: { mlx5: {} } } }), '/linux/resources/rdma/mlx5: needs hcaHandles'],
  [
    linux({ resources: { unified: { '../memory.max': '5' } } }),
    '/linux/resources/unified/..~1memory.max: is not the name of a file in a cgroup',
  ],
  ...['info', 'mon_groups', 'mon_data'].map((closID): [Draft<Spec>, string] => [
    linux({ intelRdt: { closID } }),
    `/linux/intelRdt/closID: ${closID} is a directory that resctrl has by itself`,
  ]),
  [linux({ intelRdt: { l3CacheSchema: 'L3:0=f\nMB:0=1' } }), '/linux/intelRdt/l3CacheSchema: must be one line'],
  ...['', '.', '..', 'a/b', '/a', 'a\nb'].map((closID): [Draft<Spec>, string] => [
    linux({ intelRdt: { closID } }),
    '/linux/intelRdt/closID: must be a name',
  ]),
  [
    seccomp({ defaultAction: 'SCMP_ACT_ALLOW', listenerMetadata: 'x' }),
    '/linux/seccomp/listenerMetadata: must not be set without listenerPath',
  ],
  [
    seccomp({ defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/x' }),
    '/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be the default',
  ],
  [
    seccomp({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mount'], action: 'SCMP_ACT_NOTIFY' }] }),
    '/linux/seccomp/syscalls/0/action: SCMP_ACT_NOTIFY needs a listenerPath',
  ],
  [
    seccomp({
      defaultAction: 'SCMP_ACT_ALLOW',
      listenerPath: '/x',
      syscalls: [{ names: ['write'], action: 'SCMP_ACT_NOTIFY' }],
    }),
    '/linux/seccomp/syscalls/0/names: SCMP_ACT_NOTIFY cannot be used for write',
  ],
  [
    seccomp({ defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1 }),
    '/linux/seccomp/defaultErrnoRet: SCMP_ACT_ALLOW returns no number',
  ],
  [
    seccomp({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['a'], action: 'SCMP_ACT_KILL', errnoRet: 1 }] }),
    '/linux/seccomp/syscalls/0/errnoRet: SCMP_ACT_KILL returns no number',
  ],
  [
    seccomp({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 4096 }),
    '/linux/seccomp/defaultErrnoRet: must be at most 4095 with SCMP_ACT_ERRNO; found 4096',
  ],
  [
    seccomp({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names: ['a'], action: 'SCMP_ACT_TRACE', errnoRet: 65535 },
        { names: ['a'], action: 'SCMP_ACT_TRACE', errnoRet: 65536 },
      ],
    }),
    '/linux/seccomp/syscalls/1/errnoRet: must be at most 65535 with SCMP_ACT_TRACE; found 65536',
  ],
  [
    seccomp({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        {
          names: ['a'],
          action: 'SCMP_ACT_ERRNO',
          args: [
            { index: 5, op: 'SCMP_CMP_EQ', value: 0 },
            { index: 6, op: 'SCMP_CMP_EQ', value: 0 },
          ],
        },
      ],
    }),
    '/linux/seccomp/syscalls/0/args/1/index: must be at most 5: system calls have 6 arguments; found 6',
  ],
  [
    seccomp({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['a', ''], action: 'SCMP_ACT_KILL' }] }),
    '/linux/seccomp/syscalls/0/names: must not hold an empty name',
  ],
]

t.test('each breach is found, and nothing beside it', t => {
  for (const [parts, start] of REFUSED) {
    const found = breaches(parts)
    t.ok(found.length === 1 && found[0]?.startsWith(start), `${start}\n${found.join('\n')}`)
  }
  t.end()
})

t.test('missing parts are no breach, and stop no check', t => {
  const gaps: Draft<Spec> = {
    process: { env: [undefined], rlimits: [undefined, {}], scheduler: {} },
    mounts: [undefined],
    hooks: { poststop: [undefined, {}] },
    linux: {
      namespaces: [undefined, {}, { type: 'user' }, { type: 'mount' }],
      uidMappings: [undefined, {}],
      gidMappings: [{ containerID: 0 }],
      devices: [undefined, {}],
      maskedPaths: [undefined],
      resources: { rdma: { a: undefined }, blockIO: {} },
      netDevices: {},
      seccomp: { syscalls: [undefined, {}] },
    },
  }
  for (const spec of [{}, gaps]) t.same(breachesOf(spec), [])
  t.end()
})
