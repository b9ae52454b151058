import t from 'tap'
import { resultsOf } from './test-results.ts'

const NESTED = `TAP version 14
# Subtest: outer
    # Subtest: inner
        ok 1 - one
        not ok 2 - two
          ---
          at:
            fileName: src/x.test.ts
            lineNumber: 7
          diff: |
            -1
            +2
          ...
        ok 3 - three # SKIP needs root
        1..3
    not ok 1 - inner
    1..1
not ok 1 - outer
1..1
`

t.test('leaf assertions are counted, subtests are not', t => {
  const { passed, failures, skipped } = resultsOf(NESTED)
  t.equal(passed, 1)
  t.same(skipped, [{ name: 'outer > inner > three', reason: 'needs root' }])
  t.equal(failures.length, 1)
  t.equal(failures[0]?.name, 'outer > inner > two')
  t.match(failures[0]?.detail, 'at: src/x.test.ts:7')
  t.match(failures[0]?.detail, '+2')
  t.end()
})

t.test('output that proves nothing is a failure', t => {
  for (const [output, name] of [
    ['', 'has no plan'],
    ['TAP version 14\nok 1 - one\n', 'has no plan'],
    ['TAP version 14\n1..2\nok 1 - one\n', 'breaks TAP'],
    ['TAP version 14\n# Subtest: a\n    1..0\nok 1 - a\n1..1\n', 'has no assertion'],
    ['TAP version 14\nok 1 - one\nBail out! no\n', 'bailed out'],
    ['Segmentation fault\n', 'has no plan'],
  ] as const) {
    t.equal(resultsOf(output).failures[0]?.name, name, JSON.stringify(output))
  }
  t.end()
})

t.test('a file that skips everything says why', t => {
  const { passed, failures, skipped } = resultsOf('TAP version 14\n1..0 # SKIP no kernel\n')
  t.same([passed, failures, skipped], [0, [], [{ name: 'all', reason: 'no kernel' }]])
  t.end()
})
