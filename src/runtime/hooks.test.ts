import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HookError } from '../errors.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { runHooks } from './hooks.ts'
import { state } from './query.ts'
import { start } from './start.ts'
import { cannotRun, newId, thrown, traces, until, World } from './testing.ts'

const skip = cannotRun ?? false
const sh = (script: string, rest: object = {}) => ({ path: '/bin/sh', args: ['sh', '-c', script], ...rest })

t.test('a hook gets the state, its own environment and name', async t => {
  const world = new World(t)
  const out = join(world.directory, 'out')
  runHooks(
    'prestart',
    [sh(`{ echo "$0"; env; cat; } >${out}`, { env: ['A=1'], args: ['me', '-c', `{ echo "$0"; env; cat; } >${out}`] })],
    '{"a":1}',
  )
  const lines = readFileSync(out, 'utf8').split('\n')
  t.equal(lines[0], 'me')
  t.same(
    lines.filter(line => line.includes('=')).filter(line => !/^(PWD|_|SHLVL|OLDPWD)=/.test(line)),
    ['A=1'],
  )
  t.equal(lines.at(-1), '{"a":1}')
})

t.test('a hook starts in the directory asked for', async t => {
  const world = new World(t)
  runHooks('prestart', [sh('pwd >out')], '{}', { directory: world.directory })
  t.equal(readFileSync(join(world.directory, 'out'), 'utf8'), `${world.directory}\n`)
})

t.test('how hooks fail', async t => {
  const failure = (hook: object) => thrown(() => runHooks('createRuntime', [sh('exit 0'), hook as never], '{}'))
  const exit = failure(sh('echo one; echo two >&2; exit 3'))
  t.ok(exit instanceof HookError)
  t.match(exit, {
    message: 'error running createRuntime hook #1: exit status 3, stdout: one, stderr: two',
    where: '/hooks/createRuntime/1',
  })
  t.match(failure(sh('kill -9 $$')).message, 'error running createRuntime hook #1: signal: SIGKILL, stdout: , stderr: ')
  t.match(failure({ path: '/no/such' }).message, /createRuntime hook #1: .*\/no\/such: no such file or directory/)
  t.match(failure({ path: '/etc/passwd' }).message, /permission denied/)
  const noisy = failure(sh('yes | head -c 100000 >&2; echo end >&2; exit 1')).message
  t.ok(noisy.length < 5000 && noisy.endsWith('end'), 'the end of a long output')
})

t.test('time', async t => {
  const begin = performance.now()
  const late = thrown(() => runHooks('prestart', [sh('echo begun; sleep 100', { timeout: 1 })], '{}'))
  t.match(late, {
    message: /hook ran past specified timeout of 1.0s, stdout: begun/,
    where: '/hooks/prestart/0/timeout',
  })
  runHooks('prestart', [sh('sleep 30 & exit 0', { timeout: 5 }), sh('sleep 30 >&2 & exit 0')], '{}')
  t.ok(performance.now() - begin < 4000, 'a process left behind is not waited for')
  runHooks('prestart', [sh('exec <&-; exit 0')], 'x'.repeat(1_000_000))
})

t.test('onFailure hears of each, and the rest is run', async t => {
  const world = new World(t)
  const heard: string[] = []
  const mark = join(world.directory, 'mark')
  runHooks('poststop', [sh('exit 1'), sh(`: >${mark}`), sh('exit 2')], '{}', {
    onFailure: error => heard.push(error.message),
  })
  t.match(heard, [/hook #0: exit status 1/, /hook #2: exit status 2/])
  t.ok(existsSync(mark))
})

t.test('all kinds in the life of a container', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  const before = traces(id)
  const log = join(world.directory, 'log')
  const note = (kind: string, file: string, extra = '') =>
    sh(`printf '%s ' ${kind} >>${file}; cat >>${file}; echo >>${file}; ${extra}`)
  const log2 = '/log'
  world.configure(config => {
    config.root.readonly = false
    config.process.args = ['sh', '-c', 'echo program >>/log; sleep 1000']
    config.hooks = {
      prestart: [note('prestart', log)],
      createRuntime: [note('createRuntime', log)],
      createContainer: [note('createContainer', log)],
      startContainer: [note('startContainer', log2)],
      poststart: [note('poststart', log)],
      poststop: [note('poststop', log)],
    }
  })
  const entries = (file: string) =>
    Object.fromEntries(
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map(line => [line.split(' ')[0], line.includes('{') ? JSON.parse(line.slice(line.indexOf('{'))) : undefined]),
    )
  const { pid } = create(world.runtime, id, { bundle: world.bundle })
  t.same(Object.keys(entries(log)), ['prestart', 'createRuntime', 'createContainer'])
  for (const [kind, seen] of Object.entries({ prestart: pid, createRuntime: pid, createContainer: 1 }))
    t.match(entries(log)[kind], { id, pid: seen, status: 'creating', bundle: world.bundle }, kind)
  start(world.runtime, id)
  const inside = join(world.bundle, 'rootfs/log')
  await until(() => Object.keys(entries(inside)).length === 2)
  t.match(entries(inside), { startContainer: { id, pid: 1, status: 'created' } })
  t.match(entries(log).poststart, { id, pid, status: 'running' })
  remove(world.runtime, id, { force: true })
  t.match(entries(log).poststop, { id, status: 'stopped' })
  t.notOk('pid' in entries(log).poststop)
  t.same(traces(id), before)
})

for (const kind of ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart'])
  t.test(`a failing ${kind} hook`, { skip }, async t => {
    const world = new World(t)
    const id = newId()
    const before = traces(id)
    const mark = join(world.directory, 'mark')
    world.configure(config => {
      config.hooks = { [kind]: [sh('echo oops >&2; exit 3')], poststop: [sh(`: >${mark}`)] }
    })
    const error = thrown(() => {
      create(world.runtime, id, { bundle: world.bundle })
      start(world.runtime, id)
    })
    t.ok(error instanceof HookError)
    t.match(error, {
      where: `/hooks/${kind}/0`,
      message: new RegExp(`error running ${kind} hook #0: .*status 3.*oops`),
    })
    t.same([world.ids, traces(id)], [[], before])
    t.ok(existsSync(mark), 'poststop hooks are run')
  })

t.test('no hook can change what the next one reads', { skip }, async t => {
  const world = new World(t)
  const tries = [
    'echo "[]" >&0',
    'echo "[]" >/proc/self/fd/0',
    'echo "[]" >>/proc/self/fd/0',
    'echo "[]" 1<>/proc/self/fd/0',
  ]
  const outcomes = tries.map(attempt => `(${attempt}) 2>/dev/null && echo changed >>`)
  const hooks = (out: string): object[] => [
    sh(`${outcomes.map(outcome => outcome + out).join('; ')}; :`),
    sh(`cat >>${out}; echo >>${out}`),
  ]
  const [outside, inside] = [join(world.directory, 'out'), join(world.bundle, 'rootfs/out')]
  for (const kinds of [['createContainer'], ['startContainer'], ['createContainer', 'startContainer']]) {
    world.configure(config => {
      config.root.readonly = false
      config.hooks = Object.fromEntries(kinds.map(kind => [kind, hooks(kind === 'createContainer' ? outside : '/out')]))
    })
    for (const file of [outside, inside]) writeFileSync(file, '')
    const id = newId()
    create(world.runtime, id, { bundle: world.bundle })
    start(world.runtime, id)
    remove(world.runtime, id, { force: true })
    for (const [kind, file, status] of [
      ['createContainer', outside, 'creating'],
      ['startContainer', inside, 'created'],
    ] as const) {
      const text = readFileSync(file, 'utf8')
      if (kinds.includes(kind)) t.match(JSON.parse(text), { id, status, pid: 1 }, `${kinds}: ${text}`)
      else t.equal(text, '')
    }
  }
})

t.test('a failing poststop hook is a warning', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  world.configure(config => {
    config.hooks = { poststop: [sh('exit 3')] }
  })
  create(world.runtime, id, { bundle: world.bundle })
  remove(world.runtime, id)
  t.match(world.warnings, [{ message: /error running poststop hook #0: exit status 3/ }])
  t.match(thrown(() => state(world.runtime, id)).message, 'container does not exist')
})
