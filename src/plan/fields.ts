// Every property of config.json, and what becomes of it: which part of tsrunc applies it, or why it is ignored. Silence
// is not among the choices: a test compares the rows with the properties of schemas/config.schema.json in both
// directions. For readers and that test: a plan goes without.

export type Fate =
  | { readonly kind: 'applied' /** A file below src/, without its ending. */; readonly by: string }
  | { readonly kind: 'ignored'; readonly because: string }

const applied = (by: string): Fate => ({ kind: 'applied', by })
const ignored = (because: string): Fate => ({ kind: 'ignored', because })

const OTHER_PLATFORM = ignored('of another platform')
const MAPPING = ['containerID', 'hostID', 'size']
const THROTTLE = ['major', 'minor', 'rate']
const HOOK = ['path', 'args', 'env', 'timeout']

/** The property itself and, below it or below each of its items, some more of the same fate. */
function all(fate: Fate, path: string, below: readonly string[] = []): Record<string, Fate> {
  return Object.fromEntries([path, ...below.map(name => `${path}/${name}`)].map(key => [key, fate]))
}
const items = (names: readonly string[]): string[] => names.map(name => `*/${name}`)

/** By JSON Pointer; `*` is any index of a list or any key of a map. */
export const FIELDS: Readonly<Record<string, Fate>> = {
  '/ociVersion': applied('spec/checks'),
  '/annotations': applied('runtime/query'),
  '/annotations/*': applied('runtime/query'),
  '/root': applied('plan/rootfs'),
  '/root/path': applied('runtime/facts'),
  '/root/readonly': applied('plan/rootfs'),
  '/hostname': applied('plan/sysctl'),
  '/domainname': applied('plan/sysctl'),

  '/process': applied('plan/init'),
  '/process/terminal': applied('plan/console'),
  ...all(applied('plan/console'), '/process/consoleSize', ['height', 'width']),
  '/process/user': applied('plan/identity'),
  '/process/user/uid': applied('plan/identity'),
  '/process/user/gid': applied('plan/identity'),
  '/process/user/umask': applied('plan/process'),
  '/process/user/additionalGids': applied('plan/identity'),
  '/process/user/username': OTHER_PLATFORM,
  '/process/args': applied('plan/lookup'),
  '/process/commandLine': OTHER_PLATFORM,
  '/process/env': applied('plan/environment'),
  '/process/cwd': applied('plan/process'),
  ...all(applied('plan/capabilities'), '/process/capabilities', [
    'bounding',
    'effective',
    'inheritable',
    'permitted',
    'ambient',
  ]),
  ...all(applied('plan/limits'), '/process/rlimits', items(['type', 'soft', 'hard'])),
  '/process/noNewPrivileges': applied('plan/process'),
  '/process/oomScoreAdj': applied('plan/process'),
  '/process/apparmorProfile': applied('plan/labels'),
  '/process/selinuxLabel': applied('plan/labels'),
  ...all(applied('plan/scheduling'), '/process/scheduler', [
    'policy',
    'nice',
    'priority',
    'flags',
    'runtime',
    'deadline',
    'period',
  ]),
  ...all(applied('plan/scheduling'), '/process/ioPriority', ['class', 'priority']),
  ...all(ignored('of processes that join a container, not of the first'), '/process/execCPUAffinity', [
    'initial',
    'final',
  ]),

  ...all(applied('plan/mounts'), '/mounts', items(['destination', 'type', 'source', 'options'])),
  ...all(applied('plan/id-mapped'), '/mounts/*/uidMappings', items(MAPPING)),
  ...all(applied('plan/id-mapped'), '/mounts/*/gidMappings', items(MAPPING)),

  '/hooks': applied('plan/hooks'),
  ...all(applied('runtime/hooks'), '/hooks/prestart', items(HOOK)),
  ...all(applied('runtime/hooks'), '/hooks/createRuntime', items(HOOK)),
  ...all(applied('plan/hooks'), '/hooks/createContainer', items(HOOK)),
  ...all(applied('plan/hooks'), '/hooks/startContainer', items(HOOK)),
  ...all(applied('runtime/hooks'), '/hooks/poststart', items(HOOK)),
  ...all(applied('runtime/hooks'), '/hooks/poststop', items(HOOK)),

  '/linux': applied('plan/init'),
  ...all(applied('plan/namespaces'), '/linux/namespaces', items(['type', 'path'])),
  ...all(applied('runtime/id-maps'), '/linux/uidMappings', items(MAPPING)),
  ...all(applied('runtime/id-maps'), '/linux/gidMappings', items(MAPPING)),
  ...all(applied('plan/namespaces'), '/linux/timeOffsets', [
    'monotonic',
    'monotonic/secs',
    'monotonic/nanosecs',
    'boottime',
    'boottime/secs',
    'boottime/nanosecs',
  ]),
  ...all(
    applied('plan/devices'),
    '/linux/devices',
    items(['path', 'type', 'major', 'minor', 'fileMode', 'uid', 'gid']),
  ),
  ...all(applied('plan/sysctl'), '/linux/sysctl', ['*']),
  '/linux/rootfsPropagation': applied('plan/rootfs'),
  '/linux/maskedPaths': applied('plan/paths'),
  '/linux/readonlyPaths': applied('plan/paths'),
  '/linux/mountLabel': applied('plan/labels'),
  ...all(applied('runtime/net-devices'), '/linux/netDevices', ['*', '*/name']),
  ...all(applied('plan/process'), '/linux/personality', ['domain', 'flags']),
  ...all(applied('plan/scheduling'), '/linux/memoryPolicy', ['mode', 'nodes', 'flags']),
  ...all(applied('runtime/intel-rdt'), '/linux/intelRdt', [
    'closID',
    'schemata',
    'l3CacheSchema',
    'memBwSchema',
    'enableMonitoring',
  ]),
  ...all(applied('plan/seccomp/compile'), '/linux/seccomp', [
    'defaultAction',
    'defaultErrnoRet',
    'architectures',
    'flags',
    'syscalls',
    ...['names', 'action', 'errnoRet', 'args'].map(name => `syscalls/*/${name}`),
    ...['index', 'value', 'valueTwo', 'op'].map(name => `syscalls/*/args/*/${name}`),
  ]),
  ...all(applied('runtime/seccomp'), '/linux/seccomp/listenerPath'),
  ...all(applied('runtime/seccomp'), '/linux/seccomp/listenerMetadata'),

  '/linux/cgroupsPath': applied('cgroup/manager'),
  '/linux/resources': applied('cgroup/resources'),
  ...all(applied('cgroup/devices'), '/linux/resources/devices', items(['allow', 'type', 'major', 'minor', 'access'])),
  ...all(applied('cgroup/resources'), '/linux/resources/memory', [
    'limit',
    'reservation',
    'swap',
    'kernel',
    'kernelTCP',
    'swappiness',
    'disableOOMKiller',
    'useHierarchy',
    'checkBeforeUpdate',
  ]),
  ...all(applied('cgroup/resources'), '/linux/resources/cpu', [
    'shares',
    'quota',
    'burst',
    'period',
    'realtimeRuntime',
    'realtimePeriod',
    'cpus',
    'mems',
    'idle',
  ]),
  ...all(applied('cgroup/resources'), '/linux/resources/pids', ['limit']),
  ...all(applied('cgroup/resources'), '/linux/resources/blockIO', [
    'weight',
    'leafWeight',
    'weightDevice',
    ...['major', 'minor', 'weight', 'leafWeight'].map(name => `weightDevice/*/${name}`),
  ]),
  ...all(applied('cgroup/resources'), '/linux/resources/blockIO/throttleReadBpsDevice', items(THROTTLE)),
  ...all(applied('cgroup/resources'), '/linux/resources/blockIO/throttleWriteBpsDevice', items(THROTTLE)),
  ...all(applied('cgroup/resources'), '/linux/resources/blockIO/throttleReadIOPSDevice', items(THROTTLE)),
  ...all(applied('cgroup/resources'), '/linux/resources/blockIO/throttleWriteIOPSDevice', items(THROTTLE)),
  ...all(applied('cgroup/resources'), '/linux/resources/hugepageLimits', items(['pageSize', 'limit'])),
  ...all(applied('cgroup/resources'), '/linux/resources/network', [
    'classID',
    'priorities',
    'priorities/*/name',
    'priorities/*/priority',
  ]),
  ...all(applied('cgroup/resources'), '/linux/resources/rdma', ['*', '*/hcaHandles', '*/hcaObjects']),
  ...all(applied('cgroup/resources'), '/linux/resources/unified', ['*']),

  '/solaris': OTHER_PLATFORM,
  '/windows': OTHER_PLATFORM,
  '/vm': OTHER_PLATFORM,
  '/zos': OTHER_PLATFORM,
  '/freebsd': OTHER_PLATFORM,
}
