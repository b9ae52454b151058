import t from 'tap'
import { differences } from './schemata.ts'

const FILE = `    L2:0=ff;1=ff
    L3:0=7f0;1=01f
    MB:0= 20;1=100
`

t.test('a bandwidth is what the kernel has made of it', t => {
  const ten = (): bigint => 10n
  t.same(differences('MB:0=11;1=91', FILE, ten), [])
  t.same(differences('MB:0=20;1=100', FILE, ten), [])
  t.same(differences('MB:0=10', FILE, ten), ['MB:0 is 20'])
  t.same(differences('L3:1=1e', FILE, ten), ['L3:1 is 1f'], 'but no mask')
  t.end()
})

for (const [line, expected] of [
  ['L3:0=7f0;1=1f', []],
  ['L3:0=7F0', []],
  ['L3: 1 = 01f ; 0=7f0', []],
  ['MB:0=20;1=100', []],
  ['MB:0=020', []],
  ['L3:0=7f0;1=ff', ['L3:1 is 1f']],
  ['L3:2=1', ['L3 has no 2']],
  ['MB:0=14', ['MB:0 is 20']], // 20 in hexadecimal
  ['L3CODE:0=1', ['it has no L3CODE']],
  ['L3', ['L3 has no ']],
] as const)
  t.test(`${line} is compared by value`, t => {
    t.same(differences(line, FILE), expected)
    t.end()
  })
