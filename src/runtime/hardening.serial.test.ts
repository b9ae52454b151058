// Known attacks on container runtimes, tried on this one: through descriptors that are left open, through what can be
// seen of a waiting init, through places that a config or a fellow container chooses, through what the caller has.
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { F, SEAL } from '../abi/fcntl.ts'
import { TsruncError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import { fileCalls } from '../host/libc-files.ts'
import { parseMountinfo } from '../host/mountinfo.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { start } from './start.ts'
import { cannotRun, type Draft, newId, thrown, until, World } from './testing.ts'

const skip = cannotRun ?? false
const ENTRY = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))

interface Run {
  /** Descriptors 3, 4, … of the runtime. */
  readonly descriptors?: readonly number[]
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Programs that start the runtime. */
  readonly through?: readonly string[]
}

/** The runtime as a program. */
function run(world: World, { descriptors = [], flags = [], env = {}, through = [] }: Run = {}) {
  const runtime = [process.execPath, ENTRY, '--root', world.runtime.root, 'run', '--bundle', world.bundle]
  const [program = '', ...args] = [...through, ...runtime, ...flags, newId()]
  const options = { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } } as const
  const { status, stdout, stderr } = spawnSync(program, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
  })
  return { status, stdout, stderr }
}

const shell = (world: World, script: string, change: (config: Draft) => void = () => {}): void =>
  world.configure(config => {
    config.process.args = ['sh', '-c', script]
    config.root.readonly = false
    change(config)
  })

/** Number and link each. */
const LIST_DESCRIPTORS =
  'for number in 0 1 2 3 4 5 6 7 8 9; do fd=/proc/$$/fd/$number; [ -e $fd ] && echo $number $(readlink $fd); done; :'

t.test('the program has the descriptors that it is meant to have', { skip }, async t => {
  const world = new World(t)
  symlinkSync('busybox', join(world.bundle, 'rootfs/bin/readlink'))
  shell(world, LIST_DESCRIPTORS)
  const descriptors = ['/', world.directory, '/etc/passwd'].map(path => openSync(path, 'r'))
  const numbers = (text: string) =>
    text
      .trim()
      .split('\n')
      .map(line => line.split(' ')[0])
  const none = run(world, { descriptors })
  t.same(numbers(none.stdout), ['0', '1', '2'], 'what the caller has leaked is closed')
  const two = run(world, { descriptors, flags: ['--preserve-fds', '2'] })
  t.same(numbers(two.stdout), ['0', '1', '2', '3', '4'])
  const listen = ['sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh']
  t.same(numbers(run(world, { descriptors, through: listen }).stdout), ['0', '1', '2', '3'])
  for (const count of ['4', '9']) {
    const { status, stderr } = run(world, { descriptors, flags: ['--preserve-fds', count] })
    t.equal(status, 1, 'never one of our own')
    t.match(stderr, /unable to stat preserved-fd 6/)
  }
})

const WAYS_BACK = ['/proc/self/fd', '/proc/1/fd', '/proc/thread-self/fd', '/proc/self/task/1/fd', '/link']

t.test('no working directory lies outside', { skip }, async t => {
  const world = new World(t)
  const attempt = (cwd: string): Error | undefined => {
    world.configure(config => {
      config.process.cwd = cwd
      config.hooks = { startContainer: [{ path: '/bin/true' }] } // more descriptors are in use
    })
    const id = newId()
    try {
      create(world.runtime, id, { bundle: world.bundle })
      remove(world.runtime, id)
    } catch (error) {
      if (error instanceof TsruncError) return error
      throw error
    }
    return undefined
  }
  symlinkSync('/proc/self/fd', join(world.bundle, 'rootfs/link'))
  for (const way of WAYS_BACK)
    for (let number = 0; number < 16; number++)
      t.match(attempt(`${way}/${number}`), { where: '/process/cwd' }, `${way}/${number}`)
  t.match(attempt('/proc/self/fd/3/..'), { where: '/process/cwd' }, 'a directory that init holds')
  for (const path of ['/proc/1/cwd/..', '/proc/self/root/../..', '/..'])
    t.equal(attempt(path), undefined, `${path} ends at the root`)
  const outside = openSync(world.directory, 'r')
  for (const cwd of ['/proc/self/fd/3', '/link/3', '/proc/self/fd/3/..']) {
    world.configure(config => {
      config.process.cwd = cwd
    })
    const { status, stderr } = run(world, { descriptors: [outside], flags: ['--preserve-fds', '1'] })
    t.equal(status, 1)
    t.match(stderr, /outside of container mount namespace root|\/process\/cwd/, cwd)
  }
})

t.test('what can be seen of a waiting init', { skip }, async t => {
  for (const hasMounts of [true, false]) {
    const world = new World(t)
    const { runtime, bundle } = world
    world.configure(config => {
      config.process.user = { uid: 1000, gid: 1000 }
      config.process.env = ['PATH=/bin', 'SECRET=of the container']
      config.hooks = { startContainer: [{ path: '/bin/true' }], createContainer: [{ path: '/bin/true' }] }
      if (hasMounts) return
      config.mounts = []
      config.root.readonly = false
      Object.assign(config.linux, { namespaces: [{ type: 'pid' }], maskedPaths: [], readonlyPaths: [] })
      delete config.hostname
    })
    const id = newId()
    const { pid } = create(runtime, id, { bundle })
    t.teardown(() => remove(runtime, id, { force: true }))
    const proc = `/proc/${pid}`

    t.equal(readFileSync(`${proc}/cmdline`, 'utf8'), 'tsrunc\0init\0')
    t.equal(readFileSync(`${proc}/environ`, 'utf8'), '')
    t.equal(statSync(`${proc}/environ`).uid, 0, 'not dumpable: nobody but the host’s root may look')
    if (hasMounts) t.same(readdirSync(`${proc}/root`), readdirSync(join(bundle, 'rootfs')))

    for (const number of readdirSync(`${proc}/fd`).filter(each => Number(each) > 2)) {
      const fd = `${proc}/fd/${number}`
      const link = readlinkSync(fd)
      if (!statSync(fd).isDirectory()) t.match(link, /^\/memfd:hook-(state|output) /, link)
      else
        for (const way of ['', '/..', '/../..', '/../../..'])
          t.same(readdirSync(`${fd}${way}`), ['exec.fifo'], `descriptor ${number}${way} leads nowhere`)
    }
    start(runtime, id)
    await until(() => readFileSync(`${proc}/cmdline`, 'utf8').startsWith('sleep'))
    t.equal(statSync(`${proc}/environ`).uid, 1000, 'the program is its user’s')
    t.same(readdirSync(`${proc}/fd`).sort(), ['0', '1', '2'])
  }
})

t.test('the file of init cannot be written', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const id = newId()
  const { pid } = create(runtime, id, { bundle })
  t.teardown(() => remove(runtime, id, { force: true }))
  const exe = `/proc/${pid}/exe`
  t.match(readlinkSync(exe), '/memfd:')
  for (const flags of ['r+', 'w', 'a']) t.throws(() => openSync(exe, flags), { code: 'ETXTBSY' })
  using kept = Fd.adopt(openSync(exe, 'r'))
  const { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE } = SEAL.bits
  const seals = BigInt(fileCalls.fcntl(kept.number, F.values.F_GET_SEALS, 0))
  t.equal(seals & (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0xfn)
  start(runtime, id)
  await until(() => !readlinkSync(exe).includes('memfd'))
  t.throws(() => {
    // nobody executes it any more: now the seals alone hold
    using writable = Fd.adopt(openSync(kept.path, 'r+'))
    writeSync(writable.number, 'evil')
  })
})

t.test('init as the program of a container', { skip }, async t => {
  const world = new World(t)
  writeFileSync(join(world.bundle, 'rootfs/script'), '#!/proc/self/exe\n', { mode: 0o755 })
  for (const program of ['/proc/self/exe', '/script', '/proc/1/exe']) {
    world.configure(config => {
      config.process.args = [program]
    })
    const { status } = run(world, { descriptors: [openSync('/', 'r')], flags: ['--preserve-fds', '1'] })
    t.ok(status !== 0 && status !== null, `${program} ends with ${status}`)
  }
})

/** Looks into every other process of its pid namespace, again and again, and tells what it could see. */
const spyFor = (canary: string): string => `
for round in $(seq 4000); do
  for process in /proc/[0-9]*; do
    read -r name <$process/comm || continue
    case $name in tsrunc*) echo seen ;; *) continue ;; esac
    for name in root${canary} cwd/${canary} root/proc/self/cgroup environ exe; do
      cat $process/$name >/dev/null 2>&1 && echo "$name"
    done
    for fd in $process/fd/*; do [ -e $fd ] && echo "fd $(readlink $fd)"; done
    echo evil 2>/dev/null >$process/exe && echo "written"
    echo evil 2>/dev/null >$process/mem && echo "mem"
  done
done | sort -u
echo done`

t.test('a fellow in the same pid namespace sees nothing of an init', { skip }, async t => {
  const world = new World(t)
  for (const name of ['seq', 'sort', 'readlink', 'tail']) symlinkSync('busybox', join(world.bundle, 'rootfs/bin', name))
  const { runtime, bundle } = world
  const canary = join(world.directory, 'canary')
  writeFileSync(canary, '')
  const output = join(bundle, 'rootfs/output')
  shell(world, `(${spyFor(canary)}) >/output; sleep 1000`)
  const spy = newId()
  const { pid } = create(runtime, spy, { bundle })
  t.teardown(() => remove(runtime, spy, { force: true }))
  start(runtime, spy)
  world.configure(config => {
    for (const namespace of config.linux.namespaces)
      if (namespace.type === 'pid') namespace.path = `/proc/${pid}/ns/pid`
  })
  let inits = 0
  while (!existsSync(output) || !readFileSync(output, 'utf8').includes('done')) {
    const id = newId()
    create(runtime, id, { bundle })
    remove(runtime, id, { force: true })
    inits++
  }
  t.comment(`${inits} inits were looked at`)
  t.ok(inits > 2)
  t.equal(readFileSync(output, 'utf8'), 'seen\ndone\n')
})

const bind = (source: string, destination: string) => ({ destination, source, options: ['bind'] })

t.test('what covers /proc', { skip }, async t => {
  const world = new World(t)
  const rootfs = join(world.bundle, 'rootfs')
  mkdirSync(join(rootfs, 'proc'))
  symlinkSync('/proc/sys', join(rootfs, 'to-sys'))
  symlinkSync('proc/self/attr', join(rootfs, 'to-attr'))
  symlinkSync('/proc/../proc', join(rootfs, 'to-proc'))
  const attempts: readonly (readonly [Draft, RegExp])[] = [
    [bind(world.directory, '/proc'), /not of type proc/],
    [{ destination: '/proc', type: 'tmpfs', source: 'tmpfs' }, /not of type proc/],
    [bind(world.directory, '/proc/sys'), /inside \/proc/],
    [bind(world.directory, '/proc/self/attr'), /inside \/proc/],
    [bind('/etc/passwd', '/proc/self/attr/exec'), /inside \/proc/],
    [bind('/etc/passwd', '/dev/../proc/1/../self/status'), /inside \/proc/],
    [bind(world.directory, '/to-sys'), /leads into \/proc/],
    [bind(world.directory, '/to-sys/net'), /leads into \/proc/],
    [bind(world.directory, '/to-attr'), /leads into \/proc|symbolic links|no such file/],
    [{ destination: '/to-proc', type: 'proc', source: 'proc' }, /ordinary directory/],
  ]
  for (const [mount, message] of attempts) {
    world.configure(config => config.mounts.push(mount))
    const error = thrown(() => create(world.runtime, newId(), { bundle: world.bundle }))
    t.ok(error instanceof TsruncError && error.where?.startsWith('/mounts/7'), `${error.message}`)
    t.match(error.message, message)
  }
  t.same(world.ids, [])
})

t.test('kernel parameters are those of the container', { skip }, async t => {
  const world = new World(t)
  const read = () => ['kernel/msgmax', 'net/ipv4/ip_forward'].map(name => readFileSync(`/proc/sys/${name}`, 'utf8'))
  const before = read()
  shell(world, 'cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward', config => {
    config.linux.sysctl = { 'kernel.msgmax': '7777', 'net.ipv4.ip_forward': '1' }
  })
  t.equal(run(world).stdout, '7777\n1\n')
  t.same(read(), before)
  for (const key of [
    'kernel.core_pattern',
    'kernel/../kernel/core_pattern',
    'net/../kernel/core_pattern',
    'vm.swappiness',
  ]) {
    world.configure(config => {
      config.linux.sysctl = { [key]: '|/evil' }
    })
    t.match(
      thrown(() => create(world.runtime, newId(), { bundle: world.bundle })),
      { code: 'TSRUNC_UNSUPPORTED' },
      key,
    )
  }
})

t.test(
  'a container without a cgroup namespace sees its own groups only, and cannot write to them',
  { skip },
  async t => {
    const world = new World(t)
    const { runtime, bundle } = world
    const id = newId()
    world.configure(config => {
      config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'cgroup')
    })
    const { pid } = create(runtime, id, { bundle })
    t.teardown(() => remove(runtime, id, { force: true }))
    const mounts = parseMountinfo(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).filter(each => each.type === 'cgroup')
    for (const { root, options, mountPoint } of mounts)
      t.match([root, options[0]], [new RegExp(`/${id}$`), 'ro'], mountPoint)
    t.ok(readFileSync('/proc/self/mountinfo', 'utf8').includes(' - cgroup ') === mounts.length > 0)
  },
)

/** As a user of no rank: a user namespace of its own, and in it another proc without the masks. */
const UNMASK =
  'unshare -Urpmf sh -c "mount -t proc proc /tmp && echo escaped; mount -t sysfs sysfs /tmp && echo escaped"; :'

t.test('no whole proc stays in view', { skip }, async t => {
  const world = new World(t)
  for (const name of ['unshare', 'mount']) symlinkSync('busybox', join(world.bundle, 'rootfs/bin', name))
  mkdirSync(join(world.bundle, 'rootfs/tmp'))
  const elsewhere = join(world.directory, 'proc')
  mkdirSync(elsewhere)
  shell(world, UNMASK, config => {
    config.process.user = { uid: 1000, gid: 1000 }
    config.process.noNewPrivileges = false
  })
  for (const before of [
    'true',
    'mount -t proc proc /proc',
    `mount -t proc proc ${elsewhere}`,
    `mount -t sysfs s ${elsewhere}`,
  ])
    for (const flags of [[], ['--no-pivot']]) {
      const through = ['unshare', '--mount', 'sh', '-c', `${before}; exec "$@"`, 'sh']
      const { status, stdout, stderr } = run(world, { flags, through })
      t.same([status, stdout], [0, ''], `${before} ${flags}: ${stderr}`)
      t.match(stderr, /permission denied/, 'it has tried')
    }
})

t.test('nothing of the caller is handed on', { skip }, async t => {
  const world = new World(t)
  const seen = (name: string) => `/bin/cat /proc/self/environ >/out/${name}; /bin/cat /proc/self/status >>/out/${name}`
  mkdirSync(join(world.directory, 'out'), { mode: 0o777 })
  const out = join(world.directory, 'out')
  shell(world, `${seen('program')}; umask >/out/umask`, config => {
    config.mounts.push(bind(out, '/out'))
    const hook = (kind: string) => [{ path: '/bin/sh', args: ['sh', '-c', seen(kind).replaceAll('/out', out)] }]
    const inner = [{ path: '/bin/sh', args: ['sh', '-c', seen('startContainer')] }]
    const outer = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop']
    config.hooks = { ...Object.fromEntries(outer.map(kind => [kind, hook(kind)])), startContainer: inner }
  })
  const through = ['setpriv', '--inh-caps', '+chown,+net_raw', '--groups', '4,27']
  const { status, stderr } = run(world, { env: { SECRET: 'of the caller' }, through })
  t.equal(status, 0, stderr)
  const files = readdirSync(out).filter(name => name !== 'umask')
  t.equal(files.length, 7)
  for (const name of files) t.notMatch(readFileSync(join(out, name), 'utf8'), /SECRET/, name)
  const program = readFileSync(join(out, 'program'), 'utf8')
  t.match(program, /^CapInh:\t0+$/m)
  t.match(program, /^CapAmb:\t0+$/m)
  t.match(program, /^Groups:\t\s*$/m)
  t.match(program, /^NoNewPrivs:\t1$/m)
  t.equal(readFileSync(join(out, 'umask'), 'utf8'), '0022\n')
})

t.test('groups of the caller stay outside of a user namespace that forbids to leave them', { skip }, async t => {
  const world = new World(t)
  const unprivileged = ['--reuid', '1000', '--regid', '1000', '--clear-groups']
  const other = spawn('setpriv', [
    ...unprivileged,
    'unshare',
    '--user',
    '--map-root-user',
    'sh',
    '-c',
    'echo; exec sleep 60',
  ])
  t.teardown(() => other.kill('SIGKILL'))
  await new Promise(resolve => other.stdout.once('data', resolve))
  t.equal(readFileSync(`/proc/${other.pid}/setgroups`, 'utf8'), 'deny\n')
  spawnSync('chown', ['-R', '1000:1000', join(world.bundle, 'rootfs')])
  chmodSync(world.directory, 0o755)
  const configure = (groups: number[]) =>
    shell(world, 'cat /proc/self/status', config => {
      config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'network')
      config.linux.namespaces.push({ type: 'user', path: `/proc/${other.pid}/ns/user` })
      config.mounts = config.mounts.filter((each: { destination: string }) => each.destination === '/proc')
      config.linux.maskedPaths = []
      config.process.user.additionalGids = groups
    })
  const through = ['setpriv', '--groups', '4,27']
  configure([])
  const { stdout, stderr } = run(world, { through })
  t.match(stdout, /^Groups:\t\s*$/m, stderr)
  configure([0])
  t.match(run(world, { through }).stderr, '/process/user/additionalGids', 'groups that are asked for are not left out')
})

t.test('a hook of the image holds no file of the host', { skip }, async t => {
  const world = new World(t)
  symlinkSync('busybox', join(world.bundle, 'rootfs/bin/readlink'))
  mkdirSync(join(world.directory, 'out'))
  shell(world, ':', config => {
    config.mounts.push(bind(join(world.directory, 'out'), '/out'))
    config.hooks = {
      startContainer: [
        { path: '/bin/sh', args: ['sh', '-c', `{ ${LIST_DESCRIPTORS}; } >/out/list`], env: ['PATH=/bin'] },
      ],
    }
  })
  t.equal(run(world).status, 0)
  const list = readFileSync(join(world.directory, 'out/list'), 'utf8').trim().split('\n')
  t.equal(list.length, 3)
  t.match(list[0], '0 /memfd:hook-state')
  t.match(list[2], '2 /memfd:hook-output')
})

t.test('masks', { skip }, async t => {
  const world = new World(t)
  symlinkSync('busybox', join(world.bundle, 'rootfs/bin/stat'))
  shell(
    world,
    'stat -c "%t:%T %F" /proc/keys; echo x >/sys/firmware/x; cat /proc/sys/kernel/hostname; echo evil >/proc/sys/kernel/hostname',
  )
  const { stdout, stderr } = run(world)
  t.equal(stdout, '1:3 character special file\ntsrunc\n')
  t.match(stderr, /\/sys\/firmware\/x: Read-only file system[\s\S]*kernel\/hostname: Read-only file system/)
})
