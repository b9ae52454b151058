// What a container costs: the memory of an init that waits for its start, and how little a container may be allowed.
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { tsrunc } from '../cli/testing.ts'
import { architecture } from '../host/identity.ts'
import { buildImage } from '../image/build.ts'
import { bytes, syscall } from '../program/op.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { inUserNamespace } from './fixtures/compare.ts'
import { OTHER_IDS } from './fixtures/side-by-side.ts'
import { cannotRun, type Draft, newId, World } from './testing.ts'

const skip = cannotRun ?? false
const MOST_KIB = 64

/** The figure of a line of a file of /proc: "VmRSS:     24 kB". */
const kib = (file: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(file, 'utf8'))?.[1])

const MANY = 100

const CONFIGS: Readonly<Record<string, (config: Draft, world: World) => void>> = {
  'the config of tsrunc spec': () => {},
  'a user namespace'(config, { directory, bundle }) {
    inUserNamespace(config, OTHER_IDS)
    chmodSync(directory, 0o755)
    chownSync(join(bundle, 'rootfs'), OTHER_IDS, OTHER_IDS)
  },
  hooks(config) {
    const hook = [{ path: '/bin/true' }]
    config.hooks = { createRuntime: hook, createContainer: hook }
  },
  [`${MANY} mounts`](config, { directory }) {
    mkdirSync(join(directory, 'source'))
    for (let i = 0; i < MANY / 2; i++)
      config.mounts.push(
        { destination: `/mnt/bind/${i}`, type: 'bind', source: join(directory, 'source'), options: ['rbind', 'ro'] },
        { destination: `/mnt/tmpfs/${i}`, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=700'] },
      )
  },
}

t.test(`a created container holds at most ${MOST_KIB} KiB`, { skip }, async t => {
  for (const [name, change] of Object.entries(CONFIGS)) {
    const world = new World(t)
    world.configure(config => change(config, world))
    const id = newId()
    const { pid } = create(world.runtime, id, { bundle: world.bundle })
    t.teardown(() => remove(world.runtime, id, { force: true }))
    const resident = kib(`/proc/${pid}/status`, 'VmRSS')
    const rollup = kib(`/proc/${pid}/smaps_rollup`, 'Rss')
    t.ok(resident > 0 && resident <= MOST_KIB, `${name}: VmRSS ${resident} KiB`)
    t.ok(rollup > 0 && rollup <= MOST_KIB, `${name}: Rss ${rollup} KiB`)
    t.equal(readFileSync(`/proc/${pid}/comm`, 'utf8'), 'tsrunc:[INIT]\n', `${name}: init has a name`)
  }
})

/** A static program of our own that says hello and ends with 3. */
function hello(): Uint8Array {
  const origin = { intent: 'test' }
  const text = new TextEncoder().encode('hello\n')
  const ops = [syscall('write', [1, bytes(text), text.length], origin), syscall('exit_group', [3], origin)]
  return buildImage(ops, architecture, 2)
}

function helloWorld(t: Test, resources: Draft): { world: World; args: readonly string[] } {
  const world = new World(t)
  writeFileSync(join(world.bundle, 'rootfs/hello'), hello(), { mode: 0o755 })
  world.configure(config => {
    config.process.args = ['/hello']
    config.linux.resources = { ...config.linux.resources, ...resources }
  })
  return { world, args: ['--root', world.runtime.root, 'run', '--bundle', world.bundle, newId()] }
}

const LIMITS: Readonly<Record<string, Draft>> = {
  '1 MiB of memory': { memory: { limit: 1 << 20 } },
  'one process': { pids: { limit: 1 } },
  both: { memory: { limit: 1 << 20, swap: 1 << 20 }, pids: { limit: 1 } },
}

t.test('a static program runs with very little', { skip }, async t => {
  for (const [name, resources] of Object.entries(LIMITS)) {
    const { args } = helloWorld(t, resources)
    const { status, stdout, stderr } = tsrunc(args, { env: { PATH: process.env.PATH ?? '' } })
    t.equal(status, 3, `${name}: ${stderr}`)
    t.equal(stdout, 'hello\n', name)
  }
})
