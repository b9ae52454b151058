import t from 'tap'
import { entryOf, userName, userNames } from './user-names.ts'

t.test('names of users', async t => {
  t.equal(userName(0), 'root')
  t.equal(userName(4_000_000_000), '#4000000000')
  const nameOf = userNames()
  for (let round = 0; round < 2; round++) t.same([0, 4_000_000_000].map(nameOf), ['root', '#4000000000'])
})

t.test('the first line counts', async t => {
  const text = '\nseven:x:7:7::/home/seven:/bin/sh\nagain:x:7:7::/other:\nshort:x:8\n'
  t.same(entryOf(text, 7), { name: 'seven', home: '/home/seven' })
  t.same(entryOf(text, 8), { name: 'short', home: '' })
  t.equal(entryOf(text, 9), undefined)
})
