// Namespaces: config-linux.md#namespaces. Each type new, joined and inherited, seen from inside and from the host.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import {
  NAMESPACE_FILES,
  NAMESPACE_TYPES,
  type NamespaceType,
  namespaceOf,
  namespacePath,
  neighbour,
} from '../neighbour.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md namespaces'

const PATIENCE_MS = 3000

/** Flags of unshare(1). */
const FLAGS = {
  pid: ['--pid'],
  network: ['--net'],
  mount: ['--mount'],
  ipc: ['--ipc'],
  uts: ['--uts'],
  user: ['--user', '--map-root-user'],
  cgroup: ['--cgroup'],
  time: ['--time'],
} as const satisfies Record<NamespaceType, readonly string[]>

/** A mount namespace cannot be joined or shared without its mounts: those have cases of their own. */
const EASY = NAMESPACE_TYPES.filter(type => type !== 'mount')

function without(world: World, type: NamespaceType): void {
  const { linux } = world.bundle.config
  linux.namespaces = linux.namespaces.filter(each => each.type !== type)
  if (type === 'uts') delete world.bundle.config.hostname
}

function replace(world: World, type: NamespaceType, path?: string): void {
  without(world, type)
  world.bundle.config.linux.namespaces.push(path === undefined ? { type } : { type, path })
  if (type !== 'user' || path !== undefined) return
  const all = [{ containerID: 0, hostID: 0, size: 65536 }]
  Object.assign(world.bundle.config.linux, { uidMappings: all, gidMappings: all })
}

/** Where the program finds itself. */
const look = (type: NamespaceType): string => `readlink /proc/self/ns/${NAMESPACE_FILES[type]}`

const isNew = NAMESPACE_TYPES.map(type =>
  defineCase(SECTION, `a ${type} namespace without a path is a new one`, world => {
    replace(world, type)
    world.bundle.script(`${look(type)} >/seen; sleep 100`)
    const pid = world.sleeping()
    world.until('the program ran', () => world.bundle.readRoot('seen')?.endsWith('\n') ?? false)
    assert.notEqual(namespaceOf(pid, type), namespaceOf('self', type))
    assert.equal(world.bundle.readRoot('seen')?.trim(), namespaceOf(pid, type))
  }),
)

const isJoined = EASY.map(type =>
  defineCase(SECTION, `a ${type} namespace with a path is joined`, world => {
    const pid = neighbour(world, ...FLAGS[type])
    replace(world, type, namespacePath(pid, type))
    assert.equal(world.output(look(type)).trim(), namespaceOf(pid, type))
  }),
)

const isInherited = EASY.filter(type => type !== 'user').map(type =>
  defineCase(SECTION, `a ${type} namespace that is not listed is the runtime's`, world => {
    without(world, type)
    assert.equal(namespaceOf(world.sleeping(), type), namespaceOf('self', type))
    if (type === 'uts') assert.equal(execFileSync('hostname', { encoding: 'utf8' }).trim(), hostname())
  }),
)

const isOfAnotherType = NAMESPACE_TYPES.map(type =>
  defineCase(SECTION, `a path that is no ${type} namespace is an error`, world => {
    const other = type === 'ipc' ? 'uts' : 'ipc'
    replace(world, type, namespacePath(neighbour(world, ...FLAGS[other]), other))
    world.refused()
  }),
)

export const namespaceCases: readonly Case[] = [
  ...isNew,
  ...isJoined,
  ...isInherited,
  ...isOfAnotherType,

  defineCase(SECTION, 'a user namespace that is not listed is the runtime’s', world => {
    assert.equal(namespaceOf(world.sleeping(), 'user'), namespaceOf('self', 'user'))
    assert.equal(world.bundle.config.linux.namespaces.length, 5)
  }),

  defineCase(SECTION, 'namespaces of several types are joined at once, in whatever order they are listed', world => {
    const types = ['network', 'ipc', 'uts', 'pid'] as const
    const pid = neighbour(world, ...types.flatMap(type => FLAGS[type]))
    for (const type of types) replace(world, type, namespacePath(pid, type))
    for (const order of [0, 1]) {
      if (order === 1) world.bundle.config.linux.namespaces.reverse()
      const seen = world.output(types.map(look).join('; ')).trim().split('\n')
      assert.deepEqual(
        seen,
        types.map(type => namespaceOf(pid, type)),
      )
    }
  }),

  defineCase(SECTION, 'two containers can share a namespace', world => {
    const pid = world.sleeping()
    const other = world.another()
    const { linux } = other.bundle.config
    linux.namespaces = linux.namespaces.map(({ type }) =>
      type === 'network' ? { type, path: namespacePath(pid, 'network') } : { type },
    )
    other.bundle.write()
    world.ok('create', '--bundle', other.bundle.path, other.id)
    const second = world.state(other.id).pid ?? 0
    assert.equal(namespaceOf(second, 'network'), namespaceOf(pid, 'network'))
    assert.notEqual(namespaceOf(second, 'ipc'), namespaceOf(pid, 'ipc'))
  }),

  defineCase(SECTION, 'a symbolic link to a namespace is followed', world => {
    const pid = neighbour(world, '--net')
    const link = join(world.directory, 'link')
    symlinkSync(namespacePath(pid, 'network'), link)
    replace(world, 'network', link)
    assert.equal(world.output(look('network')).trim(), namespaceOf(pid, 'network'))
  }),

  ...NAMESPACE_TYPES.map(type =>
    defineCase(SECTION, `a ${type} namespace listed twice is an error`, world => {
      replace(world, type)
      world.bundle.config.linux.namespaces.push({ type })
      world.refused()
    }),
  ),

  defineCase(SECTION, 'a path that is relative, missing, a file, a directory or a device is an error', world => {
    const file = join(world.directory, 'file')
    writeFileSync(file, '')
    const pid = neighbour(world, '--net')
    const relative = `..${namespacePath(pid, 'network')}`
    for (const path of [relative, '/nonexistent/ns', file, world.directory, '/dev/null']) {
      replace(world, 'network', path)
      world.refused()
    }
  }),

  defineCase(SECTION, 'a path that is a fifo is an error, and nobody waits for its other end', async world => {
    const fifo = join(world.directory, 'fifo')
    execFileSync('mkfifo', [fifo])
    replace(world, 'network', fifo)
    world.bundle.write()
    const { child, ended } = world.runtime.launch(['create', '--bundle', world.bundle.path, world.id])
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    const { status } = await ended
    clearTimeout(timer)
    assert.notEqual(status, null, 'it waited')
    assert.notEqual(status, 0)
    world.nothingLeft()
  }),

  defineCase(SECTION, 'the path of a process that is gone is an error', world => {
    const pid = neighbour(world, '--net')
    process.kill(pid, 'SIGKILL')
    const path = namespacePath(pid, 'network')
    world.until('it is gone', () => !existsSync(path))
    replace(world, 'network', path)
    world.refused()
  }),

  defineCase(SECTION, 'an unknown type of namespace is an error', world => {
    world.bundle.config.linux.namespaces.push({ type: 'dream' })
    world.refused()
  }),

  defineCase(SECTION, 'what a container mounts is not seen on the host', world => {
    world.bundle.config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'unseen' })
    const pid = world.sleeping()
    const mounts = (of: number | 'self') => execFileSync('cat', [`/proc/${of}/mountinfo`], { encoding: 'utf8' })
    assert.match(mounts(pid), / \/tmp .* tmpfs unseen /)
    assert.doesNotMatch(mounts('self'), / tmpfs unseen /)
  }),

  defineCase(SECTION, 'a new pid namespace shows its own processes alone, and the program is the first', world => {
    const seen = world.output('echo $$; ls /proc').split('\n')
    assert.equal(seen[0], '1')
    const pids = seen.slice(1).filter(name => /^\d+$/.test(name))
    assert.ok(pids.length <= 2, `pids: ${pids.join(' ')}`)
  }),

  defineCase(SECTION, 'a new network namespace has its loopback alone, and it is up', world => {
    assert.match(world.output('ip -o addr'), /^1: lo +inet 127\.0\.0\.1\/8 /)
    assert.doesNotMatch(world.output('ip -o link'), /^[2-9]: (eth|veth)/m)
  }),
]
