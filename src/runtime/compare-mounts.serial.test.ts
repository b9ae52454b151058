// The root filesystem and the mounts of a container, as seen from inside, under tsrunc and under Debian's runc.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Accepted, bind, compareAll, tmpfs, type Variation } from './fixtures/compare.ts'
import { cannotCompare, type SideBySide } from './fixtures/side-by-side.ts'
import type { Draft } from './testing.ts'

/** Directories and files of the host to bind. */
function sources(pair: SideBySide): string {
  const directory = join(pair.directory, 'sources')
  mkdirSync(join(directory, 'tree/below'), { recursive: true })
  writeFileSync(join(directory, 'file'), 'content')
  chmodSync(directory, 0o755)
  return directory
}

const ACCEPTED: readonly Accepted[] = [
  {
    line: /^mounts: [-+] \/sys\/fs\/cgroup on \/sys 3 0 \/ r[ow],/,
    reason:
      'the mount of the cgroups is asked for read-only: so is the tmpfs that holds them, which runc leaves writable',
  },
  {
    variation: /^masked/,
    line: /^mounts: - \/proc\/keys on \/proc\/keys /,
    reason: 'a path that is listed twice is masked once, as by newer runc',
  },
  {
    variation: /^binds|links/,
    line: /^root filesystem: - \S+ 100755 |^root filesystem: \+ \S+ 100644 /,
    reason: 'an empty file that is made to be covered is no program',
  },
  {
    variation: /^changes of mounts/,
    line: /^mounts: [-+] \/mnt\/tmpfs on \/ 2 0 \/ ro,(noexec,)?relatime - tmpfs tmpfs rw/,
    reason: 'a remount keeps the flags that it does not name, here noexec, which runc takes away',
  },
  {
    variation: /^rootfsPropagation r?shared/,
    line: /^mounts: (- |\+ .* shared:\w )/,
    reason: 'the specification: the root is in a peer group of its own; runc 1.1 leaves it private',
  },
  {
    variation: /^rootfsPropagation (slave|private)/,
    line: /^mounts: (- \/mnt .* shared:|\+ \/mnt .*\/ ro,relatime (master:\w )?- )/,
    reason: 'mounts made on a bind must not appear on a host whose propagation the config has cut',
  },
]

const VARIATIONS: readonly Variation[] = [
  {
    name: 'masked and read-only paths',
    change(config) {
      config.root.readonly = false
      config.linux.maskedPaths.push('/masked', '/masked-file', '/not/there', '/proc/keys', '/frozen/below')
      config.linux.readonlyPaths.push('/frozen', '/etc/../tmp', '/nor/there')
    },
  },
  {
    name: 'no masked and no read-only paths',
    change(config) {
      config.linux.maskedPaths = []
      config.linux.readonlyPaths = []
      delete config.root.readonly
    },
  },
  {
    name: 'binds',
    shared: true,
    change(config, pair) {
      const from = sources(pair)
      config.mounts.push(
        bind(`${from}/tree`, '/mnt/plain', 'bind'),
        bind(`${from}/tree`, '/mnt/ro', 'bind', 'ro'),
        bind(`${from}/tree`, '/mnt/safe', 'rbind', 'nosuid', 'nodev', 'noexec'),
        bind(`${from}/tree`, '/mnt/times', 'bind', 'noatime', 'nodiratime'),
        bind(`${from}/tree`, '/mnt/strict', 'bind', 'strictatime', 'rw'),
        bind(`${from}/tree`, '/mnt/private', 'rbind', 'rprivate', 'rw'),
        bind(`${from}/tree`, '/mnt/slave', 'rbind', 'rslave'),
        bind(`${from}/tree`, '/mnt/shared', 'rbind', 'rshared'),
        bind(`${from}/tree`, '/mnt/unbindable', 'bind', 'unbindable'),
        bind(`${from}/file`, '/mnt/a/file', 'bind', 'ro'),
        bind(`${from}/file`, '/etc/hostname', 'rbind', 'rprivate'),
        bind(`${from}/tree`, 'relative/target', 'rbind'),
        bind('/dev/null', '/etc/nothing', 'bind'),
        bind('/sys', '/mnt/sys', 'rbind', 'ro', 'rslave'),
        bind('/dev/shm', '/mnt/shm', 'bind', 'noexec'),
      )
      config.root.readonly = false
    },
  },
  {
    name: 'options for all of a tree',
    shared: true,
    change(config) {
      config.root.readonly = false
      config.mounts.push(
        bind('/sys', '/mnt/1', 'rbind', 'rro'),
        bind('/sys', '/mnt/2', 'rbind', 'ro', 'rrw'),
        bind('/sys', '/mnt/3', 'rbind', 'rnosuid', 'rnodev', 'rnoexec', 'rw', 'rro'),
        bind('/sys', '/mnt/4', 'rbind', 'rnoatime', 'rprivate'),
        bind('/sys', '/mnt/5', 'rbind', 'rstrictatime', 'ro', 'rslave'),
        bind('/sys', '/mnt/6', 'rbind', 'rsuid', 'rdev', 'rexec', 'rrelatime', 'nosuid', 'nodev'),
        bind('/proc/sys', '/mnt/7', 'bind', 'ro'),
      )
    },
  },
  {
    name: 'changes of mounts',
    change(config, pair) {
      const tree = `${sources(pair)}/tree`
      config.root.readonly = false
      config.mounts.push(
        bind(tree, '/mnt/bind', 'bind', 'nosuid'),
        bind(tree, '/mnt/bind', 'bind', 'remount', 'ro', 'nosuid'),
        tmpfs('/mnt/tmpfs', 'noexec'),
        bind('/dev/null', '/mnt/tmpfs', 'remount', 'bind', 'ro'),
      )
    },
  },
  {
    name: 'options of the file systems of the kernel',
    change(config) {
      const entry = (place: string) => config.mounts.find(({ destination }: Draft) => destination === place)
      entry('/proc').options = ['hidepid=2', 'nosuid', 'ro']
      entry('/sys').options = ['nosuid']
      entry('/sys/fs/cgroup').options = ['nosuid', 'rw']
      entry('/dev/pts').options = ['newinstance', 'ptmxmode=0600', 'mode=0600']
      config.linux.maskedPaths = []
      config.linux.readonlyPaths = []
    },
  },
  {
    name: 'tmpfs',
    change(config) {
      config.root.readonly = false
      config.mounts.push(
        tmpfs('/mnt/plain'),
        tmpfs('/mnt/options', 'noatime', 'nr_inodes=100', 'size=1m', 'uid=5', 'gid=6', 'mode=750'),
        tmpfs('/mnt/ro', 'ro', 'nosuid', 'noexec', 'nodev', 'size=65536k'),
        tmpfs('/mnt/times', 'nodiratime', 'strictatime', 'sync', 'dirsync'),
        tmpfs('/mnt/shared', 'rshared'),
        tmpfs('/mnt/slave', 'slave', 'mode=1777'),
        tmpfs('/tmp', 'noexec'),
        { destination: '/frozen/below', type: 'ramfs', source: 'memory', options: ['nosuid'] },
        { destination: '/mnt/plain', type: 'tmpfs', source: 'tmpfs', options: ['remount', 'noexec', 'size=1m'] },
      )
    },
  },
  ...(['shared', 'rshared', 'slave', 'rslave', 'private', 'rprivate'] as const).map(propagation => ({
    name: `rootfsPropagation ${propagation}`,
    shared: true,
    change(config: Draft) {
      config.linux.rootfsPropagation = propagation
      config.mounts.push(bind('/sys/fs/cgroup/memory', '/mnt', 'rbind', 'ro'))
      config.mounts = config.mounts.filter(({ type }: Draft) => type !== 'cgroup')
      config.root.readonly = false
    },
  })),
  { name: 'no pivot_root', flags: ['--detach', '--no-pivot'] },
  {
    name: 'mounts through links of the image',
    change(config, pair) {
      const from = sources(pair)
      config.root.readonly = false
      config.mounts.push(
        bind(`${from}/tree`, '/link/inside', 'bind'),
        bind(`${from}/tree`, '/up/there', 'bind'),
        bind(`${from}/file`, '/dangling', 'bind'),
        tmpfs('/absolute'),
        tmpfs('/run'),
        bind(`${from}/file`, '/etc/resolv.conf', 'rbind', 'ro'),
      )
    },
    links: {
      'etc/resolv.conf': '../run/systemd/resolve/stub-resolv.conf', // of many images; /run is empty
      link: 'etc',
      up: '../../../../tmp',
      dangling: 'etc/new/file',
      absolute: '/frozen',
    },
  },
  {
    name: 'the /dev of the host',
    change(config) {
      config.mounts = config.mounts.filter(({ destination }: Draft) => !destination.startsWith('/dev'))
      config.mounts.push(bind('/dev', '/dev', 'rbind', 'rslave'))
    },
  },
]

t.test('mounts, as under runc', { skip: cannotCompare ?? false }, t => compareAll(t, VARIATIONS, ACCEPTED))
