// What people and programs get wrong, each refused in clear words and without a trace.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { TsruncError } from '../errors.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { kill } from './kill.ts'
import { list, state } from './query.ts'
import { start } from './start.ts'
import { openRuntime } from './store.ts'
import { cannotRun, type Draft, newId, thrown, traces, until, World } from './testing.ts'

const skip = cannotRun ?? false

interface Case {
  readonly name: string
  /** Changes config.json, or the bundle. */
  readonly config?: (config: Draft) => void
  readonly bundle?: (world: World) => void
  readonly message: RegExp
  readonly where?: string | RegExp
}

const program = (args: string[], env?: string[]) => (config: Draft) => {
  config.process.args = args
  if (env !== undefined) config.process.env = env
}
const rootfs = (path: string) => (config: Draft) => {
  config.root.path = path
}

const CASES: readonly Case[] = [
  {
    name: 'no config.json',
    bundle: world => rmSync(join(world.bundle, 'config.json')),
    message: /JSON specification file config.json not found/,
  },
  { name: 'an empty config.json', bundle: world => world.write('config.json', ''), message: /empty/ },
  {
    name: 'a truncated config.json',
    bundle: world => world.write('config.json', '{"ociVersion": "1.0'),
    message: /config.json is not valid/,
  },
  {
    name: 'a binary config.json',
    bundle: world => world.write('config.json', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe, 0)),
    message: /config.json is not valid/,
  },
  {
    name: 'config.json is a directory',
    bundle(world) {
      rmSync(join(world.bundle, 'config.json'))
      mkdirSync(join(world.bundle, 'config.json'))
    },
    message: /config.json is not a regular file/,
  },
  {
    name: 'config.json is a fifo',
    bundle(world) {
      rmSync(join(world.bundle, 'config.json'))
      symlinkSync('/proc/self/fd/0/nothing', join(world.bundle, 'config.json'))
    },
    message: /config.json/,
  },
  {
    name: 'a wrong type',
    config(config) {
      config.process.cwd = 7
    },
    message: /cwd/,
    where: '/process/cwd',
  },
  {
    name: 'a wrong ociVersion',
    config(config) {
      config.ociVersion = '2.0.0'
    },
    message: /ociVersion/,
    where: '/ociVersion',
  },
  { name: 'no rootfs', config: rootfs('nowhere'), message: /invalid rootfs: .*no such file/, where: '/root/path' },
  { name: 'the rootfs is a file', config: rootfs('config.json'), message: /not a directory/, where: '/root/path' },
  {
    name: 'the rootfs is a loop of links',
    bundle: world => symlinkSync('loop', join(world.bundle, 'loop')),
    config: rootfs('loop'),
    message: /too many levels of symbolic links/,
    where: '/root/path',
  },
  { name: 'no args', config: program([]), message: /args must not be empty/, where: '/process/args' },
  { name: 'the program is not there', config: program(['/no']), message: /exec: "\/no": .*no such file or directory/ },
  {
    name: 'the program is not in PATH',
    config: program(['no'], ['PATH=/bin:/usr/bin']),
    message: /exec: "no": executable file not found in \$PATH/,
  },
  {
    name: 'the program is not executable',
    bundle: world => writeFileSync(join(world.bundle, 'rootfs/text'), 'x'),
    config: program(['/text']),
    message: /permission denied/,
  },
  { name: 'the program is a directory', config: program(['/bin']), message: /is a directory|permission denied/ },
  {
    name: 'cwd is a file',
    config(config) {
      config.process.cwd = '/bin/busybox'
    },
    message: /not a directory/,
    where: '/process/cwd',
  },
]

for (const { name, bundle, config, message, where } of CASES)
  t.test(name, { skip }, async t => {
    const world = new World(t)
    const id = newId()
    const before = traces(id)
    world.configure(config)
    bundle?.(world)
    const error = thrown(() => create(world.runtime, id, { bundle: world.bundle }))
    t.ok(error instanceof TsruncError, `an error of ours: ${error.stack}`)
    t.match(error.message, message)
    if (where !== undefined) t.match(error, { where })
    t.same(world.ids, [])
    t.same(traces(id), before)
  })

t.test('no bundle', { skip }, async t => {
  const world = new World(t)
  const error = thrown(() => create(world.runtime, newId(), { bundle: join(world.directory, 'nowhere') }))
  t.match(error, { code: 'TSRUNC_STATE', message: /bundle.*no such file or directory/ })
})

t.test('ids', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  t.match(thrown(() => create(runtime, '', { bundle })).message, 'container id cannot be empty')
  for (const id of ['..', '.', 'a/b', '/', 'a\nb', 'a b', 'ü', '\0', 'x'.repeat(1000)])
    for (const call of [
      () => create(runtime, id, { bundle }),
      () => state(runtime, id),
      () => start(runtime, id),
      () => kill(runtime, id),
      () => remove(runtime, id, { force: true }),
    ])
      t.match(thrown(call), { code: 'TSRUNC_STATE', message: /^invalid container ID format: / })
  t.same(world.ids, [])
})

t.test('roots', { skip }, async t => {
  const world = new World(t)
  const { bundle } = world
  const file = join(world.directory, 'file')
  writeFileSync(file, '')
  t.match(thrown(() => openRuntime({ root: '/' })).message, 'Option --root argument should not be set to /')
  for (const root of [file, join(file, 'below'), '/proc/nowhere'])
    t.match(
      thrown(() => create(openRuntime({ root }), newId(), { bundle })),
      { code: 'TSRUNC_STATE', where: root },
    )
  const open = join(world.directory, 'open')
  mkdirSync(open)
  chmodSync(open, 0o777)
  t.match(thrown(() => list(openRuntime({ root: open }))).message, /every user may change it/)
  t.match(thrown(() => list(openRuntime({ root: join(open, 'nowhere') }))).message, /no such file or directory/)
  const linked = join(world.directory, 'linked')
  symlinkSync(mkdtempSync(join(tmpdir(), 'tsrunc-linked-')), linked)
  t.same(list(openRuntime({ root: linked })), { containers: [], problems: [] })
})

t.test('an unknown signal', { skip }, async t => {
  const world = new World(t)
  for (const signal of ['', 'SIG', 'NOPE', '0', '65', '-1', '9x', 'SIGRTMIN+40'])
    t.match(thrown(() => kill(world.runtime, 'x', signal)).message, `unknown signal ${JSON.stringify(signal)}`)
})

t.test('real-time signals, and names in any case', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  world.configure(config => {
    config.process.args = ['sh', '-c', 'trap "exit 0" USR1; trap "" RTMIN+1; while :; do sleep 0.02; done']
  })
  create(world.runtime, id, { bundle: world.bundle })
  start(world.runtime, id)
  for (const signal of ['SIGRTMIN+1', 'rtmin+1', '35', 35, 'SigCont', 'winch']) kill(world.runtime, id, signal)
  t.equal(state(world.runtime, id).status, 'running')
  await until(() => {
    kill(world.runtime, id, 'usr1', { all: true })
    return state(world.runtime, id).status === 'stopped'
  })
  remove(world.runtime, id)
})
