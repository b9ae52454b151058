import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import { planPaths } from './paths.ts'

t.test('masked and read-only paths', async t => {
  const linux = { maskedPaths: ['/proc/kcore', '/proc/acpi', '/proc/kcore'], readonlyPaths: ['/proc/sys'] }
  const text = stageListing({ linux }, planPaths)
  t.equal(text, golden('paths', text))
})

t.test('nothing asked for, nothing done', async t => {
  t.equal(stageListing({ linux: { maskedPaths: [], readonlyPaths: [] } }, planPaths).trim(), '')
})
