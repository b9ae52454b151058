import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { F, O } from '../abi/fcntl.ts'
import { SIG } from '../abi/signal.ts'
import { TTY } from '../abi/tty.ts'
import { Fd } from '../host/fd.ts'
import { fileCalls } from '../host/libc-files.ts'
import { terminalCalls } from '../host/libc-terminals.ts'
import { sendSignal } from '../host/process.ts'
import { receive } from '../host/socket.ts'
import { isTerminal, makeRaw, setWindowSize, unlockPty, windowSize } from '../host/tty.ts'
import { whenReadable } from '../host/wait.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { state } from './query.ts'
import { run } from './run.ts'
import { cannotRun, newId, runs, thrown, traces, until, World } from './testing.ts'

const skip = cannotRun ?? false
const ENTRY = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))

const running = (world: World, id: string, ...options: string[]): string[] => [
  ENTRY,
  '--root',
  world.runtime.root,
  'run',
  ...options,
  '--bundle',
  world.bundle,
  id,
]

t.test('the status of the program, in the library', { skip }, async t => {
  const world = new World(t)
  const before = traces('')
  const listeners = process.listenerCount('SIGTERM')
  const statusOf = (script: string, options = {}) => {
    world.configure(config => {
      config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'pid')
      config.process.args = ['sh', '-c', script]
    })
    return run(world.runtime, newId(), { bundle: world.bundle, ...options })
  }
  t.equal(await statusOf('exit 7'), 7)
  t.equal(await statusOf('kill -9 $$'), 137)
  t.equal(await statusOf('sleep 1000 & exit 1'), 1)
  t.same(world.ids, [])
  t.equal(await statusOf('exit 2', { keep: true }), 2)
  const [kept = ''] = world.ids
  t.equal(state(world.runtime, kept).status, 'stopped')
  remove(world.runtime, kept)
  t.equal(await statusOf('sleep 1000', { detach: true }), 0)
  const [detached = ''] = world.ids
  const { pid } = state(world.runtime, detached)
  t.ok(runs(pid))
  remove(world.runtime, detached, { force: true })
  t.same(traces('').children, before.children)
  await t.rejects(statusOf('true', { bundle: '/nowhere' }), { code: 'TSRUNC_STATE' })
  world.configure(config => {
    config.process.args = ['no']
  })
  await t.rejects(run(world.runtime, newId(), { bundle: world.bundle }), { message: /executable file not found/ })
  t.same(world.ids, [])
  t.same(process.listenerCount('SIGTERM'), listeners)
})

t.test('stdio is handed on, signals are forwarded', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  world.configure(config => {
    config.process.args = [
      'sh',
      '-c',
      'trap "echo term; exit 5" TERM; read x; echo "got $x"; while :; do sleep 0.02; done',
    ]
  })
  const child = spawn(process.execPath, running(world, id), { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', chunk => {
    text += chunk
  })
  child.stdin.end('line\n')
  await until(() => text.includes('got line'))
  child.kill('SIGTERM')
  const code = await new Promise(resolve => child.once('close', resolve))
  t.same([code, text], [5, 'got line\nterm\n'])
  t.same(world.ids, [])
})

/** A terminal of the test's own: its master, and the number of the other side. */
function terminal(): { master: Fd; slave: Fd } {
  const master = Fd.open('/dev/ptmx', O.bits.O_RDWR | O.bits.O_NOCTTY)
  unlockPty(master)
  const flags = O.bits.O_RDWR | O.bits.O_NOCTTY | O.bits.O_CLOEXEC
  return { master, slave: Fd.adopt(terminalCalls.ioctl(master.number, TTY.values.TIOCGPTPEER, flags)) }
}

async function readUntil(master: Fd, ...words: string[]): Promise<string> {
  const chunk = Buffer.alloc(4096)
  for (let text = ''; ; ) {
    if (words.every(word => text.includes(word))) return text
    if ((await whenReadable([master], 5000)).length === 0) throw new Error(`nothing more after ${JSON.stringify(text)}`)
    text += chunk.subarray(0, master.read(chunk)).toString()
  }
}

t.test('a terminal in the foreground', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  world.configure(config => {
    config.process.terminal = true
    const script =
      'tty; stty size; trap "stty size; exit 9" WINCH; echo ready; while :; do read -t 1 x && echo "<$x>"; done'
    config.process.args = ['sh', '-c', script]
  })
  const { master, slave } = terminal()
  setWindowSize(master, { rows: 33, columns: 99 })
  const settings = () => readTermios(slave)
  const before = settings()
  const fd = slave.number
  const child = spawn(process.execPath, running(world, id), { stdio: [fd, fd, fd] })
  const ended = new Promise(resolve => child.once('exit', resolve))
  t.match(await readUntil(master, 'ready'), /\/dev\/pts\/0\r\n33 99\r\nready\r\n/)
  t.not(settings(), before, 'raw')
  master.write('hello\r')
  await readUntil(master, '<hello>')
  setWindowSize(master, { rows: 11, columns: 22 })
  child.kill('SIGWINCH') // the terminal is not the controlling one of the child
  await readUntil(master, '11 22')
  t.equal(await ended, 9)
  t.equal(settings(), before, 'as before')
  t.same(world.ids, [])
  slave.close()
  master.close()
})

function readTermios(slave: Fd): string {
  const saved = makeRaw(slave)
  terminalCalls.ioctl(slave.number, TTY.values.TCSETS, saved)
  return Buffer.from(saved).toString('hex')
}

t.test('much output arrives complete, also when it is read slowly', { skip }, async t => {
  const world = new World(t)
  world.configure(config => {
    config.process.terminal = true
    config.process.args = ['sh', '-c', 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; echo end']
  })
  const child = spawn(process.execPath, running(world, newId()), { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.pause()
  await new Promise(resolve => setTimeout(resolve, 500))
  let text = ''
  child.stdout.on('data', chunk => {
    text += chunk
  })
  child.stdout.resume()
  const code = await new Promise(resolve => child.once('close', resolve))
  t.equal(code, 0)
  t.equal(text.split('\r\n').length, 20002)
  t.ok(text.endsWith('line 19999\r\nend\r\n'))
})

t.test('a console socket gets the master, and nobody waits for its owner', { skip }, async t => {
  const world = new World(t)
  const { runtime, bundle } = world
  const id = newId()
  world.configure(config => {
    config.process.terminal = true
    config.process.consoleSize = { height: 12, width: 34 }
  })
  t.match(thrown(() => create(runtime, id, { bundle })).message, /^cannot allocate tty if .* setting console socket$/)
  const path = join(world.directory, 'console')
  const sockets: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, socket => sockets.push(socket))
  await new Promise<void>(resolve => server.listen(path, resolve))
  const { pid } = create(runtime, id, { bundle, consoleSocket: path })
  await until(() => sockets.length === 1)
  const [socket] = sockets
  const handle = socket as unknown as { _handle: { fd: number } } // the number is nowhere else
  using connection = Fd.adopt(fileCalls.fcntl(handle._handle.fd, F.values.F_DUPFD_CLOEXEC, 3))
  const message = receive(connection, 4096)
  t.equal(Buffer.from(message?.bytes ?? []).toString(), '/dev/pts/0')
  t.equal(message?.fds.length, 1)
  const [master] = message?.fds ?? []
  t.ok(master !== undefined && isTerminal(master))
  if (master !== undefined) t.same(windowSize(master), { rows: 12, columns: 34 })
  for (const number of readdirSync(`/proc/${pid}/fd`)) t.notMatch(readlink(pid, number), /^pipe:/)
  socket?.destroy()
  master?.close()
  server.close()
  remove(runtime, id)
  world.configure()
  t.match(
    thrown(() => create(runtime, id, { bundle, consoleSocket: path })).message,
    /^cannot use console socket if .* will not detach or allocate tty$/,
  )
  t.notOk(existsSync(join(runtime.root, id)))
})

const readlink = (pid: number, number: string): string => {
  try {
    return Fd.open(`/proc/${pid}/fd/${number}`, O.bits.O_PATH).link()
  } catch {
    return readFileSync(`/proc/${pid}/fdinfo/${number}`, 'utf8')
  }
}

t.test('a library that ends itself while a container runs is not held up', { skip }, async t => {
  const world = new World(t)
  const id = newId()
  const library = new URL('../index.js', import.meta.url).href
  const script = `
    import { openRuntime, run } from ${JSON.stringify(library)}
    run(openRuntime({ root: ${JSON.stringify(world.runtime.root)} }), '${id}', { bundle: ${JSON.stringify(world.bundle)} })
    setTimeout(() => process.exit(3), 100)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit', timeout: 5000 })
  t.equal(await new Promise(resolve => child.once('exit', resolve)), 3)
  t.equal(state(world.runtime, id).status, 'running')
  remove(world.runtime, id, { force: true })
})

t.test('realtime signals reach the container, too', { skip }, async t => {
  const world = new World(t)
  world.configure(config => {
    // 34 and 64 by numbers: the names are not the kernel's
    config.process.args = [
      'sh',
      '-c',
      'trap "echo first" 34; trap "echo last; exit 5" 64; echo ready; while :; do sleep 0.05; done',
    ]
  })
  const [file = '', ...args] = running(world, newId())
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  await until(() => output.includes('ready'))
  await new Promise(resolve => setTimeout(resolve, 100)) // the handlers are there a moment after the start
  const pid = child.pid ?? 0
  sendSignal(pid, SIG.SIGRTMIN)
  await until(() => output.includes('first'))
  sendSignal(pid, SIG.SIGRTMAX)
  t.equal(await ended, 5)
  t.equal(output, 'ready\nfirst\nlast\n')
})
