// How much memory a waiting init holds: the reason why records are small and lie together.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { int, NULL, type Op, slot, str, syscall } from '../program/op.ts'
import { buildImage } from './build.ts'

const origin = { intent: 'test' }

/** As many ops as a usual container's init has, each with a text of its own; then it waits. */
function waiting(count: number): Op[] {
  const steps = Array.from({ length: count }, (_, i) =>
    syscall('getpid', [int(3), str(`/a/path/of/usual/length/${i}`)], origin, { result: slot('result') }),
  )
  const ready = syscall('write', [int(1), str('.'), int(1)], origin)
  const wait = syscall('ppoll', [NULL, NULL, NULL, NULL, NULL], origin)
  return [...steps, ready, wait, syscall('exit_group', [int(0)], origin)]
}

const skip = process.arch === 'x64' ? false : 'measured on x86_64 only'

t.test('an init of 350 ops that waits holds at most 64 KiB', { skip }, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-resident-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'image')
  writeFileSync(file, buildImage(waiting(350), 'x86_64', 2), { mode: 0o755 })
  const child = spawn(file, [], { stdio: ['ignore', 'pipe', 'inherit'], env: {} })
  t.teardown(() => child.kill('SIGKILL'))
  await new Promise(resolve => child.stdout.once('data', resolve))
  const resident = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
  t.ok(Number(resident) > 0 && Number(resident) <= 64, `${resident} KiB`)
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
