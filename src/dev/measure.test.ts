import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { measure, median } from './measure.ts'

const directory = mkdtempSync(join(tmpdir(), 'tsrunc-measure-'))
t.teardown(() => rmSync(directory, { recursive: true }))
const errors = join(directory, 'errors')
const shell = (script: string): string[] => ['/bin/sh', '-c', script]

t.test('what a command costs', t => {
  const { wall, cpu, peak, exitCode } = measure([shell('sleep 0.1')], errors)
  t.ok(wall >= 100, `${wall} ms`)
  t.ok(cpu > 0 && cpu < 100, `sleeping is no work: ${cpu} ms`)
  t.ok(peak > 100, `${peak} KiB`)
  t.equal(exitCode, 0)
  t.end()
})

t.test('commands one after another, and together', t => {
  const three = [shell('sleep 0.3'), shell('sleep 0.3'), shell('sleep 0.3')]
  const sequence = measure(three, errors)
  const together = measure(three, errors, true)
  t.ok(sequence.wall >= 900, `${sequence.wall} ms`)
  t.ok(together.wall >= 300 && together.wall < 900, `${together.wall} ms`)
  t.end()
})

t.test('failures', t => {
  t.equal(measure([['true'], shell('echo oh >&2; exit 3'), shell('exit 4')], errors).exitCode, 3, 'the first one')
  t.equal(readFileSync(errors, 'utf8'), 'oh\n')
  t.equal(measure([shell('kill -9 $$'), ['true']], errors, true).exitCode, 128 + 9)
  t.throws(() => measure([['no-such-program-here']], errors), { message: 'no no-such-program-here in PATH' })
  t.end()
})

t.test('Ctrl-C does not reach what is measured: it has a process group of its own', t => {
  const file = join(directory, 'group')
  measure([shell(`cut -d' ' -f5 /proc/$$/stat >${file}`)], errors)
  const own = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[2]
  t.not(readFileSync(file, 'utf8').trim(), own)
  t.end()
})

t.test('the median', t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.ok(Number.isNaN(median([])))
  t.end()
})
