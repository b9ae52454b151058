// Every command line that containerd's shim, Docker, BuildKit, conmon, podman, buildah and CRI-O send, and what must be
// understood of it.
import t from 'tap'
import { parseArguments } from './arguments.ts'
import { loadCommand } from './commands.ts'
import { GLOBAL, HELP } from './options.ts'

interface Understood {
  command: string
  globals: Record<string, unknown>
  values: Record<string, unknown>
  operands: readonly string[]
}

async function understand(line: string): Promise<Understood> {
  const argv = line.split(' ').map(word => (word === "''" ? '' : word))
  const globals = parseArguments(GLOBAL, argv, true)
  if (globals.problem) throw globals.problem
  const [name = '', ...rest] = globals.operands
  const command = await loadCommand(name)
  const given = parseArguments({ ...command.options, ...HELP }, rest, command.stopAtOperand)
  if (given.problem) throw given.problem
  const [least, most] = command.operands
  if (given.operands.length < least || given.operands.length > most) throw new Error(`operands: ${given.operands}`)
  return { command: name, globals: { ...globals.values }, values: { ...given.values }, operands: given.operands }
}

type Row = readonly [line: string, globals: object, values: object, operands: readonly string[]]

const SHIM = '--root /run/containerd/runc/k8s.io --log /b/log.json --log-format json'
const shim = { root: '/run/containerd/runc/k8s.io', log: '/b/log.json', 'log-format': 'json' }
const shimSystemd = { ...shim, 'systemd-cgroup': true }

const CONTAINERD: Row[] = [
  [`${SHIM} create --bundle /b --pid-file /b/init.pid c1`, shim, { bundle: '/b', 'pid-file': '/b/init.pid' }, ['c1']],
  [
    `${SHIM} --systemd-cgroup create --bundle /b --pid-file /b/init.pid --console-socket /tmp/pty1/pty.sock --no-pivot --no-new-keyring c1`,
    shimSystemd,
    {
      bundle: '/b',
      'pid-file': '/b/init.pid',
      'console-socket': '/tmp/pty1/pty.sock',
      'no-pivot': true,
      'no-new-keyring': true,
    },
    ['c1'],
  ],
  [`--criu /usr/sbin/criu ${SHIM} start c1`, { criu: '/usr/sbin/criu', ...shim }, {}, ['c1']],
  [
    `${SHIM} exec --process /tmp/runc-process1 --console-socket /s --detach --pid-file /b/e1.pid c1`,
    shim,
    { process: '/tmp/runc-process1', 'console-socket': '/s', detach: true, 'pid-file': '/b/e1.pid' },
    ['c1'],
  ],
  [`${SHIM} kill c1 15`, shim, {}, ['c1', '15']],
  [`${SHIM} kill --all c1 9`, shim, { all: true }, ['c1', '9']],
  [`${SHIM} delete c1`, shim, {}, ['c1']],
  [`${SHIM} delete --force c1`, shim, { force: true }, ['c1']],
  [`${SHIM} ps --format json c1`, shim, { format: 'json' }, ['c1']],
  [`${SHIM} pause c1`, shim, {}, ['c1']],
  [`${SHIM} resume c1`, shim, {}, ['c1']],
  [`${SHIM} update --resources=- c1`, shim, { resources: '-' }, ['c1']],
  [
    `${SHIM} checkpoint --image-path /i --work-path /w --parent-path /p --tcp-established --ext-unix-sk --shell-job --file-locks --empty-ns network --leave-running c1`,
    shim,
    {
      'image-path': '/i',
      'work-path': '/w',
      'parent-path': '/p',
      'tcp-established': true,
      'ext-unix-sk': true,
      'shell-job': true,
      'file-locks': true,
      'empty-ns': ['network'],
      'leave-running': true,
    },
    ['c1'],
  ],
  [
    `${SHIM} restore --image-path /i --work-path /w --detach --pid-file /b/init.pid --no-pivot -no-subreaper --bundle /b c1`,
    shim,
    {
      'image-path': '/i',
      'work-path': '/w',
      detach: true,
      'pid-file': '/b/init.pid',
      'no-pivot': true,
      'no-subreaper': true,
      bundle: '/b',
    },
    ['c1'],
  ],
  ['features', {}, {}, []],
]

const GO_RUNC: Row[] = [
  [
    '--root R --debug --rootless=auto list --format=json',
    { root: 'R', debug: true, rootless: 'auto' },
    { format: 'json' },
    [],
  ],
  ['--rootless=true state c1', { rootless: 'true' }, {}, ['c1']],
  ['events --stats c1', {}, { stats: true }, ['c1']],
  ['events --interval=5s c1', {}, { interval: '5s' }, ['c1']],
  [
    'run --bundle /b -no-subreaper --keep --detach c1',
    {},
    { bundle: '/b', 'no-subreaper': true, keep: true, detach: true },
    ['c1'],
  ],
  [
    'create --bundle /b --pidfd-socket /s --preserve-fds 2 c1',
    {},
    { bundle: '/b', 'pidfd-socket': '/s', 'preserve-fds': 2 },
    ['c1'],
  ],
]

const DOCKER: Row[] = [
  [`--log /user.log ${SHIM} create --bundle /b c1`, shim, { bundle: '/b' }, ['c1']],
  [`--debug ${SHIM} kill --all c1 9`, { debug: true, ...shim }, { all: true }, ['c1', '9']],
  [
    '--log /w/runc-log.json --log-format json run --bundle /w/x --no-pivot --keep x',
    { log: '/w/runc-log.json', 'log-format': 'json' },
    { bundle: '/w/x', 'no-pivot': true, keep: true },
    ['x'],
  ],
  ['exec --process /f --pid-file /p x', {}, { process: '/f', 'pid-file': '/p' }, ['x']],
]

const PODMAN: Row[] = [
  [
    '--systemd-cgroup --log-format=json --log /run/oci-log create --bundle /b --pid-file /p --no-pivot --no-new-keyring --preserve-fds 1 --console-socket /tmp/conmon-term.X id',
    { 'systemd-cgroup': true, 'log-format': 'json', log: '/run/oci-log' },
    {
      bundle: '/b',
      'pid-file': '/p',
      'no-pivot': true,
      'no-new-keyring': true,
      'preserve-fds': 1,
      'console-socket': '/tmp/conmon-term.X',
    },
    ['id'],
  ],
  [
    '--cgroup-manager disabled create --bundle /b --pid-file /p id',
    { 'cgroup-manager': 'disabled' },
    { bundle: '/b', 'pid-file': '/p' },
    ['id'],
  ],
  [
    'restore --bundle /b --pid-file /p --detach --image-path /i --work-path /b --tcp-close --lsm-profile=selinux:a:b --lsm-mount-context x id',
    {},
    {
      bundle: '/b',
      'pid-file': '/p',
      detach: true,
      'image-path': '/i',
      'work-path': '/b',
      'tcp-close': true,
      'lsm-profile': 'selinux:a:b',
      'lsm-mount-context': 'x',
    },
    ['id'],
  ],
  ['exec --pid-file /p --process /f --detach id', {}, { 'pid-file': '/p', process: '/f', detach: true }, ['id']],
  ['kill --all id 15', {}, { all: true }, ['id', '15']],
  ['delete --force id', {}, { force: true }, ['id']],
  ['update --resources=/tmp/r.json id', {}, { resources: '/tmp/r.json' }, ['id']],
  [
    'checkpoint --image-path /i --work-path /w --leave-running --pre-dump --parent-path ../pre-checkpoint id',
    {},
    {
      'image-path': '/i',
      'work-path': '/w',
      'leave-running': true,
      'pre-dump': true,
      'parent-path': '../pre-checkpoint',
    },
    ['id'],
  ],
]

const BUILDAH_AND_CRIO: Row[] = [
  [
    'create --bundle /b --pid-file /b/pid --no-new-keyring --console-socket /b/console.sock name',
    {},
    { bundle: '/b', 'pid-file': '/b/pid', 'no-new-keyring': true, 'console-socket': '/b/console.sock' },
    ['name'],
  ],
  ['kill name SIGKILL', {}, {}, ['name', 'SIGKILL']],
  ['kill name', {}, {}, ['name']],
  ['delete name', {}, {}, ['name']],
  [
    '--systemd-cgroup --root=/r create --bundle /b --pid-file /p id',
    { 'systemd-cgroup': true, root: '/r' },
    { bundle: '/b', 'pid-file': '/p' },
    ['id'],
  ],
  ['--root /r --systemd-cgroup kill -a id 9', { root: '/r', 'systemd-cgroup': true }, { all: true }, ['id', '9']],
  ['--root /r kill id KILL', { root: '/r' }, {}, ['id', 'KILL']],
  ['--root /r update --resources - id', { root: '/r' }, { resources: '-' }, ['id']],
  ['--root /r exec --process /f id', { root: '/r' }, { process: '/f' }, ['id']],
  [
    '--root=/a --root=/b --systemd-cgroup --systemd-cgroup create --bundle /b --pid-file /p id',
    { root: '/b', 'systemd-cgroup': true },
    { bundle: '/b', 'pid-file': '/p' },
    ['id'],
  ],
  [
    '--root=/b exec -d --tty --pid-file=/p id ls -l --all',
    { root: '/b' },
    { detach: true, tty: true, 'pid-file': '/p' },
    ['id', 'ls', '-l', '--all'],
  ],
]

for (const [client, rows] of Object.entries({ CONTAINERD, GO_RUNC, DOCKER, PODMAN, BUILDAH_AND_CRIO })) {
  t.test(`argv of ${client}`, async t => {
    for (const [line, globals, values, operands] of rows) {
      const found = await understand(line)
      t.same(found.globals, globals, `${line}: globals`)
      t.same(found.values, values, `${line}: flags`)
      t.same(found.operands, operands, `${line}: operands`)
    }
  })
}

t.test('the dialect', async t => {
  const table = {
    all: { type: 'boolean', short: 'a', about: '' },
    env: { type: 'list', short: 'e', about: '' },
    fds: { type: 'number', about: '' },
    cwd: { type: 'string', about: '' },
    format: { type: 'string', choices: ['table', 'json'], about: '' },
  } as const
  const parse = (...argv: string[]) => parseArguments(table, argv)
  t.same(parse('-all', 'x').values, { all: true }, 'a single dash before a long flag')
  t.same(parse('--a').values, { all: true }, 'two dashes before a short one')
  t.same(parse('--all=false').values, { all: false })
  t.same(parse('-e', 'A=1', '--env=B=2=3').values, { env: ['A=1', 'B=2=3'] }, 'lists gather')
  t.same(parse('--cwd', '/a', '--cwd=/b').values, { cwd: '/b' }, 'the last one wins')
  t.same(parse('--cwd', '--all').values, { cwd: '--all' }, 'a value may look like a flag')
  t.same(parse('--cwd=').values, { cwd: '' })
  t.same(parse('--cwd=a\nb').values, { cwd: 'a\nb' })
  t.same(parse('id', '--all').values, { all: true }, 'flags behind the id count')
  t.same(parse('--', '--all').operands, ['--all'], '-- ends the flags')
  t.same(parse('-').operands, ['-'])
  t.same(parse('').operands, [''])
  const cases = [
    [['--bogus=1'], 'flag provided but not defined: --bogus'],
    [['-x'], 'flag provided but not defined: -x'],
    [['--constructor'], 'flag provided but not defined: --constructor'],
    [['--=1'], 'flag provided but not defined: --'],
    [['--cwd'], 'flag needs an argument: --cwd'],
    [['--all=maybe'], 'invalid value "maybe" for flag --all: expected true or false'],
    [['--fds', '-1'], 'invalid value "-1" for flag --fds: expected a number'],
    [['--fds='], 'invalid value "" for flag --fds: expected a number'],
    [['--format', 'xml'], 'invalid value "xml" for flag --format: expected table or json'],
  ] as const
  for (const [argv, message] of cases) t.equal(parse(...argv).problem?.message, message, argv.join(' '))
  t.same(parse('--bogus', '--cwd', '/x').values, { cwd: '/x' }, 'what follows a wrong flag is still read')
})

t.test('the tables', async t => {
  const { COMMANDS } = await import('./commands.ts')
  for (const name of Object.keys(COMMANDS)) {
    const command = await loadCommand(name)
    t.equal(command.name, name)
    const shorts = Object.values({ ...command.options, ...HELP }).flatMap(({ short }) => (short ? [short] : []))
    t.equal(new Set(shorts).size, shorts.length, `${name}: no short flag twice`)
  }
  for (const name of ['bogus', 'constructor', '']) {
    const error = await loadCommand(name).then(
      () => undefined,
      (error: Error) => error.message,
    )
    t.equal(error, `"${name}" is not a command`)
  }
})
