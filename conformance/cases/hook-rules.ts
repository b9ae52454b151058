// What config.md says of each kind of hook: which paths are right, where it runs, when exactly.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hook, HookKind } from '../bundle.ts'
import { type Case, defineCase } from '../case.ts'
import { NAMESPACE_TYPES, namespaceOf } from '../neighbour.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md posix-platform-hooks'

const SECTIONS = {
  prestart: 'config.md prestart',
  createRuntime: 'config.md createruntime-hooks',
  createContainer: 'config.md createcontainer-hooks',
  startContainer: 'config.md startcontainer-hooks',
  poststart: 'config.md poststart',
  poststop: 'config.md poststop',
} as const satisfies Record<HookKind, string>
const KINDS = Object.keys(SECTIONS) as HookKind[]

const MOUNT = 3 // of the namespaces that are looked at, where "mnt" is

const shell = (command: string): Hook => ({
  path: '/bin/sh',
  args: ['sh', '-c', command],
  env: ['PATH=/bin:/usr/bin:/sbin:/usr/sbin'],
})

function live(world: World): void {
  world.bundle.script('true')
  world.create()
  world.start()
  world.stopped()
  world.ok('delete', world.id)
}

const LOOK = 'for name in uts net ipc mnt pid; do readlink /proc/self/ns/$name; done'
const OWN = ['uts', 'net', 'ipc', 'mnt', 'pid']

const seen = (file: string): string[] => readFileSync(file, 'utf8').trim().split('\n')

/** Namespaces that a hook of this kind sees, and those of the container. */
function namespacesOf(world: World, kind: HookKind): { hook: string[]; container: string[] } {
  const file = join(world.directory, 'seen')
  world.bundle.config.hooks = { [kind]: [shell(`{ ${LOOK}; } >'${kind === 'startContainer' ? '/seen' : file}'`)] }
  world.bundle.script('true')
  world.create()
  const { pid } = world.state()
  const container = OWN.map(name => readlinkSync(`/proc/${pid}/ns/${name}`))
  world.start()
  world.stopped()
  world.ok('delete', world.id)
  return { hook: seen(kind === 'startContainer' ? world.bundle.inRoot('seen') : file), container }
}

const ofRuntime = (['prestart', 'createRuntime', 'poststart', 'poststop'] as const).map(kind =>
  defineCase(SECTIONS[kind], `${kind} hooks run in the namespaces of the runtime`, world => {
    const host = OWN.map(name => readlinkSync(`/proc/self/ns/${name}`))
    const { hook } = namespacesOf(world, kind)
    // a runtime may put itself into a mount namespace of its own to be safe from its surroundings
    assert.deepEqual(hook.toSpliced(MOUNT, 1), host.toSpliced(MOUNT, 1))
  }),
)

const ofContainer = (['createContainer', 'startContainer'] as const).map(kind =>
  defineCase(SECTIONS[kind], `${kind} hooks run in the namespaces of the container`, world => {
    const { hook, container } = namespacesOf(world, kind)
    assert.deepEqual(hook, container)
    assert.ok(NAMESPACE_TYPES.length > hook.length && !hook.includes(namespaceOf('self', 'uts')))
  }),
)

const onHost = KINDS.filter(kind => kind !== 'startContainer').map(kind =>
  defineCase(SECTIONS[kind], `the path of ${kind} hooks is looked up outside of the container`, world => {
    const [hook, file] = [join(world.directory, 'hook of\nthe host'), join(world.directory, 'ran')]
    symlinkSync('/bin/sh', hook)
    world.bundle.config.hooks = { [kind]: [{ ...shell(`echo >'${file}'`), path: hook }] }
    live(world)
    assert.ok(existsSync(file))
  }),
)

export const hookRuleCases: readonly Case[] = [
  ...ofRuntime,
  ...ofContainer,
  ...onHost,

  defineCase(
    SECTIONS.startContainer,
    'the path of startContainer hooks is looked up inside of the container',
    world => {
      symlinkSync('/bin/busybox', world.bundle.inRoot('only-inside'))
      world.bundle.config.hooks = { startContainer: [{ path: '/only-inside', args: ['touch', '/ran'] }] }
      live(world)
      assert.equal(world.bundle.readRoot('ran'), '')
    },
  ),

  defineCase(SECTIONS.startContainer, 'startContainer hooks run at start, not before', world => {
    world.bundle.config.hooks = { startContainer: [shell('echo >/ran')] }
    world.bundle.script('test -e /ran && echo before >/order; sleep 100')
    world.create()
    world.wait(200)
    assert.equal(world.bundle.readRoot('ran'), undefined)
    world.start()
    world.until('the program ran', () => world.bundle.readRoot('order') === 'before\n')
  }),

  ...(['prestart', 'createRuntime', 'createContainer'] as const).map(kind =>
    defineCase(SECTIONS[kind], `${kind} hooks find the mounts made and the root not yet entered`, world => {
      const file = join(world.directory, 'seen')
      const pid = `$(sed 's/.*"pid" *: *\\([0-9]*\\).*/\\1/')`
      const command = kind === 'createContainer' ? 'cat /proc/self/mountinfo' : `cat /proc/${pid}/mountinfo`
      world.bundle.config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'made-before' })
      world.bundle.config.hooks = { [kind]: [shell(`${command} >'${file}'`)] }
      world.create()
      const line = seen(file).find(line => line.includes('made-before')) ?? ''
      assert.match(line, /\/tmp .* tmpfs made-before /)
      assert.notEqual(line.split(' ')[4], '/tmp', 'the path is still one of the host')
    }),
  ),

  defineCase(SECTIONS.createRuntime, 'createRuntime hooks can change the namespaces that were made', world => {
    const pid = `$(sed 's/.*"pid" *: *\\([0-9]*\\).*/\\1/')`
    const command = `nsenter --net --target ${pid} ip address add 10.9.8.7/32 dev lo`
    world.bundle.config.hooks = { createRuntime: [shell(command)] }
    assert.match(world.output('ip -o address'), /10\.9\.8\.7/)
  }),

  defineCase(SECTIONS.poststart, 'start returns after the poststart hooks', world => {
    const file = join(world.directory, 'ran')
    world.bundle.config.hooks = { poststart: [shell(`sleep 0.3; echo >'${file}'`)] }
    world.sleeping()
    assert.ok(existsSync(file))
  }),

  defineCase(
    SECTIONS.poststop,
    'delete returns after the poststop hooks, and they find nothing of the container',
    world => {
      const [file, groups] = [join(world.directory, 'ran'), join(world.directory, 'groups')]
      const look = `find /sys/fs/cgroup -name ${world.id} >'${groups}'; sleep 0.3; echo >'${file}'`
      world.bundle.config.hooks = { poststop: [shell(look)] }
      live(world)
      assert.ok(existsSync(file))
      assert.equal(readFileSync(groups, 'utf8'), '')
    },
  ),

  defineCase(SECTION, 'a relative path of a hook is an error, of whatever kind', world => {
    for (const kind of KINDS) {
      world.bundle.config.hooks = { [kind]: [{ path: 'bin/true' }] }
      world.refused()
    }
  }),

  defineCase(SECTION, 'a timeout that is not above zero is an error, of whatever kind', world => {
    for (const kind of KINDS)
      for (const timeout of [0, -1]) {
        world.bundle.config.hooks = { [kind]: [{ path: '/bin/true', timeout }] }
        world.refused()
      }
  }),

  defineCase(SECTION, 'a hook without arguments is called by its path', world => {
    const hook = join(world.directory, 'hook')
    const file = join(world.directory, 'ran')
    writeFileSync(hook, `#!/bin/sh\necho "$# $0" >'${file}'\n`, { mode: 0o755 })
    world.bundle.config.hooks = { createRuntime: [{ path: hook }] }
    world.create()
    assert.equal(readFileSync(file, 'utf8'), `0 ${hook}\n`)
  }),

  defineCase(SECTION, 'a hook may not be executable, or no program: an error, and nothing is left', world => {
    const hook = join(world.directory, 'hook')
    writeFileSync(hook, 'text without a first line that says what runs it')
    for (const path of [hook, world.directory, '/dev/null', `${hook}/below`]) {
      world.bundle.config.hooks = { createRuntime: [{ path }] }
      world.refused(/hook|permission|exec|directory/i)
    }
  }),

  defineCase(SECTION, 'a hook killed by a signal has failed', world => {
    world.bundle.config.hooks = { prestart: [shell('kill -9 $$')] }
    world.refused(/hook/i)
  }),
]
