// Small configs by chance, really run by this repository's tsrunc and by runc: exit status and output are to be equal.
// `--random` tries 300, `--random=COUNT` so many, `--random=FIRST-LAST` those of the seeds in between.
import t from 'tap'
import { compareRandom, makeSources } from '../src/runtime/fixtures/random-run.ts'
import { cannotCompare, SideBySide } from '../src/runtime/fixtures/side-by-side.ts'

const RUNS = 300

/** First and last seed. */
function seeds(argument: string): readonly [first: number, last: number] {
  const [first = 0, last] = argument.split('-').filter(Boolean).map(Number)
  if (argument === '') return [0, RUNS - 1]
  return last === undefined ? [0, first - 1] : [first, last]
}

export async function runRandom(argument: string): Promise<void> {
  t.setTimeout(0)
  await t.test('configs by chance, as under runc', { skip: cannotCompare ?? false }, async t => {
    const pair = new SideBySide(t)
    makeSources(pair)
    const [first, last] = seeds(argument)
    for (let seed = first; seed <= last; seed++) {
      const difference = compareRandom(pair, seed)
      if (difference === undefined) t.pass(`seed ${seed}`)
      else t.fail(`seed ${seed}`, { at: undefined, stack: undefined, difference: difference.what })
    }
  })
  t.end()
}
