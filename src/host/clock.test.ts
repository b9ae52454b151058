import { spawnSync } from 'node:child_process'
import t from 'tap'
import { stopwatch, wallClock } from './clock.ts'

t.test('the clocks tell what the engine is told', t => {
  const [before, time, after] = [Date.now(), Number(wallClock() / 1_000_000n), Date.now()]
  t.ok(before <= time && time <= after)
  const [start, from] = [stopwatch(), performance.now()]
  spawnSync('sleep', ['0.05'])
  const [ours, theirs] = [stopwatch() - start, performance.now() - from]
  t.ok(Math.abs(ours - theirs) < 5, `${ours} and ${theirs} ms`)
  t.ok(wallClock() % 1_000_000n !== 0n || wallClock() % 1_000_000n !== 0n, 'finer than milliseconds')
  t.end()
})
