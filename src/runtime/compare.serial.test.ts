// What a container sees under tsrunc and under Debian's runc: the configs of `runc spec` and of containerd, unchanged,
// and variations of what they say about the process and its cgroup. Mounts, namespaces and terminals have files of
// their own beside this one.
import t from 'tap'
import { type Accepted, asUser, compareAll, type Variation } from './fixtures/compare.ts'
import { cannotCompare } from './fixtures/side-by-side.ts'

const MANY =
  'AUDIT_READ AUDIT_WRITE BPF CHOWN DAC_OVERRIDE FOWNER LEASE MKNOD NET_ADMIN PERFMON SETFCAP SYS_ADMIN SYS_TIME'
    .split(' ')
    .map(name => `CAP_${name}`)

const ACCEPTED: readonly Accepted[] = [
  {
    line: /^mounts: [-+] \/sys\/fs\/cgroup on \/sys 3 0 \/ r[ow],/,
    reason:
      'the mount of the cgroups is asked for read-only: so is the tmpfs that holds them, which runc leaves writable',
  },
  {
    variation: /^devices$/,
    line: /^device rules: [-+] c (10:229|1:1) r/,
    reason: 'making any node is allowed anyway (c *:* m): the same, written in another way',
  },
]

const VARIATIONS: readonly Variation[] = [
  { name: 'the config of runc spec' },
  { name: 'the config of ctr run', from: 'containerd' },
  { name: 'a user, groups, umask', change: asUser },
  { name: 'a user under containerd', from: 'containerd', change: asUser },
  {
    name: 'capabilities of a user, inheritable and ambient',
    change(config) {
      asUser(config)
      const set = ['CAP_CHOWN', 'CAP_NET_RAW', 'CAP_KILL']
      config.process.capabilities = {
        bounding: [...set, 'CAP_SETUID'],
        permitted: set,
        effective: ['CAP_CHOWN'],
        inheritable: ['CAP_CHOWN', 'CAP_KILL'],
        ambient: ['CAP_KILL'],
      }
      config.process.noNewPrivileges = false
    },
  },
  {
    name: 'many capabilities of root',
    change(config) {
      config.process.capabilities = {
        bounding: MANY,
        permitted: MANY,
        effective: MANY,
        inheritable: MANY,
        ambient: MANY,
      }
    },
  },
  {
    name: 'no capabilities',
    change(config) {
      delete config.process.capabilities
    },
  },
  {
    name: 'capabilities of none, of a user with a directory of its own',
    change(config) {
      asUser(config)
      config.process.capabilities = {}
      config.process.cwd = '/home/user'
      config.root.readonly = false
      delete config.process.user.umask
    },
  },
  {
    name: 'a program by a relative path',
    change(config) {
      config.process.cwd = '/bin'
      config.process.args = ['./sh', '/probe']
    },
  },
  {
    name: 'limits',
    change(config) {
      config.process.rlimits = [
        { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
        { type: 'RLIMIT_NPROC', soft: 1000, hard: 2000 },
        { type: 'RLIMIT_STACK', soft: 4194304, hard: 8388608 },
        { type: 'RLIMIT_AS', soft: 1 << 30, hard: 2 ** 31 },
        { type: 'RLIMIT_MEMLOCK', soft: 0, hard: 65536 },
        { type: 'RLIMIT_RTPRIO', soft: 0, hard: 0 },
      ]
    },
  },
  {
    name: 'no limits, oom score, environment, directory',
    change(config) {
      delete config.process.rlimits
      config.process.oomScoreAdj = 500
      config.process.cwd = '/made/here'
      config.root.readonly = false
      config.process.env = ['PATH=/usr/bin:/bin', 'A=1', 'B=2', 'A=3', 'EMPTY=', 'HOME=', 'TERM=xterm']
    },
  },
  {
    name: 'a host name, sysctl',
    change(config) {
      config.hostname = 'some.host'
      config.linux.sysctl = {
        'kernel.shmmax': '1048576',
        'fs.mqueue.msg_max': '20',
        'net.ipv4.ip_forward': '1',
        'net/ipv4/ping_group_range': '0 0',
      }
    },
  },
  {
    name: 'devices',
    change(config) {
      config.linux.devices = [
        { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o640, uid: 3, gid: 4 },
        { path: '/dev/deep/in/disk', type: 'b', major: 254, minor: 0, fileMode: 0o600, uid: 0, gid: 6 },
        { path: '/dev/pipe', type: 'p', fileMode: 0o622, uid: 1, gid: 1 },
        { path: '/dev/many', type: 'c', major: 300, minor: 70000 },
      ]
      config.linux.resources.devices.push(
        { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
        { allow: true, type: 'b', major: 254, access: 'm' },
        { allow: true, type: 'c', major: 1, minor: 1, access: 'r' },
        { allow: false, type: 'c', major: 1, minor: 7, access: 'w' },
      )
      config.process.capabilities.bounding.push('CAP_MKNOD')
      config.process.capabilities.permitted.push('CAP_MKNOD')
      config.process.capabilities.effective.push('CAP_MKNOD')
    },
  },
  {
    name: 'resources',
    change(config) {
      Object.assign(config.linux.resources, {
        memory: { limit: 64 << 20, reservation: 32 << 20, swappiness: 10 },
        pids: { limit: 50 },
        cpu: { shares: 512, quota: 50000, period: 100000, cpus: '0', mems: '0' },
      })
    },
  },
  {
    name: 'no new keyring, keys to be seen',
    flags: ['--detach', '--no-new-keyring'],
    change(config) {
      config.linux.maskedPaths = []
    },
  },
  {
    name: 'an absolute cgroupsPath',
    change(config, pair) {
      config.linux.cgroupsPath = `/${pair.id}-parent/${pair.id}`
    },
  },
  {
    name: 'a relative cgroupsPath',
    change(config, pair) {
      config.linux.cgroupsPath = `${pair.id}-parent/${pair.id}`
    },
  },
]

t.test('seen from inside, as under runc', { skip: cannotCompare ?? false }, t => compareAll(t, VARIATIONS, ACCEPTED))
