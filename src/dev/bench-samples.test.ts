import t from 'tap'
import { Samples, table, Verdicts } from './bench-samples.ts'

const figure = (wall: number) => ({ wall, cpu: wall / 2 })

t.test('a ratio is taken round by round', t => {
  const samples = new Samples()
  // the machine is ten times as slow in the second round, for both
  for (const [own, other] of [
    [1, 2],
    [10, 20],
    [3, 2],
  ] as const) {
    samples.note('own', 'run', figure(own))
    samples.note('other', 'run', figure(other))
  }
  t.equal(samples.ratio(['own', 'run'], ['other', 'run']), 0.5)
  t.equal(samples.ratio(['own', 'run'], ['other', 'run'], 'cpu'), 0.5)
  t.equal(samples.median('own', 'run'), 3)
  t.equal(samples.median('own', 'run', 'cpu'), 1.5)
  t.ok(Number.isNaN(samples.median('nobody', 'run')), 'nothing measured, no figure')
  t.ok(Number.isNaN(samples.ratio(['own', 'run'], ['nobody', 'run'])))
  samples.clear()
  t.ok(Number.isNaN(samples.median('own', 'run')))
  t.end()
})

t.test('marks are printed beside and counted', t => {
  const verdicts = new Verdicts()
  t.same(verdicts.summary, [], 'nothing was marked')
  t.equal(verdicts.beside('run', 0.45, 0.45), '0.45 (mark 0.45)')
  t.equal(verdicts.beside('state', 2.5, 2), '2.50 (mark 2)')
  t.equal(verdicts.beside('plain', 3, undefined, 0), '3')
  t.equal(verdicts.beside('missing', Number.NaN, 1), '–', 'neither reached nor missed')
  t.same(verdicts.summary, ['1 of 2 marks reached; missed: state 2.50 (mark 2)'])
  t.end()
})

t.test('tables are aligned, or Markdown', t => {
  const rows = [['ms', 'a', 'bcd'], ['run', '10.5', '1'], ['x']]
  t.equal(table(rows, false), ['ms      a  bcd', 'run  10.5    1', 'x             '].join('\n'))
  t.equal(
    table(rows, true),
    ['| ms  |    a | bcd |', '| --- | ---: | --: |', '| run | 10.5 |   1 |', '| x   |      |     |'].join('\n'),
  )
  t.end()
})
