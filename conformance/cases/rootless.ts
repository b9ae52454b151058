// Containers of a user without privileges, and of the root of a user namespace: what callers of runc count on.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase, Skip } from '../case.ts'
import type { Result } from '../runtime.ts'
import type { World } from '../world.ts'

const SECTION = 'runc: rootless'

/** Nobody's, so that no process of somebody else is met. */
const USER = 54_322
const AS_USER = ['setpriv', '--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups', '--inh-caps=-all']

/** The world of a user: a bundle and a state directory of its own. */
class UserWorld {
  readonly #world: World
  readonly #root: string

  constructor(world: World, before: readonly string[] = []) {
    this.#world = world
    this.#root = join(world.directory, 'root')
    mkdirSync(this.#root, { mode: 0o700 })
    for (const path of [world.directory, this.#root]) chownSync(path, USER, USER)
    chmodSync(world.directory, 0o755)
    world.runtime.launcher = [...AS_USER, ...before]
    world.atEnd(() => {
      for (const id of this.ids) this.run('delete', '--force', id)
      world.runtime.launcher = []
    })
    const { config } = world.bundle
    config.linux = { namespaces: ['pid', 'mount', 'ipc', 'uts', 'user'].map(type => ({ type })) } as typeof config.linux
    this.map([0, USER, 1])
    if (this.run('list').status !== 0) throw new Skip(`user ${USER} may not read the runtime`)
  }

  map(...ranges: readonly (readonly [containerID: number, hostID: number, size: number])[]): void {
    const list = ranges.map(([containerID, hostID, size]) => ({ containerID, hostID, size }))
    Object.assign(this.#world.bundle.config.linux, { uidMappings: list, gidMappings: list })
  }

  get ids(): string[] {
    return existsSync(this.#root) ? readdirSync(this.#root) : []
  }

  run(...args: string[]): Result {
    return this.#world.runtime.run(args, ['--root', this.#root])
  }

  ok(...args: string[]): string {
    const { status, stdout, stderr } = this.run(...args)
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }

  output(script: string): string {
    this.#world.bundle.script(script).write()
    return this.ok('run', '--bundle', this.#world.bundle.path, this.#world.id)
  }

  refused(says: RegExp): void {
    this.#world.bundle.write()
    const { status, stderr } = this.run('run', '--bundle', this.#world.bundle.path, this.#world.id)
    assert.notEqual(status, 0)
    assert.match(stderr, says)
    assert.deepEqual(this.ids, [])
  }
}

const mapOf = (host: number): RegExp => new RegExp(`^ +0 +${host} +1$`, 'm')

export const rootlessCases: readonly Case[] = [
  defineCase(SECTION, 'a user can run a container, as root of a namespace of its own', world => {
    const user = new UserWorld(world)
    const text = user.output('id -u; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups')
    assert.match(text, /^0\n/)
    assert.match(text, mapOf(USER))
    assert.match(text, /^deny$/m)
    assert.deepEqual(user.ids, [])
  }),

  defineCase(SECTION, 'a user can create, start, kill and delete', world => {
    const user = new UserWorld(world)
    world.bundle.write()
    user.ok('create', '--bundle', world.bundle.path, world.id)
    const status = () => JSON.parse(user.ok('state', world.id)).status
    assert.equal(status(), 'created')
    user.ok('start', world.id)
    assert.equal(status(), 'running')
    assert.match(user.ok('list'), new RegExp(world.id))
    user.ok('kill', world.id, 'KILL')
    world.until('it is stopped', () => status() === 'stopped')
    user.ok('delete', world.id)
    assert.deepEqual(user.ids, [])
  }),

  defineCase(SECTION, 'devices are there, bound from the host', world => {
    const user = new UserWorld(world)
    assert.equal(user.output('echo x >/dev/null && head -c 3 /dev/zero | wc -c'), '3\n')
  }),

  defineCase(SECTION, 'namespaces of network and cgroups can be new ones', world => {
    const user = new UserWorld(world)
    world.bundle.config.linux.namespaces.push({ type: 'network' }, { type: 'cgroup' })
    world.bundle.config.mounts.push({ destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] })
    assert.match(user.output('ls /sys/class/net'), /^lo\n/)
  }),

  defineCase(SECTION, 'a user without a user namespace is refused', world => {
    const user = new UserWorld(world)
    world.bundle.config.linux = { namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'uts' }] } as never
    user.refused(/rootless container.*requires? user namespaces/)
  }),

  defineCase(SECTION, 'limits without permission for cgroups are refused', world => {
    const user = new UserWorld(world)
    world.bundle.config.linux.resources = { pids: { limit: 100 } }
    user.refused(/cgroup/)
  }),

  defineCase(SECTION, 'a cgroup without permission for it is refused', world => {
    const user = new UserWorld(world)
    world.bundle.config.linux.cgroupsPath = `/${world.id}`
    user.refused(/cgroup.*permission denied|permission denied.*cgroup/is)
  }),

  defineCase(SECTION, 'groups beside the own one are refused', world => {
    const user = new UserWorld(world)
    world.bundle.config.process.user.additionalGids = [7]
    user.refused(/cannot set any additional groups in a rootless container/)
  }),

  defineCase(SECTION, 'a mount for an owner who is not mapped is refused', world => {
    const user = new UserWorld(world)
    world.bundle.config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['gid=5'] })
    user.refused(/cannot specify gid= mount options for unmapped gid/)
  }),

  defineCase(SECTION, 'ids that are not the own ones need newuidmap', world => {
    const user = new UserWorld(world)
    user.map([0, USER, 1], [1, 200_000, 1000])
    user.refused(/newuidmap|mapping tool not present/)
  }),

  defineCase(SECTION, 'the score of the OOM killer can be made worse, not better', world => {
    const user = new UserWorld(world)
    world.bundle.config.process.oomScoreAdj = -500
    user.refused(/oom_score_adj/)
    world.bundle.config.process.oomScoreAdj = 500
    assert.equal(user.output('cat /proc/self/oom_score_adj'), '500\n')
  }),

  defineCase(SECTION, 'without a cgroup of its own a container cannot change those of the user', world => {
    const user = new UserWorld(world)
    mkdirSync(world.bundle.inRoot('sys/fs/cgroup'), { recursive: true })
    world.bundle.config.mounts.push({
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'noexec', 'nodev'],
    })
    // a group bound alone may have none below it, and then the pattern stays as it is
    const text = user.output(
      'ls /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs 2>/dev/null | head -n 1;' +
        'for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do [ ! -d $d ] || { touch $d/x; mkdir $d/y; } 2>&1; done; true',
    )
    const [shown, ...said] = text.split('\n')
    assert.match(shown ?? '', /cgroup\.procs$/, 'they are there')
    assert.doesNotMatch(said.join('\n').replace(/^(touch|mkdir): .*(Read-only|denied|not permitted).*$/gm, ''), /\S/)
  }),

  ...(
    [
      ['with a mount namespace of its own', ['--mount']],
      ['with the mount namespace of the host', []],
    ] as const
  ).flatMap(([what, flags]) => [
    defineCase(SECTION, `root of a user namespace needs no other one, ${what}`, world => {
      const user = new UserWorld(world, ['unshare', '--user', '--map-root-user', ...flags])
      world.bundle.config.linux = {
        namespaces: ['pid', 'mount', 'ipc', 'uts'].map(type => ({ type })),
      } as typeof world.bundle.config.linux
      assert.match(user.output('echo x >/dev/null; cat /proc/self/uid_map'), mapOf(USER))
    }),
    defineCase(SECTION, `root of a user namespace can make another one, ${what}`, world => {
      const user = new UserWorld(world, ['unshare', '--user', '--map-root-user', ...flags])
      user.map([0, 0, 1])
      assert.match(user.output('cat /proc/self/uid_map'), mapOf(0))
    }),
  ]),

  defineCase(SECTION, 'the config.json of "spec --rootless" runs as it is', world => {
    const user = new UserWorld(world)
    const directory = world.bundle.path
    spawnSync('rm', ['-f', join(directory, 'config.json')])
    chownSync(directory, USER, USER)
    user.ok('spec', '--rootless', '--bundle', directory)
    const typed = `echo 'id -u; exit 3' | script -qec "$0 $*" /dev/null`
    const before = world.runtime.launcher
    world.runtime.launcher = [...before, 'sh', '-c', typed]
    const { status, stdout } = user.run('run', '--bundle', directory, world.id)
    world.runtime.launcher = before
    assert.equal(status, 3, stdout)
    assert.match(stdout, /^0\r?$/m)
  }),
]
