// A hostile root filesystem: every path that the runtime uses, with every kind of obstacle in its place. Either the
// container is refused with an error that says where, or it runs; nothing outside is ever touched, and nothing is left.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { TsruncError } from '../errors.ts'
import { parseMountinfo } from '../host/mountinfo.ts'
import { reap } from '../host/process.ts'
import { type CreateOptions, create } from './create.ts'
import { remove } from './delete.ts'
import { Canary } from './fixtures/canary.ts'
import { type Aim, OBSTACLES, type Obstacle, withObstacle } from './fixtures/obstacles.ts'
import { start } from './start.ts'
import { cannotRun, type Draft, newId, traces, World } from './testing.ts'

const skip = cannotRun ?? false

const ROOT_INSIDE = 100_000

const ALL = Object.keys(OBSTACLES) as Obstacle[] // the keys of a literal
const except = (...some: Obstacle[]): Obstacle[] => ALL.filter(each => !some.includes(each))
/** Links that lead, inside, to what is not there: it can be made. */
const INTO_NOTHING: readonly Obstacle[] = [
  'an absolute link to a directory outside',
  'an absolute link to a file outside',
  'a relative link to a directory outside',
  'a relative link to a file outside',
  'a link up beyond the root',
  'a dangling link',
]
const AS_DIRECTORY: readonly Obstacle[] = ['a directory', 'a link to the root', ...INTO_NOTHING]
/** Covering its own root would split the container. */
const AS_TARGET = AS_DIRECTORY.filter(each => each !== 'a link to the root')
/** One of each sort. */
const FEW: readonly Obstacle[] = [
  'an absolute link to a directory outside',
  'a relative link to a file outside',
  'a link up beyond the root',
  "a link to another process's root",
]
/** For places that are like another one. */
const SOME: readonly Obstacle[] = [...FEW, 'a link to itself', 'a link to the root', 'a file']
const ALIKE: readonly string[] = [
  ...[
    '/sys',
    '/sys/fs',
    '/dev/pts',
    '/dev/mqueue',
    '/dev/tty',
    '/dev/stdin',
    '/a',
    '/a/b/directory',
    '/a/b/copied',
    '/a/b/copied/inner',
  ],
  ...['/masked', '/frozen', '/work', '/devices', '/etc', '/program'],
]
const LOOPS: readonly Obstacle[] = ['a link to itself', 'a loop of two links']
const MAGIC: readonly Obstacle[] = ["a link to another process's root", 'a link through its own root']

/** Path in the rootfs → obstacles with which the container runs all the same. */
const PLACES: Readonly<Record<string, readonly Obstacle[]>> = {
  '/proc': ['a directory'],
  '/sys': AS_DIRECTORY,
  '/sys/fs': AS_DIRECTORY,
  '/sys/fs/cgroup': ['a directory', ...INTO_NOTHING],
  '/dev': AS_DIRECTORY,
  '/dev/pts': AS_TARGET,
  '/dev/shm': AS_TARGET,
  '/dev/mqueue': AS_TARGET,
  '/dev/null': [],
  '/dev/tty': [],
  '/dev/console': ALL, // is only used with a terminal
  '/dev/ptmx': except('a directory'), // is replaced
  '/dev/fd': ALL,
  '/dev/stdin': ALL,
  '/a': AS_DIRECTORY,
  '/a/b': AS_DIRECTORY,
  '/a/b/tmpfs': AS_TARGET,
  '/a/b/directory': AS_TARGET,
  '/a/b/copied': AS_TARGET,
  '/a/b/copied/inner': ALL,
  '/a/b/file': [...INTO_NOTHING, 'a file', 'a fifo', 'a character device', 'a block device'],
  '/masked': except(...LOOPS, ...MAGIC),
  '/masked/file': except(...LOOPS, ...MAGIC),
  '/masked/directory': except(...LOOPS, ...MAGIC),
  '/frozen': except(...LOOPS, ...MAGIC),
  '/frozen/directory': except(...LOOPS, ...MAGIC),
  '/work': ['a directory', 'a link to the root'],
  '/work/directory': ['a directory', 'a link to the root'],
  '/devices': ['a directory', 'a link to the root'],
  '/devices/mine': [],
  '/etc': ALL,
  '/etc/passwd': ALL,
  '/program': [],
  '/program/busybox': [],
}

/** The caller's own files. */
const CALLERS = ['/dev/fd', '/dev/stdin']
/** The program writes to all that it finds: what of it is a way out shows at the canary. */
const SCRIPT = `
for place in ${Object.keys(PLACES)
  .filter(place => !CALLERS.includes(place))
  .join(' ')}; do
  if [ -d $place ]; then
    chmod 777 $place; echo evil >$place/evil; mkdir $place/evil.d
    for name in $place/*; do if [ -f $name ] && [ $place != /dev ]; then echo evil >>$name; fi; done
  elif [ -f $place ]; then echo evil >>$place; fi
done 2>/dev/null; :`

const tmpfs = (destination: string) => ({ destination, type: 'tmpfs', source: 'tmpfs' })

/** Uses every one of PLACES, with as few mounts in between as possible. */
const configure = (directory: string) => (config: Draft) => {
  const bind = (name: string, destination: string) => ({
    destination,
    source: join(directory, name),
    options: ['bind'],
  })
  config.root.readonly = false
  config.process.env = ['PATH=/bin'] // so that HOME is looked up
  config.mounts = [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
    tmpfs('/dev/shm'),
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue' },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] },
    tmpfs('/a/b/tmpfs'),
    bind('source', '/a/b/file'),
    bind('source.d', '/a/b/directory'),
    { ...tmpfs('/a/b/copied'), options: ['tmpcopyup'] },
  ]
  config.linux.maskedPaths = ['/masked/file', '/masked/directory', '/proc/kcore']
  config.linux.readonlyPaths = ['/frozen/directory', '/proc/sys']
  config.linux.devices = [{ path: '/devices/mine', type: 'c', major: 1, minor: 7 }]
  config.process.cwd = '/work/directory'
  config.process.args = ['/program/busybox', 'sh', '-c', SCRIPT]
}

interface Test {
  teardown(work: () => void): void
}

class Scene {
  readonly world: World
  readonly canary: Canary
  readonly rootfs: string
  readonly aim: Aim
  readonly options: CreateOptions

  constructor(t: Test, options: Partial<CreateOptions> = {}) {
    this.world = new World(t)
    const { bundle, directory } = this.world
    this.rootfs = join(bundle, 'rootfs')
    this.options = { bundle, ...options }
    for (const name of ['etc', 'program', 'masked']) mkdirSync(join(this.rootfs, name))
    copyFileSync('/bin/busybox', join(this.rootfs, 'program/busybox'))
    writeFileSync(join(this.rootfs, 'etc/passwd'), 'root:x:0:0::/home/of/root:/bin/sh\n')
    writeFileSync(join(this.rootfs, 'masked/file'), 'secret')
    writeFileSync(join(directory, 'source'), '')
    for (const path of [join(directory, 'source.d'), this.world.runtime.root]) mkdirSync(path, { mode: 0o700 })
    this.canary = new Canary(directory, ['bundle/rootfs', 'root', 'source', 'source.d'])
    this.aim = { rootfs: this.rootfs, outside: this.canary.directory }
    this.world.configure(configure(directory))
  }

  /** Creates a container and runs its program: its standard is `undefined`, or what is said against it. */
  attempt(program = true): { error: Error | undefined; wrong: string[] } {
    const id = newId()
    const before = traces(id)
    const canary = this.canary.snapshot()
    const error = this.#run(id, program)
    const wrong = this.canary.changes(canary)
    const after = traces(id)
    if (error !== undefined) {
      if (!(error instanceof TsruncError)) wrong.push(`not an error of ours: ${error.stack}`)
      else if (error.where === undefined && !error.message.includes('/dev')) wrong.push(`no place: ${error}`)
      else if (error.undoErrors.length > 0) wrong.push(`undo: ${error.undoErrors}`)
    }
    if (after.children.join() !== before.children.join()) wrong.push(`processes are left: ${after.children}`)
    if (after.cgroups.length > 0) wrong.push(`cgroups are left: ${after.cgroups}`)
    if (after.descriptors !== before.descriptors) wrong.push(`descriptors are left: ${after.descriptors}`)
    if (this.world.ids.length > 0) wrong.push(`state is left: ${this.world.ids}`)
    return { error, wrong }
  }

  #run(id: string, program: boolean): Error | undefined {
    const { runtime } = this.world
    try {
      const { pid } = create(runtime, id, this.options)
      const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
      if (program) {
        start(runtime, id)
        reap(pid, true)
      }
      remove(runtime, id)
      const foreign = parseMountinfo(mounts).filter(mount => mount.root.startsWith(this.canary.directory))
      return foreign.length > 0 ? new Error(`the canary is mounted on ${foreign[0]?.mountPoint}`) : undefined
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    } finally {
      // where the links would lead inside
      for (const name of ['tmp', 'canary', 'absent']) rmSync(join(this.rootfs, name), { recursive: true, force: true })
    }
  }

  /** Obstacles at one place: those with which it ran, and everything that is wrong. */
  sweep(place: string, obstacles: readonly Obstacle[]): { ran: Obstacle[]; wrong: string[] } {
    const ran: Obstacle[] = []
    const wrong: string[] = []
    for (const obstacle of obstacles)
      withObstacle(obstacle, place, this.aim, () => {
        const found = this.attempt()
        wrong.push(...found.wrong.map(text => `${obstacle}: ${text}`))
        if (found.error === undefined) ran.push(obstacle)
      })
    return { ran, wrong }
  }
}

t.test('obstacles', { skip }, async t => {
  const scene = new Scene(t)
  t.same(scene.attempt(), { error: undefined, wrong: [] }, 'none')
  for (const [place, runs] of Object.entries(PLACES)) {
    const obstacles = ALIKE.includes(place) ? SOME : ALL
    const { ran, wrong } = scene.sweep(place, obstacles)
    t.same(wrong, [], place)
    const expected = runs.filter(each => obstacles.includes(each))
    t.same(ran.sort(), expected.sort(), `with what at ${place} the container runs`)
  }
})

t.test('without pivot_root', { skip }, async t => {
  const scene = new Scene(t, { noPivot: true })
  t.same(scene.attempt(), { error: undefined, wrong: [] }, 'none')
  for (const place of ['/proc', '/dev/shm', '/a/b', '/masked/directory', '/work/directory'])
    t.same(scene.sweep(place, FEW).wrong, [], place)
})

t.test('in a user namespace', { skip }, async t => {
  const scene = new Scene(t)
  const ids = [{ containerID: 0, hostID: ROOT_INSIDE, size: 65536 }]
  scene.world.configure(config => {
    configure(scene.world.directory)(config)
    config.linux.namespaces.push({ type: 'user' })
    Object.assign(config.linux, { uidMappings: ids, gidMappings: ids, devices: [{ path: '/devices/mine', type: 'p' }] })
  })
  execFileSync('chown', ['-R', `${ROOT_INSIDE}:${ROOT_INSIDE}`, scene.rootfs])
  t.same(scene.attempt(), { error: undefined, wrong: [] }, 'none')
  for (const place of Object.keys(PLACES)) t.same(scene.sweep(place, FEW).wrong, [], place)
})

t.test('a terminal', { skip }, async t => {
  const socket = createServer()
  const consoleSocket = join(mkdtempSync(join(tmpdir(), 'tsrunc-socket-')), 'socket')
  t.teardown(() => rmSync(dirname(consoleSocket), { recursive: true }))
  t.teardown(() => socket.close())
  await new Promise<void>(resolve => socket.listen(consoleSocket, resolve))
  const scene = new Scene(t, { consoleSocket })
  const withTerminal = (change: (config: Draft) => void = () => {}) =>
    scene.world.configure(config => {
      configure(scene.world.directory)(config)
      config.process.terminal = true
      change(config)
    })
  withTerminal()
  t.same(scene.attempt(), { error: undefined, wrong: [] }, 'none')
  const files: readonly Obstacle[] = ['a file', 'a fifo', 'a character device', 'a block device']
  for (const [place, runs] of [
    ['/dev/console', files],
    ['/dev/pts', ['a directory', ...INTO_NOTHING]],
    ['/dev', AS_DIRECTORY],
  ] as const) {
    const { ran, wrong } = scene.sweep(place, ALL)
    t.same(wrong, [], place)
    t.same(ran.sort(), [...runs].sort(), `with what at ${place} the container runs`)
  }
  withTerminal(config => {
    config.mounts = config.mounts.filter((mount: { type?: string }) => mount.type !== 'devpts')
  })
  for (const place of ['/dev/pts/ptmx', '/dev/pts']) t.same(scene.sweep(place, ALL), { ran: [], wrong: [] }, place)
})

t.test('hard links to files outside', { skip }, async t => {
  const scene = new Scene(t)
  const file = join(scene.canary.directory, 'file')
  for (const place of [
    '/dev/null',
    '/dev/console',
    '/dev/fd',
    '/a/b/file',
    '/masked/file',
    '/etc/passwd',
    '/work/directory',
  ]) {
    const path = join(scene.rootfs, place)
    rmSync(path, { recursive: true, force: true })
    mkdirSync(dirname(path), { recursive: true })
    linkSync(file, path)
    t.same(scene.attempt(false).wrong, [], place)
    rmSync(path)
  }
})

/** Place in config.json → the change that names a path there. */
const NAMED: Readonly<Record<string, (config: Draft, path: string) => void>> = {
  '/mounts/9': (config, path) => config.mounts.push(tmpfs(path)),
  '/process/cwd': (config, path) => {
    config.process.cwd = path
  },
  '/linux/maskedPaths/0': (config, path) => config.linux.maskedPaths.unshift(path),
  '/linux/readonlyPaths/0': (config, path) => config.linux.readonlyPaths.unshift(path),
  '/linux/devices/1': (config, path) => config.linux.devices.push({ path, type: 'p' }),
}
const LONG = `/${'p'.repeat(254)}`.repeat(16)
const NAMES: readonly (readonly [what: string, path: string, fits: boolean])[] = [
  ['a line feed', '/line\nfeed/\n', true],
  ['quotes, blanks and backslashes', '/" \\\' \\n\\040/%s$(x)', true],
  ['255 bytes', `/${'n'.repeat(255)}/${'ü'.repeat(127)}`, true],
  ['256 bytes', `/${'n'.repeat(256)}`, false],
  ['a path of 4,095 bytes', `${LONG}/12345678901234`, true],
  ['a path of 4,100 bytes', `${LONG}/1234567890123456/1`, false],
  ['1,000 components', '/c'.repeat(1000), true],
]

for (const [where, name] of Object.entries(NAMED))
  t.test(`names in ${where}`, { skip }, async t => {
    const scene = new Scene(t)
    for (const [what, path, fits] of NAMES) {
      scene.world.configure(config => {
        configure(scene.world.directory)(config)
        name(config, path)
      })
      const { error, wrong } = scene.attempt()
      t.same(wrong, [], what)
      if (fits) t.equal(error, undefined, what)
      else t.match(error, { where, errnoName: 'ENAMETOOLONG' }, what)
    }
    execFileSync('rm', ['-rf', scene.rootfs]) // some paths are too long for Node
  })

/** Lets names be a directory, nothing and a link out, in turn, as fast as it can. */
const RACER = `
const { renameSync } = require('node:fs')
const swap = (from, to) => { try { renameSync(from, to) } catch {} }
console.log('ready')
for (;;) for (const path of process.argv.slice(1)) {
  swap(path, path + '.before')
  swap(path + '.link', path)
  swap(path, path + '.link')
  swap(path + '.before', path)
}`

t.test('directories that become links meanwhile', { skip }, async t => {
  const scene = new Scene(t)
  scene.attempt()
  const places = [
    '/a/b',
    '/a/b/tmpfs',
    '/dev/shm',
    '/masked',
    '/frozen/directory',
    '/work',
    '/devices',
    '/proc',
    '/dev',
  ]
  const up = `${'../'.repeat(40)}${scene.canary.directory.slice(1)}`
  const paths = places.map(place => join(scene.rootfs, place))
  paths.forEach((path, index) => {
    mkdirSync(path, { recursive: true })
    symlinkSync(index % 2 ? up : scene.canary.directory, `${path}.link`)
  })
  let [runs, refusals] = [0, 0]
  // the fewer names, the more often each is the wrong one
  for (const raced of [paths, paths.slice(0, 2), paths.slice(2, 3), paths.slice(5, 6)]) {
    const racer = spawn(process.execPath, ['-e', RACER, ...raced], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => racer.kill('SIGKILL'))
    await new Promise(resolve => racer.stdout.once('data', resolve))
    for (const end = performance.now() + 800; performance.now() < end; ) {
      const { error, wrong } = scene.attempt()
      if (wrong.length > 0) t.same(wrong, [], String(error))
      if (error === undefined) runs++
      else refusals++
    }
    racer.kill('SIGKILL')
    await new Promise(resolve => racer.once('exit', resolve))
  }
  t.comment(`${runs} containers ran, ${refusals} were refused`)
  t.ok(runs + refusals > 0)
})

t.test('what the caller sees', { skip }, async t => {
  const scene = new Scene(t)
  const { directory, runtime } = scene.world
  const entry = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))
  const before = scene.canary.snapshot()
  withObstacle('a link up beyond the root', '/work', scene.aim, () => {
    const args = [entry, '--root', runtime.root, 'run', '--bundle', scene.options.bundle, newId()]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: directory })
    t.equal(status, 1)
    t.match(stderr, /^tsrunc run failed: unable to start container process: error during container init: /)
    t.match(stderr, '/process/cwd')
  })
  t.same(scene.canary.changes(before), [])
})
