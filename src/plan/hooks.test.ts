import { readdirSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing, testContext } from '../dev/golden.ts'
import { type Ended, kernelContext, openingShared, Program } from '../dev/stages.ts'
import { HookError, SyscallError } from '../errors.ts'
import { workDirectory } from '../host/testing.ts'
import type { Hook, Hooks } from '../spec/gen/types.ts'
import { planExec } from './gate.ts'
import { planCreateContainerHooks, planHostHooks, planStartContainerHooks } from './hooks.ts'

t.test('listing', t => {
  const hooks: Hooks = {
    prestart: [{ path: '/bin/prestart' }],
    createContainer: [{ path: '/bin/first', args: ['first', 'a'], env: ['A=1'], timeout: 3 }],
    startContainer: [{ path: '/bin/second' }],
  }
  const text = stageListing({ spec: { hooks } }, planHostHooks, planCreateContainerHooks, planStartContainerHooks)
  t.equal(text, golden('hooks', text))
  const none = { prestart: [], createRuntime: [], poststop: [{ path: '/bin/x' }] }
  const stages = [planHostHooks, planCreateContainerHooks, planStartContainerHooks]
  t.equal(stageListing({ spec: { hooks: none } }, ...stages), '\n', 'the host has nothing to do')
  t.end()
})

const shell = (script: string, rest: Partial<Hook> = {}): Hook => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  ...rest,
})

function run(hooks: Hooks, root = '/'): Ended {
  const context = kernelContext({ spec: { hooks }, process: { env: ['A=program', 'PATH=/bin:/usr/bin'] } })
  const stages = [planCreateContainerHooks, planStartContainerHooks]
  const ops = [...openingShared(context, root), ...stages.flatMap(stage => stage(context))]
  return new Program(context, ops, { hookState: '{"id":"x"}' }).end()
}

t.test('every hook gets the state, in order; what they print is kept', t => {
  const script = 'echo "$1 $(cat)"; echo err >&2'
  const hook = (name: string): Hook => ({
    path: '/bin/sh',
    args: ['sh', '-c', script, 'x', name],
    env: ['PATH=/bin:/usr/bin'],
  })
  const ended = run({ createContainer: [hook('one'), hook('two')], startContainer: [hook('three')] })
  t.match(ended, { exitCode: 0, error: undefined, stdout: '', stderr: '' })
  t.equal(ended.hookOutput, ['one', 'two', 'three'].map(name => `${name} {"id":"x"}\nerr\n`).join(''))
  t.end()
})

t.test('environment, working directory and descriptors', t => {
  const root = workDirectory(t)
  const show = 'echo A=$A HOME=$HOME; pwd; exec ls /proc/self/fd'
  const ended = run(
    {
      createContainer: [{ path: '/bin/sh', args: ['sh', '-c', `PATH=/bin:/usr/bin; ${show}`] }],
      startContainer: [shell(show)],
    },
    root,
  )
  t.match(ended, { exitCode: 0 })
  t.match(
    ended.hookOutput,
    new RegExp(`^A= HOME=\n${root}\n0\n1\n2\n3\nA=program HOME=/\n.*\n0\n1\n2\n3\n$`),
    '3 is the one of ls',
  )
  const named = run({ startContainer: [{ path: '/usr/bin/env', env: ['X=1'] }] })
  t.equal(named.hookOutput, 'X=1\n', 'an environment of its own is the whole one')
  t.equal(run({ startContainer: [{ path: '/usr/bin/env', env: [] }] }).hookOutput, '', 'also an empty one')
  t.end()
})

t.test('a hook that fails ends the program; the later ones do not run', t => {
  const failing = (hook: Hook): Error | undefined => {
    const ended = run({ createContainer: [shell('exit 0'), hook, shell('echo later')] })
    t.equal(ended.exitCode, 1)
    t.notMatch(ended.hookOutput, 'later')
    return ended.error
  }
  const prefix = 'error running createContainer hook #1'
  const where = '/hooks/createContainer/1'
  t.match(failing(shell('exit 3')), { message: `${prefix}: the hook exited with status 3`, where })
  t.ok(failing(shell('exit 255')) instanceof HookError)
  t.match(failing(shell('kill -9 $$')), { message: `${prefix}: the hook was killed by SIGKILL`, where })
  t.match(failing({ path: '/nope' }), {
    message: new RegExp(`^${prefix}: execve\\("/nope".*no such file or directory$`),
    where,
  })
  t.ok(failing({ path: '/etc/passwd' }) instanceof SyscallError)
  t.end()
})

t.test('a hook that takes too long is killed, one in time is not', t => {
  const begin = Date.now()
  const late = run({ startContainer: [shell('echo pid=$$; exec sleep 60', { timeout: 1 })] })
  t.match(late.error, {
    message: 'error running startContainer hook #0: the hook did not end within its timeout',
    where: '/hooks/startContainer/0',
  })
  t.ok(Date.now() - begin < 10_000)
  const pid = /pid=(\d+)/.exec(late.hookOutput)?.[1] ?? ''
  t.notOk(readdirSync('/proc').includes(pid), 'it is gone')
  t.match(run({ startContainer: [shell('exit 0', { timeout: 60 })] }), { exitCode: 0, error: undefined })
  t.match(run({ startContainer: [shell('exit 4', { timeout: 60 })] }).error, { message: /exited with status 4/ })
  t.end()
})

t.test('the program and all hooks that get its environment share it', t => {
  const startContainer = Array.from({ length: 1000 }, () => ({ path: '/bin/x' }))
  const env = Array.from({ length: 1000 }, (_, i) => `V${i}=${'x'.repeat(1000)}`)
  const context = testContext({ process: { env }, spec: { hooks: { startContainer } } })
  const ops = [...planStartContainerHooks(context), ...planExec(context)]
  const environments = ops.flatMap(op => (op.kind === 'syscall' && op.name === 'execve' ? [op.args[2]] : []))
  t.equal(environments.length, 1001)
  t.equal(new Set(environments).size, 1)
  t.end()
})

t.test('the host is asked to run its hooks, and waited for', t => {
  const context = kernelContext({ spec: { hooks: { createRuntime: [{ path: '/bin/x' }] } } })
  const program = new Program(context, planHostHooks(context))
  t.equal(program.hear()?.kind, 'HOOKS')
  program.go()
  t.match(program.end(), { exitCode: 0, error: undefined })
  t.end()
})
