// process.capabilities: config.md#linux-process, capabilities(7).
import assert from 'node:assert/strict'
import { type Case, defineCase, Skip } from '../case.ts'
import { set } from '../changes.ts'
import { holds, statusOf } from '../processes.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md linux-process'

const NUMBERS = { CAP_CHOWN: 0, CAP_KILL: 5, CAP_NET_BIND_SERVICE: 10, CAP_SYS_RESOURCE: 24, CAP_AUDIT_WRITE: 29 }
type Name = keyof typeof NUMBERS
const ALL: readonly Name[] = ['CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_AUDIT_WRITE']

const mask = (...names: readonly Name[]): string =>
  names
    .reduce((bits, name) => bits | (1n << BigInt(NUMBERS[name])), 0n)
    .toString(16)
    .padStart(16, '0')

/** The five sets of the program, in the order of proc_pid_status(5). */
function seen(world: World): string[] {
  const lines = world.output('grep ^Cap /proc/self/status').trim().split('\n')
  return lines.map(line => line.split('\t')[1] ?? '')
}

/** The same in the other's words. */
const sets = (
  inheritable: string,
  permitted: string,
  effective: string,
  bounding: string,
  ambient: string,
): string[] => [inheritable, permitted, effective, bounding, ambient]
const NONE = mask()

export const capabilityCases: readonly Case[] = [
  defineCase(SECTION, 'the program of root has the bounding, effective and permitted sets of the config', world => {
    set(world, { 'process/capabilities': { bounding: ALL, effective: ALL, permitted: ALL } })
    const wanted = sets(NONE, mask(...ALL), mask(...ALL), mask(...ALL), NONE)
    assert.deepEqual(seen(world), wanted)
    world.bundle.config.process.args = ['sleep', '100']
    const { CapInh, CapPrm, CapEff, CapBnd, CapAmb } = statusOf(world.sleeping())
    assert.deepEqual([CapInh, CapPrm, CapEff, CapBnd, CapAmb], wanted, 'on the host')
  }),

  defineCase(SECTION, 'inheritable and ambient capabilities are those of the config', world => {
    const some = ['CAP_KILL']
    set(world, {
      'process/capabilities': { bounding: ALL, effective: ALL, permitted: ALL, inheritable: some, ambient: some },
    })
    assert.deepEqual(seen(world), sets(mask('CAP_KILL'), mask(...ALL), mask(...ALL), mask(...ALL), mask('CAP_KILL')))
  }),

  defineCase(SECTION, 'a user who is not root keeps what is ambient, and no more', world => {
    const some = ['CAP_KILL']
    set(world, {
      'process/user': { uid: 1000, gid: 1000 },
      'process/capabilities': { bounding: ALL, effective: ALL, permitted: ALL, inheritable: some, ambient: some },
    })
    const kept = mask('CAP_KILL')
    assert.deepEqual(seen(world), sets(kept, kept, kept, mask(...ALL), kept))
  }),

  defineCase(SECTION, 'without capabilities in the config the program has none', world => {
    assert.deepEqual(seen(world), sets(NONE, NONE, NONE, NONE, NONE))
    set(world, { 'process/capabilities': {} })
    assert.deepEqual(seen(world), sets(NONE, NONE, NONE, NONE, NONE))
  }),

  defineCase(SECTION, 'a capability that nobody knows is a warning, and the container runs without it', world => {
    const names = ['CAP_KILL', 'CAP_OF_TOMORROW']
    set(world, { 'process/capabilities': { bounding: names, effective: names, permitted: names } })
    world.bundle.script('true').write()
    const { stderr } = world.ok('run', '--bundle', world.bundle.path, world.id)
    assert.match(stderr, /warn[^\n]*CAP_OF_TOMORROW/i)
    const [, permitted] = seen(world)
    assert.equal(permitted, mask('CAP_KILL'))
  }),

  defineCase(SECTION, 'a capability that cannot be granted is a warning, and the container runs without it', world => {
    if (holds(statusOf('self').CapBnd, NUMBERS.CAP_SYS_RESOURCE)) throw new Skip('every capability can be granted here')
    const names = ['CAP_KILL', 'CAP_SYS_RESOURCE']
    set(world, { 'process/capabilities': { bounding: names, effective: names, permitted: names } })
    world.bundle.script('true').write()
    const { stderr } = world.ok('run', '--bundle', world.bundle.path, world.id)
    assert.match(stderr, /warn[^\n]*CAP_SYS_RESOURCE/i)
    const [, permitted, , bounding] = seen(world)
    assert.deepEqual([permitted, bounding], [mask('CAP_KILL'), mask('CAP_KILL')])
  }),

  defineCase(SECTION, 'capabilities that exclude each other are left out with a warning', world => {
    const capabilities = {
      bounding: ALL,
      permitted: ['CAP_KILL'],
      effective: ALL,
      inheritable: ['CAP_CHOWN'],
      ambient: ALL,
    }
    set(world, { 'process/capabilities': capabilities })
    world.bundle.script('true').write()
    assert.match(world.ok('run', '--bundle', world.bundle.path, world.id).stderr, /warn/i)
    const [inheritable, , , bounding, ambient] = seen(world)
    assert.deepEqual([inheritable, bounding, ambient], [NONE, mask(...ALL), NONE])
  }),
]
