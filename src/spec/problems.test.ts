import t from 'tap'
import { describe, distance, nearest, schemaProblems } from './problems.ts'

t.test('the distance of two words counts edits', t => {
  const cases: [string, string, number][] = [
    ['', '', 0],
    ['abc', 'abc', 0],
    ['', 'abc', 3],
    ['abc', 'abd', 1],
    ['abc', 'acb', 1],
    ['readonly', 'readOnly', 1],
    ['kitten', 'sitting', 3],
  ]
  for (const [from, to, edits] of cases) {
    t.equal(distance(from, to), edits, `${from} → ${to}`)
    t.equal(distance(to, from), edits, `${to} → ${from}`)
  }
  t.end()
})

t.test('only a near name is taken for a misspelling', t => {
  const names = ['pid', 'network', 'mount', 'user']
  t.equal(nearest('PID', names), 'pid')
  t.equal(nearest('netwrok', names), 'network')
  t.equal(nearest('mounts', names), 'mount')
  t.equal(nearest('ipc', names), undefined)
  t.equal(nearest('x'.repeat(1_000_000), names), undefined)
  t.end()
})

t.test('values are shown in short', t => {
  t.equal(describe(null), 'null')
  t.equal(describe(true), 'true')
  t.equal(describe(2n ** 64n), 'the number 18446744073709551616')
  t.equal(describe([]), 'an empty array')
  t.equal(describe([1, 2]), 'an array of 2')
  t.equal(describe('a\n'), 'the string "a\\n"')
  t.ok(describe('x'.repeat(1000)).length < 100)
  t.end()
})

t.test('a value of the wrong type is one problem', t => {
  const errors = [
    { instancePath: '/a', keyword: 'type', params: { type: 'integer' } },
    { instancePath: '/a', keyword: 'minimum', params: { limit: 0 } },
    { instancePath: '/b', keyword: 'minimum', params: { limit: 0 } },
  ]
  t.same(schemaProblems(errors, { a: 'x', b: -1 }), [
    { pointer: '/a', message: 'must be an integer; found the string "x"' },
    { pointer: '/b', message: 'must be at least 0; found the number -1' },
  ])
  t.end()
})
