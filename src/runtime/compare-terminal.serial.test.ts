// Terminals, descriptors and hooks of a container, as seen from inside and from its caller, under tsrunc and under
// Debian's runc.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { asUser, bind, inUserNamespace } from './fixtures/compare.ts'
import { runcSpec } from './fixtures/configs.ts'
import { ConsoleSocket, printed } from './fixtures/console-socket.ts'
import { differences, type Sections } from './fixtures/probe.ts'
import { cannotCompare, type RuntimeName, SideBySide } from './fixtures/side-by-side.ts'
import type { Draft } from './testing.ts'

const skip = cannotCompare ?? false
const RUNTIMES = ['runc', 'tsrunc'] as const

interface Accepted {
  readonly line: RegExp
  readonly reason: string
}

const ACCEPTED: readonly Accepted[] = [
  {
    line: /^mounts: [-+] \/sys\/fs\/cgroup on \/sys 3 0 /,
    reason:
      'the mount of the cgroups is asked for read-only: so is the tmpfs that holds them, which runc leaves writable',
  },
  {
    line: /^terminal: [-+] .* -?onlcr /,
    reason: "line ends are made by the container's terminal, as under crun: the caller's is all raw, not half",
  },
  {
    line: /^descriptors: (- [012] pipe |\+ (0 \/dev\/null|[12] socket) )/,
    reason: "in the foreground, too, the program has the caller's descriptors; runc has pipes of its own between",
  },
  {
    line: /^poststart: [-+] \{.*"status":"(created|running)"/,
    reason: 'the specification: after the program has been started; runc 1.1 runs them before that',
  },
  { line: /^\w+: [-+] \d descriptors$/, reason: 'hooks have no descriptor but their three; runc leaks some' },
]

/** What only one of the two shows, for no reason in the table. */
const unexplained = ([first, second]: readonly Sections[]): string[] =>
  differences(first ?? new Map(), second ?? new Map()).filter(line => !ACCEPTED.some(row => row.line.test(line)))

function terminalSpec(change: (config: Draft) => void = () => {}): Draft {
  const config = runcSpec()
  config.process.terminal = true
  config.process.args = ['sh', '/probe']
  change(config)
  return config
}

/** Both in turn; what `work` tells of each. */
async function both<T>(pair: SideBySide, config: Draft, work: (runtime: RuntimeName) => T | Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (const runtime of RUNTIMES) {
    pair.next()
    pair.prepare(config)
    results.push(await work(runtime))
  }
  return results
}

async function overSocket(
  t: Test,
  pair: SideBySide,
  runtime: RuntimeName,
): Promise<{ payload: string; sections: Sections }> {
  const path = join(pair.directory, 'console.sock')
  rmSync(path, { force: true })
  const socket = await ConsoleSocket.listen(path)
  const [program, args] = pair.command(runtime, 'run', '-d', '--console-socket', path, '-b', pair.bundle, pair.id)
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  t.equal(status, 0, `${runtime} ${stderr}`)
  const { master, payload } = await socket.accept()
  const sections = pair.sections(printed(master), true)
  master.close()
  pair.remove(runtime)
  return { payload, sections }
}

t.test('a terminal whose master goes to a socket', { skip }, async t => {
  const pair = new SideBySide(t)
  const configs = [
    terminalSpec(),
    terminalSpec(config => {
      asUser(config)
      config.process.consoleSize = { height: 40, width: 120 }
      config.root.readonly = false
    }),
  ]
  for (const config of configs) {
    const results = await both(pair, config, runtime => overSocket(t, pair, runtime))
    t.match(results[0]?.payload, /^\/dev\/ptmx$/)
    t.match(results[1]?.payload, /^\/dev\/pts\/\d+$/, 'the name of the terminal comes with it, as from newer runc')
    const sections = results.map(result => result.sections)
    for (const one of sections) t.match(one.get('terminal')?.join('\n'), /^\/dev\/(pts\/0|console)\n/)
    t.same(unexplained(sections), [])
  }
})

/** What a shell and its children print on a terminal on which nothing is typed. */
async function onTerminal(line: string): Promise<string> {
  const script = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  script.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  await new Promise(resolve => script.once('close', resolve))
  return text
}

t.test('a terminal of the caller', { skip }, async t => {
  const pair = new SideBySide(t)
  const results = await both(pair, terminalSpec(), async runtime => {
    const [program, args] = pair.command(runtime, 'run', '-b', pair.bundle, pair.id)
    const line = `stty rows 33 cols 111; ${[program, ...args].join(' ')}; echo "status $?"; stty -a`
    const text = await onTerminal(line)
    t.match(text, /status 0/, runtime)
    const [inside = '', after] = text.split('status 0')
    return { sections: pair.sections(inside, true), after }
  })
  const sections = results.map(result => result.sections)
  for (const one of sections) t.match(one.get('terminal')?.join('\n'), 'rows 33; columns 111')
  t.same(unexplained(sections), [])
  t.equal(results[1]?.after, results[0]?.after, "the caller's terminal is as it was")
})

t.test('without a terminal, in the foreground', { skip }, async t => {
  const pair = new SideBySide(t)
  const config = terminalSpec(config => {
    config.process.terminal = false
  })
  const [runc, tsrunc] = await both(pair, config, runtime => pair.sections(pair.run(runtime, { flags: [] }).text, true))
  t.same(unexplained([runc ?? new Map(), tsrunc ?? new Map()]), [])
})

t.test('descriptors that are handed on', { skip }, async t => {
  const pair = new SideBySide(t)
  const config = terminalSpec(config => {
    config.process.terminal = false
  })
  const file = join(pair.directory, 'file')
  writeFileSync(file, '')
  const sections = await both(pair, config, runtime => {
    const [program, args] = pair.command(runtime, 'run', '-d', '--preserve-fds', '2', '-b', pair.bundle, pair.id)
    const line = `LISTEN_PID=$$ LISTEN_FDS=1 exec ${[program, ...args].join(' ')} 3<${file} 4<>${file} 5</dev/null 6</dev/zero`
    const done = spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    t.equal(done.status, 0, `${runtime} ${done.stderr}`)
    pair.remove(runtime)
    return pair.sections(done.stdout, true)
  })
  t.same(unexplained(sections), [])
  for (const one of sections) t.equal(one.get('descriptors')?.length, 6)
})

t.test('the soft limit of descriptors is that of the caller, as under newer runc', { skip }, async t => {
  const pair = new SideBySide(t)
  for (const user of [false, true]) {
    const config = runcSpec()
    delete config.process.rlimits
    if (user) inUserNamespace(config, 0)
    config.process.args = ['sh', '-c', 'ulimit -Sn; ulimit -Hn']
    pair.next()
    pair.prepare(config)
    const [program, args] = pair.command('tsrunc', 'run', '-b', pair.bundle, pair.id)
    const line = `ulimit -n 1000; ulimit -Sn 333; ${[program, ...args].join(' ')}; true`
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8' })
    t.equal(stdout, '333\n1000\n', stderr)
  }
})

/** Appends what it sees to a file. */
const hook = (kind: string, file: string): Draft => ({
  path: '/bin/sh',
  args: [
    'sh',
    '-c',
    `{ echo "@@ ${kind}"; pwd; umask; id -u; env | sort; echo "$(ls /proc/self/fd | wc -l) descriptors"
      for name in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$name; done; cat; echo; } >>${file} 2>&1`,
  ],
  env: ['PATH=/bin:/usr/bin', 'A=1'],
})

t.test('hooks', { skip }, async t => {
  const pair = new SideBySide(t)
  const shared = join(pair.directory, 'shared')
  mkdirSync(shared)
  const config = terminalSpec(config => {
    config.process.terminal = false
    config.process.args = ['true']
    config.annotations = { 'org.example': 'x' }
    config.mounts.push(bind(shared, '/tmp', 'bind'))
    const kinds = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop']
    config.hooks = Object.fromEntries(kinds.map(kind => [kind, [hook(kind, join(shared, 'log'))]]))
    config.hooks.startContainer = [hook('startContainer', '/tmp/log')]
  })
  const sections = await both(pair, config, runtime => {
    rmSync(join(shared, 'log'), { force: true })
    const { status, errors } = pair.run(runtime)
    t.equal(status, 0, `${runtime} ${errors}`)
    const text = readFileSync(join(shared, 'log'), 'utf8')
      .replace(/"pid":[1-9]\d+/g, '"pid":<pid>')
      .replace(/"ociVersion":"\d+\.\d+[^"]*"/g, '"ociVersion":<version>')
    return pair.sections(
      text.replace(/^\w+:\[\d+\]$/gm, name => pair.namespaces.get(name) ?? 'new'),
      true,
    )
  })
  t.same(unexplained(sections), [])
})

t.test('a time namespace, which runc 1.1 does not know', { skip }, async t => {
  const pair = new SideBySide(t)
  const config = runcSpec()
  config.linux.namespaces.push({ type: 'time' })
  config.linux.timeOffsets = { monotonic: { secs: 100_000, nanosecs: 5 }, boottime: { secs: 1_000_000 } }
  config.process.args = ['sh', '-c', 'cat /proc/self/timens_offsets /proc/uptime; readlink /proc/self/ns/time']
  pair.next()
  pair.prepare(config)
  const before = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  const { text, status, errors } = pair.run('tsrunc')
  t.equal(status, 0, errors)
  const [monotonic, boottime, uptime = '', name = ''] = text.split('\n')
  t.match(monotonic?.split(/\s+/), ['monotonic', '100000', '5'])
  t.match(boottime?.split(/\s+/), ['boottime', '1000000', '0'])
  t.ok(Number(uptime.split(' ')[0]) >= before + 1_000_000, uptime)
  t.notOk(pair.namespaces.has(name))
})
