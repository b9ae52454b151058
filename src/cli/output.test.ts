import { spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeAll } from './output.ts'
import { scratch } from './testing.ts'

const LONG = 'x'.repeat(300_000)

/** A non-blocking descriptor of a pipe, as a caller's event loop may have left it to us. */
function nonBlockingPipe(fifo: string): number {
  spawnSync('mkfifo', [fifo])
  return openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
}

t.test('a slow reader of a non-blocking pipe gets everything', async t => {
  const directory = scratch(t)
  const fifo = join(directory, 'fifo')
  const fd = nonBlockingPipe(fifo)
  const read = `sleep 0.2; head -c ${LONG.length} ${fifo} >${directory}/copy`
  const reader = spawn('sh', ['-c', read], { stdio: 'ignore' })
  const ended = new Promise(resolve => reader.once('exit', resolve))
  t.equal(writeAll(fd, LONG), true)
  await ended
  t.equal(readFileSync(join(directory, 'copy'), 'utf8').length, LONG.length)
  closeSync(fd)
})

t.test('a reader that never reads is given up', async t => {
  const fd = nonBlockingPipe(join(scratch(t), 'fifo'))
  t.equal(writeAll(fd, LONG, 100), false)
  closeSync(fd)
})

t.test('what cannot be written is no exception', async t => {
  t.equal(writeAll(12345, 'text'), false, 'not open')
  for (const [path, flags] of [
    ['/dev/full', 'w'],
    ['/dev/null', 'r'],
  ] as const) {
    const fd = openSync(path, flags)
    t.equal(writeAll(fd, 'text'), false, path)
    closeSync(fd)
  }
})
