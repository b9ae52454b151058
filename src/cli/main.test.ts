// The command line as its callers meet it: a child process with odd stdio, logs, environments and directories.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isRoot } from '../host/testing.ts'
import { COMMANDS, loadCommand } from './commands.ts'
import { COMMAND, PROGRAM, scratch, shell, tsrunc } from './testing.ts'

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

t.test('version and help go to stdout, and nothing to stderr', async t => {
  const version = tsrunc(['--version'])
  t.match(version.stdout, /^tsrunc version \d+\.\d+\.\d+\ncommit: \S+\nspec: 1\.3\.0\n/)
  t.same([version.status, version.stderr], [0, ''])
  for (const args of [['--help'], ['-h'], [], ['help']]) {
    const help = tsrunc(args)
    t.match(help.stdout, /Usage: tsrunc .*--systemd-cgroup.*Not implemented yet: exec/s)
    t.same([help.status, help.stderr], [0, ''])
  }
  const kill = tsrunc(['kill', '--help'])
  t.match(kill.stdout, /<container-id> \[signal\].*-a, --all/s)
  t.equal(kill.status, 0)
})

t.test('the version is that of the package', async t => {
  const { version } = JSON.parse(readFileSync(join(PROGRAM, '../../package.json'), 'utf8'))
  t.equal(tsrunc(['-v']).stdout.split('\n')[0], `tsrunc version ${version}`)
})

t.test('usage errors name what is wrong and exit with 1', async t => {
  const rows = [
    [['--bogus', 'state', 'x'], /flag provided but not defined: --bogus/],
    [['state', '--bogus', 'x'], /flag provided but not defined: --bogus/],
    [['bogus'], /"bogus" is not a command/],
    [['--log-format', 'xml', 'list'], /invalid value "xml" for flag --log-format/],
    [['--root'], /flag needs an argument: --root/],
    [['restore', '--lsm-mount-context'], /flag needs an argument: --lsm-mount-context/],
    [['state'], /"state" requires exactly 1 argument\(s\)\n {2}hint: usage: tsrunc state/],
    [['kill', 'a', '9', 'b'], /"kill" requires a maximum of 2 argument\(s\)/],
    [['list', 'x'], /"list" requires exactly 0 argument\(s\)/],
    [['create', '--preserve-fds', 'x', 'y'], /invalid value "x" for flag --preserve-fds/],
  ] as const
  for (const [args, message] of rows) {
    const { status, stdout, stderr } = tsrunc(args)
    t.match(stderr, message, args.join(' '))
    t.same([status, stdout], [1, ''])
  }
})

t.test('commands that are not built are refused, with --help too', async t => {
  for (const name of Object.keys(COMMANDS)) {
    if (!(await loadCommand(name)).notImplemented) continue
    for (const argument of ['x', '--help']) {
      const { status, stdout, stderr } = tsrunc([name, argument])
      t.equal(stderr, `tsrunc: the command ${name} is not implemented yet\n`)
      t.same([status, stdout], [1, ''])
    }
  }
})

t.test('other cgroup managers are refused where a cgroup would be made, and only there', async t => {
  const root = ['--root', join(scratch(t), 'root')]
  for (const flags of [['--systemd-cgroup'], ['--cgroup-manager', 'disabled'], ['--cgroup-manager=systemd']]) {
    for (const command of ['create', 'run']) {
      const { status, stderr } = tsrunc([...root, ...flags, command, 'x'])
      t.match(stderr, `tsrunc ${command} failed: ${command} with ${flags[0]?.split('=')[0]}`)
      t.match(stderr, 'not implemented yet')
      t.equal(status, 1)
    }
    t.same(tsrunc([...root, ...flags, 'delete', '--force', 'x']), { status: 0, stdout: '', stderr: '' })
  }
})

t.test('an error is one record in the log, and its text on stderr', async t => {
  const log = join(scratch(t), 'log')
  const flags = ['--log', log, '--log-format', 'json']
  const { stderr, status } = tsrunc([...flags, '--bogus', 'list'])
  t.equal(status, 1)
  t.equal(stderr, 'tsrunc: flag provided but not defined: --bogus\n')
  const record = JSON.parse(readFileSync(log, 'utf8'))
  t.match(record, {
    level: 'error',
    msg: 'flag provided but not defined: --bogus',
    time: RFC3339,
    code: 'TSRUNC_USAGE',
  })
  tsrunc([...flags, 'checkpoint', '--help'])
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
  t.equal(lines.length, 2, 'the next run appends its own')
  t.match(JSON.parse(lines[1] ?? ''), { command: 'checkpoint', code: 'TSRUNC_UNSUPPORTED' })
})

t.test('text in the log; JSON on stderr without a log', async t => {
  const log = join(scratch(t), 'log')
  tsrunc([`--log=${log}`, 'bogus'])
  t.match(readFileSync(log, 'utf8'), /^time=\S+ level=error msg="\\"bogus\\" is not a command" code=TSRUNC_USAGE .*\n$/)
  const { stderr } = tsrunc(['--log-format', 'json', 'bogus'])
  t.equal(JSON.parse(stderr).msg, '"bogus" is not a command')
})

t.test('nothing is written to the log when all went well', async t => {
  const log = join(scratch(t), 'log')
  t.equal(tsrunc(['--log', log, '--version']).status, 0)
  t.equal(readFileSync(log, 'utf8'), '')
})

t.test('a log that cannot be opened is an error; one that cannot be written is none of its own', async t => {
  const directory = scratch(t)
  for (const log of [join(directory, 'no/log'), directory]) {
    const { status, stdout, stderr } = tsrunc(['--log', log, '--version'])
    t.match(stderr, /open the file of --log: open\(.*\): (no such file or directory|is a directory)\n {2}at \//)
    t.same([status, stdout], [1, ''])
  }
  t.match(tsrunc(['--log', '/dev/full', 'bogus']), { status: 1, stderr: /is not a command/ })
})

t.test('stdio that cannot be written changes nothing', async t => {
  for (const stdio of ['<&- >&- 2>&-', '1</dev/null 2</dev/null', '>/dev/full 2>/dev/full']) {
    t.same(shell(`tsrunc --version ${stdio}`), { status: 0, stdout: '', stderr: '' }, stdio)
    t.same(shell(`tsrunc --help ${stdio}`), { status: 0, stdout: '', stderr: '' }, stdio)
    t.same(shell(`tsrunc bogus ${stdio}`), { status: 1, stdout: '', stderr: '' }, stdio)
  }
  const status = join(scratch(t), 'status')
  shell(`{ tsrunc --help; echo $? >${status}; } | true`)
  t.equal(readFileSync(status, 'utf8'), '0\n', 'a reader that went away')
})

t.test('a pipe of the caller stays blocking', async t => {
  const flags = 'cat /proc/self/fdinfo/1 >&2'
  t.notMatch(
    shell(`{ tsrunc --version >&2; tsrunc --help; ${flags}; } | cat >/dev/null`).stderr,
    /flags:\s+0[0-7]*4[0-7]{3}\b/,
  )
})

t.test('a container that does not exist', async t => {
  const root = ['--root', join(scratch(t), 'root')]
  for (const args of [
    ['state', 'x'],
    ['start', 'x'],
    ['kill', 'x'],
    ['delete', 'x'],
    ['kill', '--all', 'x', '9'],
  ]) {
    t.same(tsrunc([...root, ...args]), { status: 1, stdout: '', stderr: 'tsrunc: container does not exist\n' })
  }
  t.same(tsrunc([...root, 'delete', '--force', 'x']), { status: 0, stdout: '', stderr: '' })
})

t.test('without an environment, and from a directory that is gone', async t => {
  const directory = scratch(t)
  const root = `--root ${join(directory, 'root')}`
  t.equal(tsrunc(['--version'], { env: {} }).status, 0)
  const gone = 'mkdir gone && cd gone && rmdir ../gone'
  t.same(shell(`${gone}; tsrunc ${root} delete --force x`, directory), { status: 0, stdout: '', stderr: '' })
  t.match(shell(`${gone}; tsrunc ${root} state x`, directory), { status: 1, stderr: /container does not exist/ })
  t.match(shell(`${gone}; tsrunc ${root} create x`, directory), {
    status: 1,
    stderr: 'tsrunc: the current directory does not exist any more\n  hint: give --bundle an absolute path\n',
  })
})

t.test('a hostile environment does not speak', async t => {
  const env = { TZ: 'Nowhere/Else', LANG: 'xx_XX', NODE_OPTIONS: '--trace-warnings', XDG_RUNTIME_DIR: '' }
  t.match(tsrunc(['--version'], { env }), { status: 0, stderr: '' })
})

t.test('roots that cannot be', async t => {
  const file = join(scratch(t), 'file')
  writeFileSync(file, '')
  t.match(tsrunc(['--root', '/', 'list']), { status: 1, stderr: /--root argument should not be set to \// })
  t.match(tsrunc(['--root', file, 'list']), { status: 1, stderr: /not a directory/ })
})

t.test('list', async t => {
  const root = scratch(t)
  t.same(tsrunc(['--root', root, 'list']), {
    status: 0,
    stdout: 'ID          PID         STATUS      BUNDLE      CREATED     OWNER\n',
    stderr: '',
  })
  t.equal(tsrunc(['--root', root, 'list', '-q']).stdout, '')
  t.equal(tsrunc(['--root', root, 'list', '-f', 'json']).stdout, 'null\n')
  mkdirSync(join(root, 'broken'))
  writeFileSync(join(root, 'broken/state.json'), '{')
  t.match(tsrunc(['--root', root, 'list', '-q']), { status: 0, stdout: '', stderr: /broken.*state\.json is damaged/ })
})

t.test('spec', async t => {
  const bundle = scratch(t)
  t.same(tsrunc(['spec'], { cwd: bundle }), { status: 0, stdout: '', stderr: '' })
  const text = readFileSync(join(bundle, 'config.json'), 'utf8')
  t.match(text, /^\{\n\t"ociVersion": "1\./)
  t.equal(JSON.parse(text).process.terminal, true)
  t.match(tsrunc(['spec', '--bundle', bundle]), {
    status: 1,
    stderr: /^tsrunc: File config.json exists. Remove it first\n/,
  })
  t.equal(readFileSync(join(bundle, 'config.json'), 'utf8'), text)
  t.match(tsrunc(['spec', '-b', join(bundle, 'none')]), { status: 1, stderr: /cannot write config.json/ })
})

t.test('features', async t => {
  const { status, stdout, stderr } = tsrunc(['features'])
  t.same([status, stderr], [0, ''])
  t.match(stdout, /^\{\n {4}"ociVersionMin": "/)
  t.match(JSON.parse(stdout), { ociVersionMin: '1.0.0', linux: { cgroup: { v1: true } } })
})

t.test('plan', async t => {
  const bundle = scratch(t)
  mkdirSync(join(bundle, 'rootfs'))
  tsrunc(['spec', '--bundle', bundle])
  const text = tsrunc(['plan', bundle])
  t.same([text.status, text.stderr], [0, ''])
  t.match(text.stdout, /pivot_root.*execve/s)
  t.match(text.stdout, '/mounts/0')
  const json = tsrunc(['plan', '--bundle', bundle, '--format', 'json'])
  t.doesNotThrow(() => JSON.parse(json.stdout))
  t.match(tsrunc(['plan', '-b', bundle, bundle]), { status: 1, stderr: /the bundle is given twice/ })
  t.match(tsrunc(['plan', join(bundle, 'none')]), { status: 1 })
})

t.test('warnings: at once for people, at a good end in a JSON log', async t => {
  const directory = scratch(t)
  mkdirSync(join(directory, 'rootfs'))
  tsrunc(['spec', '--bundle', directory])
  const config = join(directory, 'config.json')
  const spec = JSON.parse(readFileSync(config, 'utf8'))
  spec.process.capabilities.bounding.push('CAP_OF_TOMORROW')
  writeFileSync(config, JSON.stringify(spec))
  const warning = 'ignoring CAP_OF_TOMORROW of process.capabilities: unknown or unavailable capabilities'
  t.match(tsrunc(['plan', directory]), { status: 0, stderr: `tsrunc: warning: ${warning}\n` })
  const log = join(directory, 'log')
  const json = ['--log', log, '--log-format', 'json', 'plan', directory]
  t.match(tsrunc(json), { status: 0, stderr: /^$/ })
  t.match(JSON.parse(readFileSync(log, 'utf8')), {
    level: 'warning',
    msg: warning,
    time: RFC3339,
    where: '/process/capabilities',
  })
  if (!isRoot) return
  spec.process.terminal = false // and there is no sh in the rootfs
  writeFileSync(config, JSON.stringify(spec))
  writeFileSync(log, '')
  const create = ['--root', join(directory, 'root'), ...json.slice(0, 4), 'create', '--bundle', directory]
  t.match(tsrunc([...create, `warned-${process.pid}`]), { status: 1, stderr: /executable file not found/ })
  t.match(JSON.parse(readFileSync(log, 'utf8')), { level: 'error' }, 'and nothing beside it')
})

const usesNode = COMMAND.length > 1 // whose coverage tells what is loaded

t.test('hot commands load neither the planner nor yargs', { skip: usesNode ? false : 'needs Node' }, async t => {
  const directory = scratch(t)
  const loaded = (...args: string[]) => {
    const coverage = join(directory, args.join('-'))
    tsrunc(['--root', join(directory, 'root'), ...args], { env: { NODE_V8_COVERAGE: coverage } })
    return readdirSync(coverage)
      .flatMap(file => JSON.parse(readFileSync(join(coverage, file), 'utf8')).result as { url: string }[])
      .map(({ url }) => url)
  }
  for (const command of ['state', 'kill', 'delete', 'start']) {
    const urls = loaded(command, 'x')
    t.ok(
      urls.some(url => url.includes(`/cli/commands/${command}.js`)),
      `${command} ran`,
    )
    t.same(
      urls.filter(url => /\/dist\/src\/(plan|image)\/|\/yargs/.test(url)),
      [],
      command,
    )
  }
})

t.test('an error that is not ours shows its stack and is in the log', async t => {
  const directory = scratch(t)
  const log = join(directory, 'log')
  const script = join(directory, 'bug.mjs')
  const main = new URL('./main.js', import.meta.url)
  writeFileSync(
    script,
    `import { main } from ${JSON.stringify(main.href)}
     await main(['--log', ${JSON.stringify(log)}, '--log-format', 'json', '--version'])
     setTimeout(() => { throw new TypeError('a bug') })`,
  )
  const { status, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /^tsrunc: internal error: a bug\n {2}TypeError: a bug\n {2}at /)
  t.match(JSON.parse(readFileSync(log, 'utf8')), {
    level: 'error',
    msg: 'internal error: a bug',
    code: 'TSRUNC_INTERNAL',
  })
})

t.test('before it is built, the program says so', async t => {
  const directory = scratch(t)
  mkdirSync(join(directory, 'bin'))
  copyFileSync(PROGRAM, join(directory, 'bin/tsrunc.mjs'))
  const { status, stderr } = spawnSync(process.execPath, [join(directory, 'bin/tsrunc.mjs')], { encoding: 'utf8' })
  t.same([status, stderr], [1, 'tsrunc: not built yet: run "npm run setup" in its directory first\n'])
})
