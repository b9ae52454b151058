// Where a container's groups are, and whose: config-linux.md "Control groups", "Cgroups Path", "Cgroup ownership".
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type Case, defineCase, Skip } from '../case.ts'
import { groupOf, isV2, removeAtEnd, showCgroups } from '../cgroup.ts'
import { mapUsers } from '../users.ts'
import type { World } from '../world.ts'

const PATH = 'config-linux.md cgroups-path'
const GROUPS = 'config-linux.md control-groups'
const OWNER = 'config-linux.md cgroup-ownership'

/** A controller whose hierarchy, or the tree of v2, shows where the container is. */
const TRACKER = isV2 ? '' : 'pids'
const ROOT = isV2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids'

/** Those that a process can be moved into at once; a new group of v1 has no CPUs. */
const hierarchies = (): string[] =>
  isV2
    ? [ROOT]
    : readdirSync('/sys/fs/cgroup')
        .map(name => `/sys/fs/cgroup/${name}`)
        .filter(path => !path.endsWith('/cpuset') && existsSync(`${path}/cgroup.procs`))

const processesOf = (group: string): string => (existsSync(group) ? readFileSync(`${group}/cgroup.procs`, 'utf8') : '')

function created(world: World): string {
  world.create()
  return groupOf(world.state().pid, TRACKER)
}

const paths: readonly Case[] = [
  defineCase(PATH, 'an absolute path counts from the mount point', world => {
    world.bundle.config.linux.cgroupsPath = `/${world.id}`
    assert.equal(created(world), `${ROOT}/${world.id}`)
    world.ok('delete', '--force', world.id)
    world.nothingLeft()
  }),

  defineCase(PATH, 'a relative path leads to the same place each time', world => {
    world.bundle.config.linux.cgroupsPath = world.id
    const first = created(world)
    world.ok('delete', '--force', world.id)
    assert.equal(created(world), first)
    assert.ok(first.endsWith(`/${world.id}`), first)
  }),

  defineCase(PATH, 'without a path there is a group all the same', world => {
    world.bundle.config.linux.cgroupsPath = undefined as unknown as string // the runtime's choice
    const group = created(world)
    assert.notEqual(group, groupOf(process.pid, TRACKER))
    world.ok('delete', '--force', world.id)
    assert.ok(!existsSync(group), `${group} is gone`)
  }),

  defineCase(PATH, 'dots lead not out of the mount point', world => {
    world.bundle.config.linux.cgroupsPath = `/../../../${world.id}`
    assert.equal(created(world), `${ROOT}/${world.id}`)
  }),

  defineCase(PATH, 'a path that can be none is an error', world => {
    world.bundle.config.linux.cgroupsPath = `/${world.id}\nb`
    world.refused()
  }),

  defineCase(PATH, 'a path of 4096 bytes is an error and leaves nothing', world => {
    removeAtEnd(world, `${ROOT}/${world.id}`)
    world.bundle.config.linux.cgroupsPath = `/${world.id}${'/x'.repeat(2048)}`
    world.refused()
  }),

  defineCase(GROUPS, 'a group that is there and empty is used, and limits of it that nobody asks for stay', world => {
    const group = `${ROOT}/${world.id}`
    if (isV2 && !readFileSync('/sys/fs/cgroup/cgroup.subtree_control', 'utf8').includes('pids'))
      throw new Skip('the top group hands no limit of processes down')
    mkdirSync(group)
    writeFileSync(`${group}/pids.max`, '4711')
    assert.equal(created(world), group)
    assert.equal(readFileSync(`${group}/pids.max`, 'utf8'), '4711\n')
  }),

  defineCase(GROUPS, 'a group with processes of others is no place for a container', world => {
    const groups = hierarchies().map(mountpoint => `${mountpoint}/${world.id}`)
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
    for (const group of groups) {
      mkdirSync(group)
      writeFileSync(`${group}/cgroup.procs`, String(child.pid))
    }
    removeAtEnd(world, ...groups)
    world.atEnd(() => child.kill('SIGKILL'))
    world.bundle.write()
    world.createFails(/not empty/)
    for (const group of groups) assert.equal(processesOf(group), `${child.pid}\n`)
  }),

  defineCase(GROUPS, 'a frozen group is no place for a container', world => {
    const group = isV2 ? `${ROOT}/${world.id}` : `/sys/fs/cgroup/freezer/${world.id}`
    mkdirSync(group)
    const [file, on, off] = isV2
      ? (['cgroup.freeze', '1', '0'] as const)
      : (['freezer.state', 'FROZEN', 'THAWED'] as const)
    writeFileSync(`${group}/${file}`, on)
    removeAtEnd(world, group)
    world.atEnd(() => existsSync(group) && writeFileSync(`${group}/${file}`, off))
    world.bundle.write()
    world.createFails(/frozen/)
  }),

  defineCase(GROUPS, 'groups that the container has made below its own go with it', world => {
    showCgroups(world)
    const path = isV2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids'
    const made = world.output(`mkdir -p ${path}/inner/most && ls -d ${path}/inner/most`)
    assert.equal(made, `${path}/inner/most\n`)
    world.nothingLeft()
  }),

  defineCase(GROUPS, 'with a cgroup namespace the group is the root of what the container sees', world => {
    world.bundle.config.linux.namespaces.push({ type: 'cgroup' })
    const seen = world.output('cut -d: -f3 /proc/self/cgroup').trim().split('\n')
    assert.ok(isV2 ? seen.every(path => path === '/') : seen.includes('/'), seen.join(' '))
  }),
]

/** Who owns what in the group once it is made, by id of the host. */
function owned(world: World): Map<string, number> {
  const group = created(world)
  const owners = ['.', ...readdirSync(group)].map(name => [name, statSync(`${group}/${name}`).uid] as const)
  world.ok('delete', '--force', world.id)
  return new Map(owners)
}

const delegated = (): string[] =>
  existsSync('/sys/kernel/cgroup/delegate')
    ? readFileSync('/sys/kernel/cgroup/delegate', 'utf8').trim().split('\n')
    : ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']

function theirs(world: World, uid: number): string[] {
  return [...owned(world)].flatMap(([name, owner]) => (owner === uid ? [name] : [])).sort()
}

const owners: readonly Case[] = [
  defineCase(OWNER, 'a writable group of v2 belongs to the user of the program, but for its limits', world => {
    if (!isV2) throw new Skip('groups of v1 are never handed on')
    showCgroups(world, 'rw')
    world.bundle.config.process.user = { uid: 1000, gid: 1000 }
    const found = theirs(world, 1000)
    assert.ok(found.includes('.') && found.includes('cgroup.procs'), `theirs: ${found.join(' ')}`)
    for (const name of found) assert.ok(name === '.' || delegated().includes(name), `${name} is nothing to hand on`)
  }),

  defineCase(OWNER, 'in a user namespace it belongs to who that user is on the host, and can be used', world => {
    if (!isV2) throw new Skip('groups of v1 are never handed on')
    showCgroups(world, 'rw')
    const { process: program } = world.bundle.config
    mapUsers(world)
    program.user = { uid: 5, gid: 5 }
    const found = theirs(world, 100005)
    assert.ok(found.includes('.') && found.includes('cgroup.procs'), `theirs: ${found.join(' ')}`)
    const used =
      'mkdir /sys/fs/cgroup/mine && echo $$ >/sys/fs/cgroup/mine/cgroup.procs && cut -d: -f3 /proc/self/cgroup'
    assert.equal(world.output(used), '/mine\n')
    assert.equal(world.output('(echo 1 >/sys/fs/cgroup/pids.max) 2>/dev/null || echo refused'), 'refused\n')
  }),

  defineCase(
    OWNER,
    'a group that can not be written, or that is not the root of a namespace, keeps its owner',
    world => {
      world.bundle.config.process.user = { uid: 1000, gid: 1000 }
      assert.deepEqual(theirs(world, 1000), [], 'without a mount')
      showCgroups(world, 'ro')
      assert.deepEqual(theirs(world, 1000), [], 'read-only')
      const { linux, mounts } = world.bundle.config
      mounts[mounts.length - 1] = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['rw'] }
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'cgroup')
      assert.deepEqual(theirs(world, 1000), [], 'without a namespace')
    },
  ),

  defineCase(OWNER, 'a group of v1 keeps its owner', world => {
    if (isV2) throw new Skip('a matter of cgroup v1')
    showCgroups(world, 'rw')
    world.bundle.config.process.user = { uid: 1000, gid: 1000 }
    assert.deepEqual(theirs(world, 1000), [])
  }),
]

export const cgroupCases: readonly Case[] = [...paths, ...owners]
