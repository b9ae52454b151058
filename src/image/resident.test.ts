// How much memory a waiting init holds: the reason why records are small and lie together.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { NULL, type Op, release, type Slot, slot, syscall } from '../program/op.ts'
import { buildImage } from './build.ts'

const origin = { intent: 'test' }

/** Ops with as many texts and slots as a container's init has; then it waits. */
function waiting(count: number, before: readonly Op[] = []): Op[] {
  const slots = Array.from({ length: 40 }, () => slot('result'))
  const steps = Array.from(
    { length: count },
    (_, i) => syscall('getpid', [3, `/a/path/of/usual/length/${i % 80}`], origin, { result: slots[i % 40] as Slot }), // one of 40
  )
  const ready = syscall('write', [1, '.', 1], origin)
  const wait = syscall('ppoll', [NULL, NULL, NULL, NULL, NULL], origin)
  return [...steps, ...before, ready, wait, syscall('exit_group', [0], origin)]
}

const skip = process.arch === 'x64' ? false : 'measured on x86_64 only'

async function resident(t: Test, ops: readonly Op[]): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-resident-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'image')
  writeFileSync(file, buildImage(ops, 'x86_64', 2), { mode: 0o755 })
  const child = spawn(file, [], { stdio: ['ignore', 'pipe', 'inherit'], env: {} })
  t.teardown(() => child.kill('SIGKILL'))
  await new Promise(resolve => child.stdout.once('data', resolve))
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1])
}

t.test('what a waiting init holds, in KiB', { skip }, async t => {
  const small = await resident(t, waiting(300))
  t.ok(small > 0 && small <= 64, `${small} with 300 ops`)
  const large = await resident(t, waiting(1000, [release(origin)]))
  t.ok(large > 0 && large <= 32, `${large} with 1000 ops, released`)
})

t.test('building is quick', t => {
  const ops = waiting(300)
  for (let i = 0; i < 20; i++) buildImage(ops, 'x86_64', 2)
  const times = Array.from({ length: 50 }, () => {
    const start = performance.now()
    buildImage(ops, 'x86_64', 2)
    return performance.now() - start
  }).sort((a, b) => a - b)
  const best = times[0] ?? Number.POSITIVE_INFINITY
  t.ok(best < 5, `${best.toFixed(2)} ms for 300 ops`)
  t.end()
})
