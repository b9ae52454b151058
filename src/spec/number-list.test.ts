import t from 'tap'
import { numbersOf } from './number-list.ts'

t.test('lists', t => {
  t.same(numbersOf('', 9), [])
  t.same(numbersOf('3', 9), [3])
  t.same(numbersOf('0-3,7', 9), [0, 1, 2, 3, 7])
  t.same(numbersOf('7,0-1,1-2,7', 9), [0, 1, 2, 7], 'in order, each once')
  t.same(numbersOf('9-9', 9), [9])
  t.end()
})

t.test('what is no list', t => {
  const wrong = [
    '10',
    '0-10',
    '3-2',
    '-',
    '1-',
    '-1',
    '1,',
    ',',
    '1,,2',
    '1-2-3',
    ' 1',
    '1 ',
    '1\n',
    '1.5',
    '0x1',
    '+1',
    'all',
  ]
  for (const list of [...wrong, '9'.repeat(400), '0-18446744073709551615', '١'])
    t.equal(numbersOf(list, 9), undefined, JSON.stringify(list))
  t.end()
})

t.test('ranges that overlap cost no more than others', t => {
  const begin = performance.now()
  const list = Array.from({ length: 200_000 }, () => '0-1023').join()
  t.equal(numbersOf(list, 1023)?.length, 1024)
  t.ok(performance.now() - begin < 2000)
  t.same(numbersOf('0-5,2-3,1,9-9,4-7', 9), [0, 1, 2, 3, 4, 5, 6, 7, 9])
  t.end()
})
