import { spawn } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { SIG } from '../abi/signal.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { launch } from './launch.ts'
import * as host from './process.ts'
import { receive, send, seqpacketPair } from './socket.ts'
import { thrown } from './testing.ts'

const { O_RDONLY } = O.bits

function shell(script: string): number {
  using image = Fd.open('/bin/sh', O_RDONLY)
  return launch({ image, argv: ['sh', '-c', script], stdio: [0, 1, 2], preserved: 0, passed: new Map() })
}
const sleeper = (): number => {
  using image = Fd.open('/bin/sleep', O_RDONLY)
  return launch({ image, argv: ['sleep', '60'], stdio: [0, 1, 2], preserved: 0, passed: new Map() })
}

t.test('how a child ended', t => {
  t.same(host.reap(shell('exit 0'), true)?.exitCode, 0)
  t.same(host.reap(shell('exit 255'), true)?.exitCode, 255)
  const pid = shell('kill -9 $$')
  const status = host.reap(pid, true)
  t.same(status, { pid, signal: SIG.SIGKILL })
  t.equal(status && host.shellStatus(status), 137)
  t.ok(
    isErrno(
      thrown(() => host.reap(pid, true)),
      'ECHILD',
    ),
  )
  t.end()
})

t.test('signals reach a process by pid and by handle', t => {
  for (const byHandle of [false, true]) {
    const pid = sleeper()
    using handle = host.pidfdOpen(pid)
    if (handle === undefined) throw new Error('no handle')
    t.equal(host.reap(pid, false), undefined)
    t.same(host.waitReadable([handle], 0), [])
    t.ok(host.sendSignal(byHandle ? handle : pid, SIG.SIGTERM))
    t.same(host.waitReadable([handle], 5000), [handle])
    t.equal(host.processStat(pid)?.state, 'Z')
    t.equal(host.reap(pid, false)?.signal, SIG.SIGTERM)
    t.equal(host.sendSignal(handle, 0), false)
    t.equal(host.sendSignal(pid, 0), false)
    t.equal(host.pidfdOpen(pid), undefined)
    t.equal(host.processStat(pid), undefined)
  }
  t.end()
})

t.test('a thread is no process', t => {
  const threads = readdirSync('/proc/self/task').map(Number)
  const other = threads.find(id => id !== process.pid)
  if (other === undefined) throw new Error('the engine has no other thread')
  t.equal(host.pidfdOpen(other), undefined)
  t.end()
})

t.test('what /proc says of a process', t => {
  const before = Number(host.processStat(process.pid)?.startTime)
  t.ok(before > 0)
  const pid = sleeper()
  const start = host.processStat(pid)?.startTime
  t.ok(Number(start) >= before)
  t.equal(host.processStat(pid)?.startTime, start)
  t.match(host.processStat(pid)?.state, /^[RSD]$/)
  t.equal(host.processStat(pid)?.parent, process.pid)
  t.equal(host.ownPid(process.pid), process.pid)
  host.sendSignal(pid, SIG.SIGKILL)
  host.reap(pid, true)
  t.end()
})

t.test('a name with blanks and parentheses does not shift the fields', async t => {
  const child = spawn('/bin/sh', ['-c', 'printf "a) Z (b" >/proc/$$/comm; echo; read x'])
  await new Promise(resolve => child.stdout.once('data', resolve))
  t.match(host.processStat(child.pid ?? 0)?.state, /^[RS]$/)
  t.equal(host.processStat(child.pid ?? 0)?.parent, process.pid)
  child.stdin.end('x\n')
})

t.test('an orphan becomes the child of a subreaper', t => {
  host.setSubreaper(true)
  t.teardown(() => host.setSubreaper(false))
  const [ours, theirs] = seqpacketPair()
  using image = Fd.open('/bin/sh', O_RDONLY)
  const argv = ['sh', '-c', '(read x <&3; exit 5) & echo $! >&3; exit 0']
  const pid = launch({ image, argv, stdio: [0, 1, 2], preserved: 0, passed: new Map([[3, theirs]]) })
  theirs.close()
  t.equal(host.reap(pid, true)?.exitCode, 0)
  const orphan = Number(Buffer.from(receive(ours, 16)?.bytes ?? []).toString())
  t.equal(host.processStat(orphan)?.parent, process.pid)
  send(ours, Buffer.from('\n'))
  t.equal(host.reap(orphan, true)?.exitCode, 5)
  ours.close()
  t.end()
})

t.test('waiting without blocking the process', async t => {
  const pid = sleeper()
  using handle = host.pidfdOpen(pid)
  if (handle === undefined) throw new Error('no handle')
  t.same(await host.whenReadable([handle], 20), [])
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  setTimeout(() => host.sendSignal(pid, SIG.SIGTERM), 60)
  t.same(await host.whenReadable([handle]), [handle])
  clearInterval(timer)
  t.ok(ticks > 0, 'the event loop went on')
  t.equal(host.reap(pid, false)?.signal, SIG.SIGTERM)
})

t.test('a descriptor of another process', t => {
  const pid = sleeper()
  using pidfd = host.pidfdOpen(pid)
  t.ok(pidfd)
  if (pidfd !== undefined) {
    using input = host.descriptorOf(pidfd, 0)
    t.equal(input?.link(), readlinkSync('/proc/self/fd/0'))
    t.ok(
      isErrno(
        thrown(() => host.descriptorOf(pidfd, 1000)),
        'EBADF',
      ),
    )
    host.sendSignal(pidfd, SIG.SIGKILL)
    host.waitReadable([pidfd])
    t.equal(host.descriptorOf(pidfd, 0), undefined, 'a zombie has none')
    host.reap(pid, true)
    t.equal(host.descriptorOf(pidfd, 0), undefined)
  }
  t.end()
})
