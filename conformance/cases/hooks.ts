// Hooks: config.md#posix-platform-hooks and the order of runtime.md#lifecycle. Each hook of a case appends a line to a
// file of the rootfs, which hooks of the host and of the container both can reach.
import assert from 'node:assert/strict'
import { readlinkSync } from 'node:fs'
import type { Hook, HookKind } from '../bundle.ts'
import { type Case, defineCase } from '../case.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md posix-platform-hooks'
const LIFECYCLE = 'runtime.md lifecycle'

const ON_HOST: readonly HookKind[] = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop']

/** A hook that runs a shell command; LOG is the file for it to write to. */
function hook(world: World, kind: HookKind, command: string, more: Partial<Hook> = {}): Hook {
  const log = kind === 'startContainer' ? '/hooks' : world.bundle.inRoot('hooks')
  return { path: '/bin/sh', args: ['sh', '-c', command], env: [`LOG=${log}`, 'PATH=/bin:/usr/bin'], ...more }
}

const log = (world: World): string => world.bundle.readRoot('hooks') ?? ''
const lines = (world: World): string[] => log(world).split('\n').filter(Boolean)

function stateSeenBy(world: World, kind: HookKind): Record<string, unknown> {
  return JSON.parse(world.bundle.readRoot(`state.${kind}`) ?? '')
}

/** Creates, starts and deletes a container with a program that ends by itself. */
function wholeLife(world: World): void {
  world.create()
  world.start()
  world.stopped()
  world.ok('delete', world.id)
}

const failing = (world: World, kind: HookKind): Hook[] => [
  hook(world, kind, `echo ${kind} 0 >>$LOG; echo sorry >&2; exit 7`),
  hook(world, kind, `echo ${kind} 1 >>$LOG`),
]

export const hookCases: readonly Case[] = [
  defineCase(LIFECYCLE, 'the hooks before start run in order, each list as listed', world => {
    const kinds = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const
    const two = (kind: HookKind) => [0, 1].map(n => hook(world, kind, `echo ${kind} ${n} >>$LOG`))
    world.bundle.config.hooks = Object.fromEntries(kinds.map(kind => [kind, two(kind)]))
    world.bundle.script('echo program >>/hooks')
    world.create()
    const created = ['prestart', 'createRuntime', 'createContainer'].flatMap(kind => [`${kind} 0`, `${kind} 1`])
    assert.deepEqual(lines(world).slice(0, 6), created)
    world.start()
    world.stopped()
    assert.ok(!log(world).includes('poststop'))
    world.ok('delete', world.id)
    const started = lines(world).filter(line => /startContainer|program/.test(line))
    assert.deepEqual(started, ['startContainer 0', 'startContainer 1', 'program'])
    assert.deepEqual(lines(world).slice(-2), ['poststop 0', 'poststop 1'])
    assert.equal(lines(world).filter(line => line.startsWith('poststart')).length, 2)
  }),

  defineCase(LIFECYCLE, 'poststart hooks run after the program was started', world => {
    world.bundle.config.hooks = { poststart: [hook(world, 'poststart', 'echo poststart >>$LOG')] }
    world.create()
    assert.equal(log(world), '')
    world.start()
    assert.equal(log(world), 'poststart\n')
  }),

  defineCase(SECTION, 'hooks get the state on stdin', world => {
    world.bundle.config.annotations = { 'org.example': 'yes' }
    const save = (kind: HookKind) => [hook(world, kind, `cat >$\{LOG%hooks}state.${kind}`)]
    const kinds = [...ON_HOST, 'startContainer'] as const
    world.bundle.config.hooks = Object.fromEntries(kinds.map(kind => [kind, save(kind)]))
    world.bundle.script('true')
    world.create()
    const { pid } = world.state()
    world.start()
    world.stopped()
    world.ok('delete', world.id)
    for (const kind of kinds) {
      const state = stateSeenBy(world, kind)
      assert.equal(state.id, world.id, kind)
      assert.equal(state.bundle, world.bundle.path, kind)
      assert.deepEqual(state.annotations, world.bundle.config.annotations, kind)
      assert.match(String(state.ociVersion), /^\d+\.\d+\.\d+/, kind)
    }
    for (const kind of ['prestart', 'createRuntime'] as const) {
      assert.equal(stateSeenBy(world, kind).pid, pid, `${kind}: the pid on the host`)
      assert.match(String(stateSeenBy(world, kind).status), /^creat(ing|ed)$/)
    }
    assert.equal(stateSeenBy(world, 'startContainer').status, 'created')
    assert.equal(stateSeenBy(world, 'poststop').status, 'stopped')
  }),

  defineCase(SECTION, 'the pid given to createRuntime is in its final namespaces', world => {
    const look = 'for name in uts net ipc; do readlink /proc/$pid/ns/$name; done >>$LOG'
    const command = `pid=$(sed 's/.*"pid" *: *\\([0-9]*\\).*/\\1/'); ${look}`
    world.bundle.config.hooks = { createRuntime: [hook(world, 'createRuntime', command)] }
    world.create()
    const { pid } = world.state()
    assert.deepEqual(
      lines(world),
      ['uts', 'net', 'ipc'].map(name => readlinkSync(`/proc/${pid}/ns/${name}`)),
    )
  }),

  defineCase(SECTION, 'createContainer hooks run in the namespaces of the container, found on the host', world => {
    const look = 'readlink /proc/self/ns/uts /proc/self/ns/net /proc/self/ns/mnt >>$LOG'
    world.bundle.config.hooks = { createContainer: [hook(world, 'createContainer', look)] }
    world.create()
    const { pid } = world.state()
    assert.deepEqual(
      lines(world),
      ['uts', 'net', 'mnt'].map(name => readlinkSync(`/proc/${pid}/ns/${name}`)),
    )
  }),

  defineCase(SECTION, 'hooks have the environment of the config and no other', world => {
    const print = 'tr "\\\\0" "\\\\n" </proc/self/environ >>$LOG'
    for (const kind of ON_HOST.slice(0, 2)) {
      const env = ['A=1', 'PATH=/bin:/usr/bin', `LOG=${world.bundle.inRoot(`env.${kind}`)}`]
      world.bundle.config.hooks = { ...world.bundle.config.hooks, [kind]: [hook(world, kind, print, { env })] }
    }
    world.create()
    for (const kind of ON_HOST.slice(0, 2)) {
      const env = world.bundle
        .readRoot(`env.${kind}`)
        ?.split('\n')
        .filter(Boolean)
        .map(line => line.split('=')[0])
      assert.deepEqual(env?.sort(), ['A', 'LOG', 'PATH'], kind)
    }
  }),

  defineCase(SECTION, 'args[0] is the name of the hook, not its path', world => {
    const args = ['other-name', '-c', 'echo $0 >>$LOG', 'zero']
    world.bundle.config.hooks = { createRuntime: [hook(world, 'createRuntime', '', { args })] }
    world.create()
    assert.equal(log(world), 'zero\n')
  }),

  ...(['prestart', 'createRuntime', 'createContainer'] as const).map(kind =>
    defineCase(SECTION, `a failing ${kind} hook fails create, the rest is not run, nothing is left`, world => {
      world.bundle.config.hooks = { [kind]: failing(world, kind) }
      world.bundle.script('touch /ran').write()
      world.createFails(/hook/i)
      assert.deepEqual(lines(world), [`${kind} 0`])
      assert.equal(world.bundle.readRoot('ran'), undefined)
      world.nothingLeft()
    }),
  ),

  defineCase(SECTION, 'a failing startContainer hook fails start and the program does not run', world => {
    world.bundle.config.hooks = { startContainer: failing(world, 'startContainer') }
    world.bundle.script('touch /ran')
    world.create()
    world.fails(/hook/i, 'start', world.id)
    assert.deepEqual(lines(world), ['startContainer 0'])
    assert.equal(world.bundle.readRoot('ran'), undefined)
  }),

  defineCase(LIFECYCLE, 'a failing createRuntime hook leads to the poststop hooks', world => {
    world.bundle.config.hooks = {
      createRuntime: [hook(world, 'createRuntime', 'exit 7')],
      poststop: [hook(world, 'poststop', 'echo poststop >>$LOG')],
    }
    world.bundle.write()
    world.createFails()
    assert.deepEqual(lines(world), ['poststop'])
  }),

  defineCase(LIFECYCLE, 'a failing poststart hook fails start and stops the container', world => {
    world.bundle.config.hooks = { poststart: failing(world, 'poststart') }
    world.create()
    world.fails(/hook/i, 'start', world.id)
    const { status, stdout } = world.runtime.run(['state', world.id])
    if (status === 0) assert.equal(JSON.parse(stdout).status, 'stopped')
  }),

  defineCase(LIFECYCLE, 'a failing poststop hook is no error, and those behind it run', world => {
    world.bundle.config.hooks = { poststop: failing(world, 'poststop') }
    world.bundle.script('true')
    wholeLife(world)
    assert.deepEqual(lines(world), ['poststop 0', 'poststop 1'])
    world.nothingLeft()
  }),

  defineCase(SECTION, 'a hook that outlives its timeout is killed and fails', world => {
    world.bundle.config.hooks = { createRuntime: [hook(world, 'createRuntime', 'exec sleep 30', { timeout: 1 })] }
    world.bundle.write()
    const before = Date.now()
    world.createFails()
    assert.ok(Date.now() - before < 10_000)
    world.nothingLeft()
  }),

  defineCase(SECTION, 'a hook that does not exist fails create', world => {
    world.bundle.config.hooks = { createRuntime: [{ path: '/nonexistent/hook' }] }
    world.bundle.write()
    world.createFails(/nonexistent\/hook/)
    world.nothingLeft()
  }),

  defineCase(SECTION, 'a hook that does not read its stdin is fine', world => {
    world.bundle.config.annotations = { big: 'x'.repeat(200_000) }
    const ignore = (kind: HookKind) => [hook(world, kind, 'exec <&-; echo $0 >>$LOG')]
    world.bundle.config.hooks = { createRuntime: ignore('createRuntime'), poststop: ignore('poststop') }
    world.bundle.script('true')
    wholeLife(world)
    assert.equal(lines(world).length, 2)
  }),

  defineCase('runc: hooks', 'what a failing hook writes to stderr is in the error', world => {
    world.bundle.config.hooks = { createRuntime: failing(world, 'createRuntime') }
    world.bundle.write()
    world.createFails(/sorry/)
  }),

  ...(['createRuntime', 'createContainer', 'startContainer', 'poststop'] as const).map(kind =>
    defineCase(SECTION, `a thousand ${kind} hooks in one list all run`, world => {
      world.bundle.config.hooks = {
        [kind]: Array.from({ length: 1000 }, () => hook(world, kind, 'read state; echo >>$LOG')),
      }
      world.bundle.script('true')
      wholeLife(world)
      assert.equal(log(world).length, 1000)
    }),
  ),

  defineCase(SECTION, 'a megabyte of environment, for the program and for hooks', world => {
    const large = Array.from({ length: 1024 }, (_, index) => `V${index}=${'x'.repeat(1000)}`)
    const env = ['PATH=/bin:/usr/bin', ...large]
    world.bundle.config.process.env = env
    const count = 'env | grep -c ^V'
    const kinds = ['createRuntime', 'createContainer', 'startContainer'] as const
    world.bundle.config.hooks = Object.fromEntries(
      kinds.map(kind => {
        const made = hook(world, kind, `${count} >>$LOG`)
        return [kind, [{ ...made, env: [...(made.env ?? []), ...large] }]]
      }),
    )
    assert.equal(world.output(count), '1024\n')
    assert.deepEqual(lines(world), ['1024', '1024', '1024'])
  }),

  ...(['createRuntime', 'createContainer'] as const).map(kind =>
    defineCase(SECTION, `too large an environment of a ${kind} hook is an error that says so`, world => {
      const env = Array.from({ length: 8000 }, (_, index) => `V${index}=${'x'.repeat(1000)}`)
      world.bundle.config.hooks = { [kind]: [hook(world, kind, 'true', { env })] }
      world.bundle.write()
      world.createFails(/argument list too long/)
      world.nothingLeft()
    }),
  ),

  defineCase(SECTION, 'too large an environment of the program is an error that says so', world => {
    world.bundle.config.process.env = ['PATH=/bin', `SECRET=${'x'.repeat(200_000)}`]
    world.bundle.script('true').write()
    const { stderr } = world.fails(/argument list too long/, 'run', '--bundle', world.bundle.path, world.id)
    assert.doesNotMatch(stderr, /SECRET/)
    world.nothingLeft()
  }),
]
