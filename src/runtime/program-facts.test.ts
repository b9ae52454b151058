import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { testSpec } from '../dev/golden.ts'
import { workDirectory } from '../host/testing.ts'
import type { Linux } from '../spec/gen/types.ts'
import './all-parts.ts'
import { create } from './create.ts'
import { hasRareProcess } from './parts.ts'
import { programFacts } from './program-facts.ts'
import { cannotRun, World } from './testing.ts'

t.test('only what the config gives a reason for is asked', t => {
  t.same(programFacts(testSpec()), {})
  t.equal(hasRareProcess(testSpec()), false)
  t.equal(hasRareProcess(testSpec({ linux: { sysctl: { a: 'b' } } })), false, 'nothing is joined')
  const labelled = testSpec({ process: { selinuxLabel: 'x' } })
  t.equal(hasRareProcess(labelled), true)
  t.match(programFacts(labelled), { modules: { appArmor: Boolean, selinux: Boolean } })
  t.end()
})

t.test('memory nodes', t => {
  const spec = testSpec({ linux: { memoryPolicy: { mode: 'MPOL_LOCAL' } } })
  t.equal(hasRareProcess(spec), true)
  const file = '/sys/devices/system/node/has_memory'
  t.equal(programFacts(spec).memoryNodes, existsSync(file) ? readFileSync(file, 'utf8').trim() : '')
  t.end()
})

t.test("namespaces that are the caller's own", t => {
  const found = (...namespaces: Linux['namespaces'] & {}): readonly string[] | undefined =>
    programFacts(testSpec({ linux: { namespaces, sysctl: {} } })).hostNamespaces
  const directory = workDirectory(t)
  t.same(found({ type: 'network', path: '/proc/self/ns/net' }, { type: 'ipc' }, { type: 'uts', path: '' }), ['network'])
  t.same(found({ type: 'uts', path: `/proc/${process.pid}/ns/uts` }, { type: 'pid', path: '/proc/self/ns/net' }), [
    'uts',
  ])
  t.same(found({ type: 'ipc', path: `${directory}/none` }, { type: 'mount', path: directory }), [])
  t.end()
})

t.test('capabilities that cannot be granted', { skip: cannotRun ?? false }, t => {
  const world = new World(t)
  const names = ['CAP_KILL', 'CAP_OF_TOMORROW']
  world.configure(config => {
    config.process.capabilities = { bounding: names, permitted: ['CAP_KILL'], effective: names }
  })
  create(world.runtime, 'warned', { bundle: world.bundle })
  t.same(
    world.warnings.map(warning => warning.message),
    ['ignoring CAP_OF_TOMORROW of process.capabilities: unknown or unavailable capabilities'],
  )
  t.match(world.warnings[0], { where: '/process/capabilities' })
  t.end()
})
