// Ids and clocks of a container: config-linux.md#user-namespace-mappings and #offset-for-time-namespace.
import assert from 'node:assert/strict'
import { chmodSync, lstatSync, readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { type Case, defineCase } from '../case.ts'
import { namespacePath, neighbour } from '../neighbour.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md user-namespace-mappings'
const TIME = 'config-linux.md offset-for-time-namespace'

const DAY = 86_400

type Range = readonly [containerID: number, hostID: number, size: number]
const mapping = ([containerID, hostID, size]: Range) => ({ containerID, hostID, size })

function mapped(world: World, uids: readonly Range[], gids: readonly Range[] = uids): void {
  chmodSync(world.directory, 0o755) // root of the namespace has to walk through it
  const { linux } = world.bundle.config
  linux.namespaces.push({ type: 'user' })
  Object.assign(linux, { uidMappings: uids.map(mapping), gidMappings: gids.map(mapping) })
}

const mapOf = (pid: number, kind: 'uid' | 'gid'): number[][] =>
  readFileSync(`/proc/${pid}/${kind}_map`, 'utf8')
    .trim()
    .split('\n')
    .map(line => line.trim().split(/ +/).map(Number))

const ids = (pid: number, kind: 'Uid' | 'Gid' | 'Groups'): string | undefined =>
  new RegExp(`^${kind}:\\s*(.*?)\\s*$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

function withOffsets(world: World, offsets: unknown): void {
  world.bundle.config.linux.namespaces.push({ type: 'time' })
  world.bundle.config.linux.timeOffsets = offsets
}

export const userNamespaceCases: readonly Case[] = [
  defineCase(SECTION, 'the mappings are those of the config, for users and for groups', world => {
    const [uids, gids] = [
      [
        [0, 100_000, 10],
        [10, 200_000, 90],
      ],
      [[0, 300_000, 65536]],
    ] as const
    mapped(world, uids, gids)
    const pid = world.sleeping()
    assert.deepEqual(mapOf(pid, 'uid'), uids)
    assert.deepEqual(mapOf(pid, 'gid'), gids)
  }),

  defineCase(SECTION, 'the program has its ids inside, and the mapped ones on the host', world => {
    mapped(world, [[0, 100_000, 65536]], [[0, 300_000, 65536]])
    world.bundle.config.process.user = { uid: 1000, gid: 1001, additionalGids: [7] }
    world.bundle.script('id -u; id -g; id -G; exec sleep 100')
    const created = world.create()
    world.start()
    world.until('the program ran', () => created.stdout.split('\n').length === 4)
    assert.equal(created.stdout, '1000\n1001\n1001 7\n')
    const pid = world.state().pid ?? 0
    assert.equal(ids(pid, 'Uid'), Array(4).fill('101000').join('\t'))
    assert.equal(ids(pid, 'Gid'), Array(4).fill('301001').join('\t'))
    assert.match(ids(pid, 'Groups') ?? '', /^300007( 301001)?$/)
  }),

  defineCase(SECTION, 'as many ranges as the kernel takes lines before 4.15, and more', world => {
    for (const count of [5, 100]) {
      const { linux } = world.bundle.config
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'user')
      const ranges = Array.from({ length: count }, (_, n) => [n, 100_000 + 2 * n, 1] as const)
      mapped(world, ranges)
      world.create()
      assert.deepEqual(mapOf(world.state().pid ?? 0, 'uid'), ranges)
      world.ok('delete', '--force', world.id)
    }
  }),

  defineCase(SECTION, 'the owners of the rootfs are not changed', world => {
    mapped(world, [[0, 100_000, 65536]])
    world.output('true')
    for (const path of ['.', 'bin', 'bin/busybox', 'etc', 'tmp'])
      assert.equal(lstatSync(world.bundle.inRoot(path)).uid, 0, path)
  }),

  defineCase(SECTION, 'root of the namespace has no power over files of ids that are not mapped', world => {
    chmodSync(world.bundle.inRoot('etc'), 0o700)
    mapped(world, [[0, 100_000, 65536]])
    const said = world.output('id -u; ls /etc 2>/dev/null || echo closed; stat -c %u /bin/busybox')
    assert.equal(said, '0\nclosed\n65534\n')
  }),

  defineCase(SECTION, 'mappings without a user namespace are an error', world => {
    const all = [mapping([0, 100_000, 65536])]
    Object.assign(world.bundle.config.linux, { uidMappings: all, gidMappings: all })
    world.refused()
  }),

  defineCase(SECTION, 'a new user namespace without mappings is an error', world => {
    mapped(world, [])
    world.refused()
  }),

  defineCase(SECTION, 'ranges that overlap are an error', world => {
    mapped(world, [
      [0, 100_000, 10],
      [5, 200_000, 10],
    ])
    world.refused()
    world.bundle.config.linux.uidMappings = [
      [0, 100_000, 10],
      [20, 100_005, 10],
    ].map(range => mapping(range as unknown as Range))
    world.refused()
  }),

  defineCase(SECTION, 'a mapping without a size, or with an id that is none, is an error', world => {
    mapped(world, [[0, 100_000, 65536]])
    const { linux } = world.bundle.config
    for (const bad of [{ containerID: 0, hostID: 0 }, mapping([-1, 0, 1]), mapping([0, 2 ** 32, 1])]) {
      linux.uidMappings = [bad]
      world.refused()
    }
  }),

  defineCase(SECTION, 'a user that is not mapped is an error', world => {
    mapped(world, [[0, 100_000, 10]])
    world.bundle.config.process.user = { uid: 1000, gid: 0 }
    world.bundle.write()
    world.createFails()
    world.nothingLeft()
  }),

  defineCase(TIME, 'the clocks are ahead by the offsets of the config', world => {
    withOffsets(world, { monotonic: { secs: 5 * DAY, nanosecs: 250_000_000 }, boottime: { secs: 7 * DAY } })
    world.bundle.script('cat /proc/uptime; exec sleep 100')
    const created = world.create()
    const pid = world.state().pid ?? 0
    world.start()
    world.until('the program ran', () => created.stdout.endsWith('\n'))
    assert.ok(Math.abs(Number(created.stdout.split(' ')[0]) - uptime() - 7 * DAY) < 60, created.stdout)
    const offsets = readFileSync(`/proc/${pid}/timens_offsets`, 'utf8').replace(/ +/g, ' ')
    assert.equal(offsets, `monotonic ${5 * DAY} 250000000\nboottime ${7 * DAY} 0\n`)
  }),

  defineCase(TIME, 'offsets may be negative, and left out', world => {
    withOffsets(world, { boottime: { secs: -1, nanosecs: 5 } })
    world.create()
    const offsets = readFileSync(`/proc/${world.state().pid}/timens_offsets`, 'utf8').replace(/ +/g, ' ')
    assert.equal(offsets, 'monotonic 0 0\nboottime -1 5\n')
  }),

  defineCase(TIME, 'offsets without a new time namespace are an error', world => {
    world.bundle.config.linux.timeOffsets = { boottime: { secs: 5 } }
    world.refused()
    world.bundle.config.linux.namespaces.push({
      type: 'time',
      path: namespacePath(neighbour(world, '--time'), 'time'),
    })
    world.refused()
  }),

  defineCase(TIME, 'offsets that no clock can have are an error', world => {
    withOffsets(world, {})
    for (const bad of [
      { boottime: { nanosecs: 1_000_000_000 } },
      { boottime: { secs: -10_000_000_000 } },
      { realtime: { secs: 1 } },
      { monotonic: { secs: 'soon' } },
    ]) {
      world.bundle.config.linux.timeOffsets = bad
      world.refused()
    }
  }),
]
