// What runtime.md says of all operations together: the lifecycle, errors that leave nothing, resources that are undone
// and those that are none of the runtime's.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import { namespaceOf, namespacePath, neighbour } from '../neighbour.ts'
import type { World } from '../world.ts'

const LIFECYCLE = 'runtime.md lifecycle'
const ERRORS = 'runtime.md errors'

const PATIENCE_MS = 3000

const touch = (path: string) => ({ path: '/bin/sh', args: ['sh', '-c', `echo >${path}`] })

/** A hook that holds create up until the file is there. */
const waiting = (file: string) => ({
  path: '/bin/sh',
  args: ['sh', '-c', `while [ ! -e ${file} ]; do sleep 0.02; done`],
  env: ['PATH=/bin:/usr/bin'],
})

/** Configs that cannot be made, each for a reason that only the machine knows. */
const IMPOSSIBLE: Readonly<Record<string, (world: World) => void>> = {
  'a file system that the kernel does not have': ({ bundle }) =>
    bundle.config.mounts.push({ destination: '/tmp', type: 'nosuchfs', source: 'none' }),
  'a bind of what is not there': ({ bundle }) =>
    bundle.config.mounts.push({ destination: '/tmp', source: '/nonexistent', options: ['bind'] }),
  'a sysctl that does not exist': ({ bundle }) => {
    bundle.config.linux.sysctl = { 'net.ipv4.nonexistent': '1' }
  },
  'a sysctl with a value that is none': ({ bundle }) => {
    bundle.config.linux.sysctl = { 'net.ipv4.ip_forward': 'perhaps' }
  },
  'a limit that the kernel refuses': ({ bundle }) => {
    bundle.config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 2 ** 40, hard: 2 ** 40 }]
  },
  'a working directory that is a file': ({ bundle }) => {
    writeFileSync(bundle.inRoot('file'), '')
    bundle.config.process.cwd = '/file'
  },
}

export const lifecycleCases: readonly Case[] = [
  defineCase('runtime.md operations', 'create, start, kill and delete want an id, create a bundle', world => {
    for (const args of [['create'], ['start'], ['kill'], ['delete']]) world.fails(undefined, ...args)
    world.fails(undefined, 'create', '--bundle', world.bundle.path)
    world.fails(undefined, 'create', '--bundle', join(world.directory, 'none'), world.id)
    world.nothingLeft()
  }),

  defineCase('runtime.md scope-of-a-container', 'every operation works in another process than create', world => {
    world.create()
    const before = world.state()
    world.start()
    assert.deepEqual({ ...world.state(), status: '' }, { ...before, status: '' })
    world.ok('kill', world.id, 'KILL')
    world.stopped()
    world.ok('delete', world.id)
    world.nothingLeft()
  }),

  defineCase('runtime.md state', 'the status is creating while create is at work', async world => {
    const file = join(world.directory, 'go on')
    world.bundle.config.hooks = { createRuntime: [waiting(JSON.stringify(file))] }
    world.bundle.write()
    const { ended } = world.runtime.launch(['create', '--bundle', world.bundle.path, world.id])
    const status = () => {
      const { status, stdout } = world.runtime.run(['state', world.id])
      return status === 0 ? JSON.parse(stdout).status : ''
    }
    try {
      await world.eventually('it is creating', () => status() === 'creating', PATIENCE_MS)
      world.fails(undefined, 'start', world.id)
      world.createFails(/exists/)
      assert.equal(status(), 'creating')
    } finally {
      writeFileSync(file, '')
    }
    assert.equal((await ended).status, 0)
    assert.equal(world.status(), 'created')
  }),

  defineCase('runtime.md state', 'the document of a running and of a stopped container', world => {
    world.bundle.config.annotations = { 'com.example': 'x' }
    const pid = world.sleeping()
    const running = world.state()
    assert.equal(running.status, 'running')
    assert.ok(existsSync(`/proc/${pid}`))
    world.ok('kill', world.id, 'KILL')
    world.stopped()
    const stopped = world.state()
    assert.equal(stopped.status, 'stopped')
    for (const key of ['ociVersion', 'id', 'bundle', 'annotations'] as const)
      assert.deepEqual(stopped[key], running[key], key)
  }),

  defineCase(LIFECYCLE, 'all but the program is there when create has ended', world => {
    const { config } = world.bundle
    config.hostname = 'made.early'
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'early' })
    config.linux.sysctl = { 'net.ipv4.ip_forward': '1' }
    config.linux.devices = [{ path: '/dev/early', type: 'c', major: 1, minor: 3 }]
    config.root.readonly = true
    world.bundle.script('touch /tmp/ran')
    world.create()
    const pid = String(world.state().pid)
    const inside = (...command: string[]) =>
      execFileSync('nsenter', ['--all', '--root', '--target', pid, '/bin/busybox', ...command], { encoding: 'utf8' })
    assert.equal(inside('hostname'), 'made.early\n')
    assert.match(inside('cat', '/proc/mounts'), /^early \/tmp tmpfs rw/m)
    assert.match(inside('cat', '/proc/mounts'), /^\S+ \/ \S+ ro/m)
    assert.equal(inside('cat', '/proc/sys/net/ipv4/ip_forward'), '1\n')
    assert.match(inside('ls', '-l', '/dev/early'), /^c/)
    assert.match(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), new RegExp(`/${world.id}$`, 'm'))
    assert.equal(inside('ls', '/tmp'), '')
  }),

  defineCase(LIFECYCLE, 'the hooks are those that create read, whatever config.json says later', world => {
    const [old, young] = ['old', 'new'].map(name => join(world.directory, name))
    const hooks = (directory: string) => ({
      startContainer: [{ path: '/bin/sh', args: ['sh', '-c', `echo >/start.${directory.split('/').pop()}`] }],
      poststart: [touch(`${directory}.poststart`)],
      poststop: [touch(`${directory}.poststop`)],
    })
    world.bundle.script('true')
    world.bundle.config.hooks = hooks(old ?? '')
    world.create()
    world.bundle.config.hooks = hooks(young ?? '')
    world.bundle.write()
    world.start()
    world.stopped()
    world.ok('delete', world.id)
    for (const kind of ['poststart', 'poststop']) {
      assert.ok(existsSync(`${old}.${kind}`), kind)
      assert.ok(!existsSync(`${young}.${kind}`), `the new ${kind}`)
    }
    assert.equal(world.bundle.readRoot('start.old'), '\n')
    assert.equal(world.bundle.readRoot('start.new'), undefined)
  }),

  defineCase(LIFECYCLE, 'annotations, limits and paths are those that create read', world => {
    world.bundle.config.annotations = { 'com.example': 'old' }
    world.create()
    world.bundle.config.annotations = { 'com.example': 'new' }
    world.bundle.config.root.path = '/nonexistent'
    world.bundle.config.linux.cgroupsPath = '/elsewhere'
    world.bundle.write()
    assert.deepEqual(world.state().annotations, { 'com.example': 'old' })
    world.start()
    assert.equal(world.status(), 'running')
    world.ok('kill', world.id, 'KILL')
    world.stopped()
    world.ok('delete', world.id)
    world.nothingLeft()
  }),

  defineCase(LIFECYCLE, 'a bundle that is gone does not keep a container from being deleted', world => {
    world.create()
    rmSync(join(world.bundle.path, 'config.json'))
    world.start()
    world.ok('kill', world.id, 'KILL')
    world.stopped()
    world.ok('delete', world.id)
    world.nothingLeft()
  }),

  ...Object.entries(IMPOSSIBLE).map(([what, make]) =>
    defineCase(ERRORS, `create fails over ${what}, and it is as if it had never been tried`, world => {
      const good = structuredClone(world.bundle.config)
      make(world)
      world.refused()
      Object.assign(world.bundle.config, good)
      for (const name of ['sysctl'] as const) delete world.bundle.config.linux[name]
      delete world.bundle.config.process.rlimits
      world.create()
      assert.equal(world.status(), 'created')
    }),
  ),

  defineCase('runtime.md start', 'a config without a process makes no container that could be started', world => {
    delete (world.bundle.config as { process?: unknown }).process
    world.bundle.write()
    const created = world.runtime.run(['create', '--bundle', world.bundle.path, world.id])
    if (created.status === 0) world.fails(undefined, 'start', world.id)
    else world.nothingLeft()
  }),

  defineCase('runtime.md delete', 'namespaces, mounts and volumes of others are still there after delete', world => {
    const volume = join(world.directory, 'volume')
    mkdirSync(volume)
    const pid = neighbour(world, '--net', '--ipc')
    const before = namespaceOf(pid, 'network')
    const { config } = world.bundle
    config.linux.namespaces = config.linux.namespaces.map(each =>
      each.type === 'network' ? { type: 'network', path: namespacePath(pid, 'network') } : each,
    )
    config.mounts.push({ destination: '/tmp', source: volume, options: ['bind'] })
    world.bundle.script('echo kept >/tmp/file')
    world.create()
    world.start()
    world.stopped()
    world.ok('delete', world.id)
    assert.equal(readlinkSync(namespacePath(pid, 'network')), before)
    assert.equal(readFileSync(join(volume, 'file'), 'utf8'), 'kept\n')
    world.nothingLeft()
  }),

  defineCase(
    'runtime.md delete',
    'the group above the container, and another container in it, are left alone',
    world => {
      const other = world.another()
      const parent = `conformance-parent-${process.pid}`
      for (const each of [world, other]) each.bundle.config.linux.cgroupsPath = `/${parent}/${each.id}`
      other.bundle.write()
      world.ok('create', '--bundle', other.bundle.path, other.id)
      world.create()
      const groups = () => readFileSync(`/proc/${world.state(other.id).pid}/cgroup`, 'utf8')
      const before = groups()
      world.ok('delete', '--force', world.id)
      assert.equal(groups(), before)
      assert.equal(world.status(other.id), 'created')
      world.atEnd(() => removeGroups(parent))
    },
  ),
]

/** An engine makes and removes the groups above; here it is the case. */
function removeGroups(name: string): void {
  const root = '/sys/fs/cgroup'
  for (const hierarchy of ['.', ...readdirSync(root)]) {
    const group = join(root, hierarchy, name)
    if (existsSync(group)) rmdirSync(group)
  }
}
