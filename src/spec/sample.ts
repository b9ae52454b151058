// The config.json that `tsrunc spec` writes: a shell in namespaces of its own, as `runc spec` has it, so that guides
// written for runc hold. A caller that knows the machine says what it has.
import type { Mount, Namespace, Spec } from './gen/types.ts'

/** Version of the runtime-spec that this runtime follows. */
export const SPEC_VERSION = '1.3.0'

export interface SampleOptions {
  /** For a user without privileges: a user namespace, the host's network, and no cgroup limits. */
  readonly rootless?: boolean
  /** Whether the host has cgroup v2 only; the container then gets a cgroup namespace. */
  readonly cgroupV2?: boolean
  /** Ids that root inside is outside, when rootless. */
  readonly uid?: number
  readonly gid?: number
}

const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'] as const

const MOUNTS: readonly Mount[] = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
]

/** What tells about the host, or lets a process reach beyond its namespaces. */
const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/sys/firmware',
  '/proc/scsi',
]
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** Without privileges sysfs cannot be mounted unless the network namespace is new, and few ids are mapped. */
const rootlessMount = (mount: Mount): Mount =>
  mount.type === 'sysfs'
    ? { ...mount, type: 'none', source: '/sys', options: ['rbind', ...(mount.options ?? [])] }
    : { ...mount, ...(mount.options && { options: mount.options.filter(option => !/^[ug]id=/.test(option)) }) }

function namespaces({ rootless, cgroupV2 }: SampleOptions): Namespace[] {
  const types: Namespace['type'][] = rootless
    ? ['pid', 'ipc', 'uts', 'mount', 'user']
    : ['pid', 'network', 'ipc', 'uts', 'mount']
  if (cgroupV2) types.push('cgroup')
  return types.map(type => ({ type }))
}

export function sampleSpec(options: SampleOptions = {}): Spec {
  const { rootless = false, uid = 0, gid = 0 } = options
  const isolation = rootless
    ? {
        uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
        gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
      }
    : { resources: { devices: [{ allow: false, access: 'rwm' }] } }
  return {
    ociVersion: SPEC_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'tsrunc',
    mounts: rootless ? MOUNTS.map(rootlessMount) : MOUNTS,
    linux: {
      ...isolation,
      namespaces: namespaces(options),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  }
}
