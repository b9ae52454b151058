import { readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { connectUnix, receive, send, seqpacketPair } from './socket.ts'
import { openDescriptors, thrown, workDirectory } from './testing.ts'

const utf8 = new TextEncoder()
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString()

const pair = (): { a: Fd; b: Fd } & Disposable => {
  const [a, b] = seqpacketPair()
  return {
    a,
    b,
    [Symbol.dispose]() {
      a.close()
      b.close()
    },
  }
}

t.test('messages keep their bounds; the end is undefined', t => {
  const [a, b] = seqpacketPair()
  send(a, utf8.encode('one'))
  send(a, utf8.encode('two'))
  t.equal(text(receive(b, 64)?.bytes), 'one')
  t.equal(text(receive(b, 64)?.bytes), 'two')
  a.close()
  t.equal(receive(b, 64), undefined)
  t.ok(
    isErrno(
      thrown(() => send(b, utf8.encode('x'))),
      'EPIPE',
    ),
  )
  b.close()
  t.end()
})

t.test('descriptors travel with a message and arrive close-on-exec', t => {
  const before = openDescriptors()
  {
    using ends = pair()
    const path = join(workDirectory(t), 'file')
    writeFileSync(path, 'content')
    using file = Fd.open(path, O.bits.O_RDONLY)
    using other = Fd.open('/dev/null', O.bits.O_RDONLY)
    send(ends.a, utf8.encode('x'), [file, other])
    const got = receive(ends.b, 16)
    t.equal(got?.fds.length, 2)
    const [first, second] = got?.fds ?? []
    t.equal(first?.readText(), 'content')
    t.equal(second?.link(), '/dev/null')
    t.match(readFileSync(`/proc/self/fdinfo/${first?.number}`, 'utf8'), /flags:\s+02\d{6}\n/)
    for (const fd of got?.fds ?? []) fd.close()
  }
  t.equal(openDescriptors(), before)
  t.end()
})

t.test('a message that does not fit is an error and leaks nothing', t => {
  const before = openDescriptors()
  {
    using ends = pair()
    using file = Fd.open('/dev/null', O.bits.O_RDONLY)
    send(ends.a, utf8.encode('too long'), [file])
    t.ok(
      isErrno(
        thrown(() => receive(ends.b, 3)),
        'EMSGSIZE',
      ),
    )
  }
  t.equal(openDescriptors(), before)
  t.end()
})

t.test('waiting for a message ends in time', t => {
  using ends = pair()
  const start = performance.now()
  const error = thrown(() => receive(ends.b, 16, { timeoutMs: 50 }))
  t.ok(isErrno(error, 'ETIMEDOUT'))
  t.ok(performance.now() - start >= 49)
  send(ends.a, utf8.encode('x'))
  t.equal(text(receive(ends.b, 16, { timeoutMs: 50 })?.bytes), 'x')
  t.end()
})

t.test('a blocking receive gets what another thread sends', async t => {
  using ends = pair()
  const code = `
    const { writeSync } = require('node:fs')
    setTimeout(() => writeSync(require('node:worker_threads').workerData, 'late'), 100)`
  const worker = new Worker(code, { eval: true, workerData: ends.a.number })
  t.equal(text(receive(ends.b, 16)?.bytes), 'late')
  await worker.terminate()
})

t.test('connecting by a path of any length', async t => {
  const dir = workDirectory(t)
  const path = join(dir, 'socket')
  const server = createServer()
  await new Promise<void>(resolve => server.listen(path, resolve))
  t.teardown(() => server.close())
  const connected = (): Promise<string> =>
    new Promise(resolve => server.once('connection', peer => peer.once('data', data => resolve(data.toString()))))
  const long = join(dir, 'x'.repeat(120))
  symlinkSync('.', long)
  const named = join(dir, 'y'.repeat(200))
  renameSync(path, named)
  symlinkSync('y'.repeat(200), path)
  for (const name of [path, join(long, 'socket'), named]) {
    const received = connected()
    using socket = connectUnix(name)
    send(socket, utf8.encode('hello'))
    t.equal(await received, 'hello')
  }
  t.match(thrown(() => connectUnix(join(dir, 'none'))).message, /^connect\(".*\/none"\): no such file or directory$/)
  t.throws(() => connectUnix('a\0b'), /NUL byte/)
  t.match(
    thrown(() => connectUnix(join(dir, 'z'.repeat(5000)))),
    { errnoName: 'ENAMETOOLONG' },
  )
  writeFileSync(join(dir, 'file'), '')
  for (const [name, hint] of [
    [dir, 'this is a directory, not a socket'],
    [join(dir, 'file'), 'this is a file, not a socket'],
  ] as const)
    t.match(
      thrown(() => connectUnix(name)),
      { errnoName: 'ECONNREFUSED', hint },
    )
})

t.test('nobody waits for ever for a peer that does not accept', async t => {
  const path = join(workDirectory(t), 'socket')
  const server = createServer()
  await new Promise<void>(resolve => server.listen({ path, backlog: 1 }, resolve))
  const connected: Fd[] = []
  // the server accepts when this function lets it
  const full = thrown(() => {
    for (let i = 0; i < 100; i++) connected.push(connectUnix(path, undefined, 1))
  })
  for (const socket of connected) socket.close()
  server.close()
  t.match(full, { errnoName: 'EAGAIN', hint: /does not accept/ })
})
