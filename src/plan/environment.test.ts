import t from 'tap'
import { testContext } from '../dev/golden.ts'
import { thrown } from '../host/testing.ts'
import { environment, searchPath } from './environment.ts'

const made = (env: readonly string[], home?: string, extraEnv: readonly string[] = []): string[] =>
  environment(testContext({ process: { env }, facts: home === undefined ? {} : { home }, options: { extraEnv } }))

t.test('the last of one name counts', t => {
  t.same(made(['A=1', 'HOME=/h', 'A=2', 'B=', 'C=a=b']), ['HOME=/h', 'A=2', 'B=', 'C=a=b'])
  t.same(made(['HOME=/h', 'A=1'], undefined, ['A=3']), ['HOME=/h', 'A=3'])
  t.end()
})

t.test('HOME is made up when it is missing or empty', t => {
  t.same(made([]), ['HOME=/'])
  t.same(made(['HOME=', 'A=1']), ['A=1', 'HOME=/'])
  t.same(made(['A=1'], '/root'), ['A=1', 'HOME=/root'])
  t.same(made(['A=1'], ''), ['A=1', 'HOME=/'])
  t.same(made(['HOME=/x'], '/root'), ['HOME=/x'])
  t.end()
})

t.test('PATH', t => {
  const path = (env: readonly string[]) => searchPath(testContext({ process: { env } }))
  t.equal(path(['PATH=/a', 'PATH=/b']), '/b')
  t.equal(path(['PATH=']), '')
  t.equal(path(['XPATH=/a']), undefined)
  t.end()
})

t.test('what is no variable is an error at its place, all of them at once', t => {
  t.match(
    thrown(() => made(['A=1', 'B', '=x', 'C=\0'])),
    {
      code: 'TSRUNC_SPEC',
      message: /\/process\/env\/1: invalid environment variable: "B".*and 2 more/,
      problems: [{ pointer: '/process/env/1' }, { pointer: '/process/env/2' }, { pointer: '/process/env/3' }],
    },
  )
  t.end()
})
