// The executable in surroundings that mean no good: variables that Bun obeys, configuration files in the current
// directory, names, odd file systems. What a variable does to a program that Bun has made is shown by the same code
// without executable-file.ts: the control.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import {
  CALLING,
  containerBundle,
  home,
  needsBusybox,
  needsRoot,
  place,
  run,
  TSRUNC,
  without,
} from './executable-testing.ts'
import { CONTROL, ORDINARY } from './ordinary-testing.ts'

/** Files in the current directory that a script engine may look for; each would leave the file "canary" there. */
function hostileDirectory(): string {
  const directory = place()
  const canary = join(directory, 'canary')
  const script = `require("fs").writeFileSync(${JSON.stringify(canary)}, "")`
  for (const name of ['canary.js', 'index.js', 'koffi.node', 'tsrunc.js']) writeFileSync(join(directory, name), script)
  const settings = { preload: ['./canary.js'], main: 'canary.js', compilerOptions: { types: ['./canary.js'] } }
  for (const name of ['package.json', 'tsconfig.json']) writeFileSync(join(directory, name), JSON.stringify(settings))
  for (const name of ['bunfig.toml', '.bunfig.toml'])
    writeFileSync(join(directory, name), 'preload = ["./canary.js"]\n')
  const variables = Object.entries(hostileVariables(directory)).map(([name, value]) => `${name}=${value}\n`)
  for (const name of ['.env', '.env.local', '.env.production']) writeFileSync(join(directory, name), variables.join(''))
  mkdirSync(join(directory, 'node_modules/koffi'), { recursive: true })
  writeFileSync(join(directory, 'node_modules/koffi/index.js'), script)
  return directory
}

function hostileVariables(directory: string): Record<string, string> {
  const script = join(directory, 'canary.js')
  const canary = join(directory, 'canary')
  return {
    BUN_OPTIONS: `--preload=${script}`,
    BUN_BE_BUN: '1',
    BUN_INSPECT_PRELOAD: script,
    BUN_INSPECT: 'ws://127.0.0.1:0/x',
    BUN_INSPECT_NOTIFY: `unix://${canary}`,
    BUN_INSPECT_CONNECT_TO: `unix://${canary}`,
    BUN_TMPDIR: directory,
    BUN_CONFIG_PRELOAD: script,
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: directory,
    BUN_BYTECODE_ORDER_OUT: canary,
    BUN_JSC_dumpOptions: '1',
    BUN_JSC_useJIT: '1',
    BUN_JSC_functionOverrides: script,
    BUN_JSC_dumpBytecodesFunctions: '1',
    JSC_dumpOptions: '1',
    BUN_DEBUG: canary,
    BUN_GARBAGE_COLLECTOR_LEVEL: '2',
    MIMALLOC_VERBOSE: '3',
    MIMALLOC_SHOW_STATS: '1',
    NODE_OPTIONS: `--require=${script}`,
    NODE_PATH: directory,
    NODE_CHANNEL_FD: '2',
    NODE_V8_COVERAGE: directory,
    TMPDIR: directory,
    HOME: directory,
    XDG_CONFIG_HOME: directory,
    NODE_EXTRA_CA_CERTS: script,
    SSLKEYLOGFILE: canary,
  }
}

t.test('no variable and no file of the current directory changes anything', t => {
  const args = ['features']
  const expected = run(TSRUNC, args)
  t.equal(expected.status, 0)
  const cwd = hostileDirectory()
  const files = readdirSync(cwd).sort()
  const check = (env: Record<string, string>, what: string): void => {
    const { status, stdout, stderr } = run(TSRUNC, args, { env, cwd })
    t.same([status, stdout, stderr], [0, expected.stdout, ''], what)
    t.same(readdirSync(cwd).sort(), files, `${what}: no file is made`)
  }
  const variables = hostileVariables(cwd)
  check({}, 'the directory alone')
  for (const [name, value] of Object.entries(variables)) check({ [name]: value }, name)
  check(variables, 'all of them')
  t.end()
})

t.test('control: without our changes such variables do their work', t => {
  const cwd = hostileDirectory()
  const { stdout } = run(CONTROL, ['--version'])
  const variables = hostileVariables(cwd)
  const { BUN_OPTIONS = '', BUN_BE_BUN = '', BUN_JSC_dumpOptions = '' } = variables
  run(CONTROL, ['--version'], { env: { BUN_OPTIONS }, cwd })
  t.ok(existsSync(join(cwd, 'canary')), 'a file is run')
  t.not(run(CONTROL, ['--version'], { env: { BUN_BE_BUN }, cwd }).stdout, stdout)
  t.match(run(CONTROL, ['--version'], { env: { BUN_JSC_dumpOptions }, cwd }).stderr, /dumpOptions/)
  t.end()
})

t.test('the name that it is called by', t => {
  for (const argv0 of ['bun', 'bunx', 'node', 'sh', '/bin/bun', '-tsrunc', '', '../../x', 'x'.repeat(5000)]) {
    const { stdout, status } = run(TSRUNC, ['--version'], { argv0 })
    t.match(stdout, /^tsrunc version /, argv0.slice(0, 10))
    t.equal(status, 0)
  }
  t.match(run(TSRUNC, ['-e', '1'], { argv0: 'node' }).stderr, 'flag provided but not defined: -e')
  t.end()
})

t.test('the variables that mean something arrive', { skip: needsRoot || without('unshare') }, t => {
  // root of a user namespace has a state directory like any user, unless it calls itself root
  const list = (env: Record<string, string>) => run('unshare', ['--user', '--map-root-user', TSRUNC, 'list'], { env })
  const PATH = process.env.PATH ?? ''
  const { stdout, status, stderr } = list({ PATH, XDG_RUNTIME_DIR: place(), A: '1' })
  t.same([status, stderr], [0, ''])
  t.match(stdout, /^ID /)
  t.match(list({ PATH, XDG_RUNTIME_DIR: '/dev/null' }).stderr, '/dev/null/tsrunc')
  t.notMatch(list({ PATH, XDG_RUNTIME_DIR: '/dev/null', USER: 'root' }).stderr, '/dev/null/tsrunc')
  t.end()
})

const HIDDEN = ['/tmp', '/var/tmp', '/dev/shm']
const isHidden =
  HIDDEN.some(path => home.startsWith(`${path}/`)) && 'the checkout is in a directory that would be hidden'
const cannotHide = needsRoot || without('unshare', 'mount') || isHidden

t.test('without a temporary directory that is of any use', { skip: cannotHide }, t => {
  const bad = HIDDEN.map(path => `mount -t tmpfs -o ro,noexec none ${path}`).join(' && ')
  for (const prepare of [bad, 'mount -t tmpfs -o ro,noexec none /dev/shm && umount -l /tmp 2>/dev/null; true']) {
    const script = `${prepare}; exec "$0" "$@"`
    const { status, stderr } = run('unshare', ['-m', 'sh', '-c', script, TSRUNC, ...CALLING], {
      env: { PATH: process.env.PATH ?? '' },
    })
    t.same([status, stderr], [0, ''])
  }
  t.end()
})

t.test('names of errors are not those of the minifier', t => {
  const { stderr } = run(TSRUNC, ['--root', join(place(), 'root'), '--debug', 'state', 'x'])
  t.match(stderr, /^tsrunc: container does not exist\n/)
  t.match(stderr, /StateError/)
  t.end()
})

t.test('runs a container in hostile surroundings', { skip: needsBusybox }, t => {
  const directory = containerBundle(['env'])
  const cwd = hostileDirectory()
  const root = ['--root', join(place(), 'root')]
  const { status, stdout, stderr } = run(TSRUNC, [...root, 'run', '--bundle', directory, `executable-${process.pid}`], {
    env: hostileVariables(cwd),
    cwd,
  })
  t.same([status, stderr], [0, ''])
  t.match(stdout, /^PATH=.*\nTERM=xterm\nHOME=\/\n$/)
  t.notOk(existsSync(join(cwd, 'canary')))
  t.end()
})

for (const program of [TSRUNC, ORDINARY])
  t.test(`no memory of ${basename(program)} is writable and executable`, { skip: needsBusybox }, async t => {
    const directory = containerBundle(['cat'])
    const argv = ['--root', join(place(), 'root'), 'run', '--bundle', directory, `executable-maps-${process.pid}`]
    const child = spawn(program, argv, { cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.write('x')
    await new Promise(resolve => child.stdout.once('data', resolve))
    const maps = readFileSync(`/proc/${child.pid}/maps`, 'utf8')
    child.stdin.end()
    const status = await new Promise(resolve => child.once('exit', resolve))
    t.equal(status, 0)
    if (program === ORDINARY) t.match(maps, 'koffi.node')
    t.match(maps, basename(program))
    t.notMatch(maps, / rwx/)
    t.end()
  })
