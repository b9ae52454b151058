// Namespaces of a container, made, left out and joined, as seen from inside, under tsrunc and under Debian's runc.
import t from 'tap'
import { type Accepted, asUser, bind, compareAll, inUserNamespace, type Variation } from './fixtures/compare.ts'
import { cannotCompare, OTHER_IDS } from './fixtures/side-by-side.ts'
import type { Draft } from './testing.ts'

const without = (config: Draft, ...types: string[]): void => {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }: Draft) => !types.includes(type))
}

const FILES = {
  network: 'net',
  ipc: 'ipc',
  uts: 'uts',
  pid: 'pid',
  user: 'user',
  cgroup: 'cgroup',
  mount: 'mnt',
} as const

function join(config: Draft, pid: number, ...types: readonly (keyof typeof FILES)[]): void {
  without(config, ...types)
  config.linux.namespaces.push(...types.map(type => ({ type, path: `/proc/${pid}/ns/${FILES[type]}` })))
  delete config.hostname
}

const ACCEPTED: readonly Accepted[] = [
  {
    line: /^mounts: [-+] \/sys\/fs\/cgroup on \/sys 3 0 \/ r[ow],/,
    reason:
      'the mount of the cgroups is asked for read-only: so is the tmpfs that holds them, which runc leaves writable',
  },
  {
    variation: /user namespace/,
    line: /^devices: [-+] \/dev\/mqueue directory 1777 0:(0|65534) /,
    reason: 'the ipc namespace is made by root of the user namespace, whose group is 0; under runc it has no group',
  },
]

const VARIATIONS: readonly Variation[] = [
  {
    name: 'a cgroup namespace',
    change(config) {
      config.linux.namespaces.push({ type: 'cgroup' })
    },
  },
  { name: 'no pid namespace', change: config => without(config, 'pid') },
  { name: 'the network of the host', change: config => without(config, 'network') },
  {
    name: 'a mount namespace alone',
    change(config) {
      delete config.hostname
      without(config, 'network', 'ipc', 'uts', 'pid')
    },
  },
  {
    name: 'a user namespace with ids of its own',
    owner: OTHER_IDS,
    change: config => inUserNamespace(config, OTHER_IDS),
  },
  {
    name: 'a user of a user namespace',
    owner: OTHER_IDS,
    change(config) {
      inUserNamespace(config, OTHER_IDS)
      asUser(config)
    },
  },
  { name: 'a user namespace with the ids of the host', change: config => inUserNamespace(config, 0) },
  {
    name: 'a user namespace under containerd',
    from: 'containerd',
    owner: OTHER_IDS,
    change(config) {
      inUserNamespace(config, OTHER_IDS)
      config.mounts.push(bind('/dev/shm', '/mnt/tree', 'rbind', 'rprivate', 'ro'))
    },
  },
  {
    name: 'namespaces of another process',
    neighbour: ['--net', '--ipc', '--uts', '--pid', '--cgroup', '--mount-proc'],
    change: (config, _pair, pid) => join(config, pid, 'network', 'ipc', 'uts', 'pid', 'cgroup'),
  },
  {
    name: 'the network and the pids of another process',
    from: 'containerd',
    neighbour: ['--net', '--pid'],
    change: (config, _pair, pid) => join(config, pid, 'network', 'pid'),
  },
  {
    name: 'the user namespace of another process and what it owns',
    neighbour: ['--user', '--net', '--ipc', '--uts'],
    owner: OTHER_IDS,
    change(config, _pair, pid) {
      inUserNamespace(config, OTHER_IDS) // runc 1.1 asks for the maps also of a namespace that has them
      join(config, pid, 'user', 'network', 'ipc', 'uts')
    },
  },
  {
    name: 'the namespaces of the host, by path',
    change: config => join(config, process.pid, 'network', 'ipc', 'uts'),
  },
]

t.test('namespaces, as under runc', { skip: cannotCompare ?? false }, t => compareAll(t, VARIATIONS, ACCEPTED))
