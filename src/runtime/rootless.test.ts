// Containers of a user without privileges, and of the root of a user namespace: the whole way from `spec --rootless`.
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { noUser, USER, User } from './fixtures/user.ts'
import { type Draft, runs, until } from './testing.ts'

const skip = noUser ?? false

t.test('a container of its own', { skip }, async t => {
  const user = new User(t)
  user.configure(config => {
    config.process.args = ['sh', '-c', 'id; cat /proc/self/uid_map /proc/self/setgroups; touch /sys/fs/cgroup/x']
  })
  const { stdout, stderr } = user.runs()
  t.match(stdout, /^uid=0 gid=0/)
  t.match(stdout, new RegExp(`^ +0 +${USER} +1$`, 'm'))
  t.match(stdout, /^deny$/m)
  t.match(stderr, /Read-only file system/, 'the cgroups are those of the caller')
  t.same(user.ids, [], 'nothing is left')
  t.equal((statSync(join(user.runtimeDirectory, 'tsrunc')).mode & 0o7777).toString(8), '1700')
})

t.test('every command', { skip }, async t => {
  const user = new User(t)
  const ok = (...args: string[]): string => {
    const { status, stdout, stderr } = user.run(...args)
    t.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const pidFile = join(user.directory, 'run/pid')
  ok('create', '--bundle', user.bundle, '--pid-file', pidFile, 'a')
  const pid = Number(readFileSync(pidFile, 'utf8'))
  t.equal(JSON.parse(ok('state', 'a')).status, 'created')
  t.not(readlinkSync(`/proc/${pid}/ns/user`), readlinkSync('/proc/self/ns/user'))
  t.notMatch(readFileSync(`/proc/${pid}/fdinfo/3`, 'utf8'), mountIdOf(user.runtimeDirectory), 'the gate is shut off')
  ok('start', 'a')
  t.match(ok('list'), new RegExp(`^a +${pid} +running`, 'm'))
  ok('kill', 'a', 'KILL')
  await until(() => !runs(pid))
  ok('delete', 'a')
  t.same(user.ids, [])
  ok('create', '--bundle', user.bundle, 'b')
  ok('delete', '--force', 'b')
  t.same(user.ids, [])
})

t.test('what a container leaves where its notify socket lies keeps nobody from removing it', { skip }, t => {
  const user = new User(t)
  user.configure(config => {
    for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities[set].push('CAP_SYS_ADMIN')
    const shut =
      'busybox mkdir -p d/e/f l/m && touch d/e/g l/m/n && busybox chmod 0 d/e/f d/e d && busybox chmod 500 l/m l'
    const far = 'f/'.repeat(600)
    const deep = `busybox mkdir -p ${far} && cd ${far} && busybox mkdir -p ${far}` // more than there are descriptors
    const script = `busybox mount -o remount,rw,bind /run/notify && cd /run/notify && ${shut} && ${deep} && echo done`
    config.process.args = ['sh', '-c', script]
  })
  const args = ['run', '--bundle', user.bundle, 'test']
  const few = ['prlimit', '--nofile=1024:1024']
  const { status, stdout, stderr } = user.runWith(few, args, { NOTIFY_SOCKET: '/nonexistent' })
  t.match(stdout, 'done')
  t.equal(status, 0, stderr)
  t.same(user.ids, [], 'nothing is left')
  t.end()
})

/** The line of fdinfo that a descriptor of a directory has whose mount is that of a path. */
function mountIdOf(path: string): RegExp {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split(' '))
  const [id] = mounts.filter(([, , , , at = '']) => at === '/' || path.startsWith(`${at}/`)).at(-1) ?? []
  return new RegExp(`^mnt_id:\\s+${id}$`, 'm')
}

t.test('what needs the user to be looked into', { skip }, async t => {
  const user = new User(t)
  user.configure(config => {
    config.process.oomScoreAdj = 500
    config.process.args = ['cat', '/proc/self/oom_score_adj', '/proc/uptime']
    config.linux.namespaces.push({ type: 'time' })
    config.linux.timeOffsets = { boottime: { secs: 1_000_000_000 } }
  })
  const { stdout, stderr } = user.runs()
  t.equal(stderr, '')
  t.match(stdout, /^500\n1\d{9}\./)
})

t.test('namespaces, devices and hooks', { skip }, async t => {
  const user = new User(t)
  const record = join(user.directory, 'run/hooks')
  user.configure(config => {
    config.process.args = [
      'sh',
      '-c',
      'ls -l /dev/null /dev/zero; cat /sys/class/net/lo/operstate; echo hello >/dev/null && echo written',
    ]
    const asked = new Set(config.linux.namespaces.map(({ type }: Draft) => type)) // spec asks for cgroup on v2
    for (const type of ['network', 'cgroup']) if (!asked.has(type)) config.linux.namespaces.push({ type })
    config.linux.devices = [{ path: '/dev/zero', type: 'c', major: 1, minor: 5 }]
    config.mounts.find(({ destination }: Draft) => destination === '/sys').type = 'sysfs'
    const hook = (kind: string) => [{ path: '/bin/sh', args: ['sh', '-c', `echo ${kind} >>${record}`] }]
    config.hooks = Object.fromEntries(
      ['prestart', 'createRuntime', 'poststart', 'poststop'].map(kind => [kind, hook(kind)]),
    )
  })
  const { stdout, stderr } = user.runs()
  t.equal(stderr, '')
  t.match(stdout, /^written$/m)
  t.match(stdout, /1, +5/)
  t.equal(readFileSync(record, 'utf8'), 'prestart\ncreateRuntime\npoststart\npoststop\n')
})

t.test('what a user may not have is refused in words', { skip }, async t => {
  const refused: Record<string, [(config: Draft) => void, RegExp]> = {
    'no user namespace': [
      config => {
        config.linux = { namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'uts' }] }
      },
      /rootless container requires user namespaces\n.*\/linux\/namespaces\n.*--rootless/,
    ],
    limits: [
      config => {
        config.linux.resources = { memory: { limit: 2 ** 28 } }
      },
      /no limits \+ no cgrouppath when no permission is granted.*\n.*\/linux\/resources\/memory\/limit/,
    ],
    'a group in the cgroup tree': [
      config => {
        config.linux.cgroupsPath = '/somewhere'
      },
      /permission denied\n.*\/linux\/cgroupsPath\n.*no permission is granted/,
    ],
    groups: [
      config => {
        config.process.user.additionalGids = [7]
      },
      /cannot set any additional groups in a rootless container\n.*additionalGids\n.*newgidmap/,
    ],
    'another user': [
      config => {
        config.process.user.uid = 7
      },
      /become user 7: .*: invalid argument\n.*\/process\/user\/uid.*\n.*no mapping/,
    ],
    'a lower score': [
      config => {
        config.process.oomScoreAdj = -500
      },
      /set oom_score_adj to -500: .*permission denied\n.*\n.*CAP_SYS_RESOURCE/,
    ],
    'a higher limit': [
      config => {
        config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 2 ** 30 }]
      },
      /RLIMIT_NOFILE.*operation not permitted\n.*\n.*CAP_SYS_RESOURCE/,
    ],
    'an owner of a file system': [
      config => {
        config.mounts.find(({ destination }: Draft) => destination === '/dev/pts').options.push('gid=5')
      },
      /unmapped gid.*\n.*\/mounts\/2\/options\/5/,
    ],
    'a file system': [
      config => {
        config.mounts.push({ destination: '/mnt', type: 'ext4', source: '/dev/null' })
      },
      /mount ext4 on \/mnt: .*\n.*\/mounts\/7.*\n.*many file systems cannot be mounted/,
    ],
  }
  const user = new User(t)
  for (const [name, [change, says]] of Object.entries(refused)) {
    user.configure(change)
    const { status, stderr } = user.runs()
    t.equal(status, 1, name)
    t.match(stderr, says, name)
    t.same(user.ids, [], `${name}: nothing is left`)
  }
})

t.test('the state directory', { skip }, async t => {
  const user = new User(t)
  const without = user.runWith([], ['run', '--bundle', user.bundle, 'x'], { XDG_RUNTIME_DIR: '' })
  t.match(without.stderr, /\/run\/tsrunc: .*permission denied\n.*\n.*XDG_RUNTIME_DIR/)
  const closed = join(user.directory, 'closed')
  mkdirSync(closed, { mode: 0o700 })
  const foreign = user.runWith([], ['run', '--bundle', user.bundle, 'x'], { XDG_RUNTIME_DIR: closed })
  t.match(foreign.stderr, /permission denied/)
  chmodSync(closed, 0o777)
  mkdirSync(join(closed, 'tsrunc'))
  const others = user.runWith([], ['list'], { XDG_RUNTIME_DIR: closed })
  t.equal(others.status, 0, 'that of root can be read')
})

const hasSysctl = existsSync('/proc/sys/vm/memfd_noexec')

t.test(
  'where files in memory must not be executed',
  { skip: skip || (!hasSysctl && 'no vm.memfd_noexec') },
  async t => {
    const user = new User(t)
    // the sysctl is one of the pid namespace
    const script = 'echo 2 >/proc/sys/vm/memfd_noexec && exec "$@"'
    const { status, stderr } = user.runInside(
      ['unshare', '--pid', '--fork', '--mount-proc', 'sh', '-c', script, 'sh'],
      ['run', '--bundle', user.bundle, 'x'],
    )
    t.equal(status, 1)
    t.match(stderr, /memfd_create\(.*: permission denied\n.*vm\.memfd_noexec/)
    t.same(user.ids, [])
  },
)

const inNamespace = ['unshare', '--user', '--map-root-user']

t.test('root of a user namespace', { skip }, async t => {
  const user = new User(t)
  const script = (config: Draft): void => {
    config.process.args = ['sh', '-c', 'id; echo x >/dev/null && cat /proc/self/uid_map']
  }
  const args = ['run', '--bundle', user.bundle, 'x']
  for (const before of [[...inNamespace, '--mount'], inNamespace]) {
    user.configure(config => {
      script(config)
      for (const list of ['uidMappings', 'gidMappings']) config.linux[list][0].hostID = 0
    })
    const nested = user.runWith(before, args)
    t.equal(nested.stderr, '')
    t.match(nested.stdout, /^uid=0 gid=0\n +0 +0 +1$/, `a namespace inside: ${before}`)
    user.configure(config => {
      script(config)
      config.linux.namespaces = config.linux.namespaces.filter(({ type }: Draft) => type !== 'user')
      for (const list of ['uidMappings', 'gidMappings']) delete config.linux[list]
    })
    const same = user.runWith(before, args)
    t.equal(same.stderr, '')
    t.match(same.stdout, new RegExp(`^uid=0 gid=0\n +0 +${USER} +1$`), `the same namespace: ${before}`)
  }
  t.same(user.ids, [], 'in the directory of the user')
  const asRoot = user.runWith(inNamespace, args, { USER: 'root' })
  t.match(asRoot.stderr, /\/run\/tsrunc/, 'a user who calls himself root is taken at his word, as by runc')
})
