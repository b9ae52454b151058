// Small configs by chance, really run: the same exit status and output as under runc. A few here; hundreds are run by
// `npm run conformance -- --random`.
import t from 'tap'
import { compareRandom, makeSources } from './fixtures/random-run.ts'
import { cannotCompare, SideBySide } from './fixtures/side-by-side.ts'

const RUNS = 16

t.test('configs by chance, as under runc', { skip: cannotCompare ?? false }, async t => {
  const pair = new SideBySide(t)
  makeSources(pair)
  for (let seed = 0; seed < RUNS; seed++) {
    const difference = compareRandom(pair, seed)
    t.equal(difference?.what, undefined, `seed ${seed}`)
  }
})
