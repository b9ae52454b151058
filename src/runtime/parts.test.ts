// Without testing.ts, which has all parts from the beginning.
import t from 'tap'
import { testSpec } from '../dev/golden.ts'
import { loadParts, part } from './parts.ts'

t.test('a part is there when a config has asked for it', async t => {
  await loadParts(testSpec({}))
  for (const name of ['intelRdt', 'netDevices'] as const) t.throws(() => part(name), /has not been loaded/, name)
  await loadParts(testSpec({ linux: { intelRdt: {} } }))
  t.type(part('intelRdt').rdtGroup, 'function')
  t.throws(() => part('netDevices'))
  await loadParts(testSpec({ linux: { netDevices: { eth0: {} } } }))
  t.type(part('netDevices').moveDevices, 'function')
})
