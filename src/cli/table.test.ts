import t from 'tap'
import { textTable } from './table.ts'

t.test('columns as runc prints them', async t => {
  const head = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER']
  t.equal(textTable([head]), 'ID          PID         STATUS      BUNDLE      CREATED     OWNER\n')
  t.equal(
    textTable([head, ['a', '23710', 'created', '/tmp/cb', '2026-11-20T23:26:19.000215699Z', 'root']]),
    'ID          PID         STATUS      BUNDLE      CREATED                          OWNER\n' +
      'a           23710       created     /tmp/cb     2026-11-20T23:26:19.000215699Z   root\n',
  )
  t.equal(textTable([]), '')
})
