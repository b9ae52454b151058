// Every property of config.json, and what becomes of it: which part of tsrunc applies it, why it is ignored, or that it
// is refused because it is not applied yet. Silence is not among the choices: a test compares the rows with the
// properties of schemas/config.schema.json in both directions, and a config that sets a refused one is not run.
import { type Problem, UnsupportedError } from '../errors.ts'
import type { Spec } from '../spec/gen/types.ts'
import { pointer } from './context.ts'

export type Fate =
  | { readonly kind: 'applied' /** A file below src/, without its ending. */; readonly by: string }
  | { readonly kind: 'ignored'; readonly because: string }
  | { readonly kind: 'refused' /** A phrase for the error. */; readonly what: string }

const applied = (by: string): Fate => ({ kind: 'applied', by })
const ignored = (because: string): Fate => ({ kind: 'ignored', because })
const refused = (what: string): Fate => ({ kind: 'refused', what })

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
  '/process/apparmorProfile': refused('AppArmor profiles'),
  '/process/selinuxLabel': refused('SELinux labels'),
  ...all(refused('scheduling policies'), '/process/scheduler', [
    'policy',
    'nice',
    'priority',
    'flags',
    'runtime',
    'deadline',
    'period',
  ]),
  ...all(refused('I/O priorities'), '/process/ioPriority', ['class', 'priority']),
  ...all(ignored('of processes that join a container, not of the first'), '/process/execCPUAffinity', [
    'initial',
    'final',
  ]),

  ...all(applied('plan/mounts'), '/mounts', items(['destination', 'type', 'source', 'options'])),
  ...all(refused('id-mapped mounts'), '/mounts/*/uidMappings', items(MAPPING)),
  ...all(refused('id-mapped mounts'), '/mounts/*/gidMappings', items(MAPPING)),

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
  '/linux/mountLabel': refused('SELinux labels of mounts'),
  ...all(refused('network devices'), '/linux/netDevices', ['*', '*/name']),
  ...all(refused('execution domains'), '/linux/personality', ['domain', 'flags']),
  ...all(refused('memory policies'), '/linux/memoryPolicy', ['mode', 'nodes', 'flags']),
  ...all(refused('Intel RDT'), '/linux/intelRdt', [
    'closID',
    'schemata',
    'l3CacheSchema',
    'memBwSchema',
    'enableMonitoring',
  ]),
  ...all(refused('seccomp filters'), '/linux/seccomp', [
    'defaultAction',
    'defaultErrnoRet',
    'architectures',
    'flags',
    'listenerPath',
    'listenerMetadata',
    'syscalls',
    ...['names', 'action', 'errnoRet', 'args'].map(name => `syscalls/*/${name}`),
    ...['index', 'value', 'valueTwo', 'op'].map(name => `syscalls/*/args/*/${name}`),
  ]),

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

/** What the config asks for and would not get. An empty text, list or object asks for nothing. */
export function refusals(spec: Spec): Problem[] {
  const found: Problem[] = []
  const visit = (value: unknown, pattern: string, place: string): void => {
    if (asksForNothing(value)) return
    const fate = FIELDS[pattern]
    if (fate?.kind === 'refused') {
      const name = pattern.split('/').pop()
      found.push({ pointer: place, message: `${name}: ${fate.what} are not supported yet` })
    } else if (Array.isArray(value)) {
      value.forEach((item, index) => {
        visit(item, `${pattern}/*`, place + pointer(index))
      })
    } else if (typeof value === 'object' && value !== null)
      for (const [key, item] of Object.entries(value)) {
        const known = `${pattern}/${key}` in FIELDS
        visit(item, `${pattern}/${known ? key : '*'}`, place + pointer(key))
      }
  }
  visit(spec, '', '')
  return found
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || value === false || isEmpty(value)

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0

/** An object inside is something, even without properties: a network device that keeps its name. */
const asksForNothing = (value: unknown): boolean =>
  isNothing(value) || (typeof value === 'object' && value !== null && Object.values(value).every(isNothing))

/** Nothing is run without what its config asks for. */
export function refuseUnsupported(spec: Spec): void {
  const problems = refusals(spec)
  const [first] = problems
  if (first === undefined) return
  const others = problems.slice(1).map(problem => problem.pointer)
  const more = others.length === 0 ? '' : ` (also refused: ${others.join(', ')})`
  throw new UnsupportedError(`${first.pointer}: ${first.message}${more}`, {
    where: first.pointer,
    hint: 'take it out of config.json to run the container without it',
  })
}
