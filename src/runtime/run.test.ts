import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { F, O } from '../abi/fcntl.ts'
import { SIG } from '../abi/signal.ts'
import { TTY } from '../abi/tty.ts'
import { COMMAND } from '../cli/testing.ts'
import { Fd } from '../host/fd.ts'
import { fileCalls } from '../host/libc-files.ts'
import { terminalCalls } from '../host/libc-terminals.ts'
import { processStat, sendSignal } from '../host/process.ts'
import { receive } from '../host/socket.ts'
import { isTerminal, makeRaw, setWindowSize, unlockPty, windowSize } from '../host/tty.ts'
import { whenReadable } from '../host/wait.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { state } from './query.ts'
import { run } from './run.ts'
import { cannotRun, newId, runs, thrown, traces, until, World } from './testing.ts'

const skip = cannotRun ?? false
const LIBRARY = new URL('../index.js', import.meta.url).href

/** The command line. */
const running = (world: World, id: string, ...options: string[]): readonly [string, ...string[]] => [
  ...COMMAND,
  '--root',
  world.runtime.root,
  'run',
  ...options,
  '--bundle',
  world.bundle,
  id,
]

/** A host program, which ends with the container's status; `more` is what else it does. */
function hosting(world: World, id: string, more = ''): readonly [string, ...string[]] {
  const [root, bundle] = [world.runtime.root, world.bundle].map(path => JSON.stringify(path))
  const script = `
    import { openRuntime, run } from ${JSON.stringify(LIBRARY)}
    const ended = run(openRuntime({ root: ${root} }), '${id}', { bundle: ${bundle} })
    ${more}
    process.exitCode = await ended`
  return [process.execPath, '--input-type=module', '-e', script]
}

/** A foreground run, whose output is gathered. */
class Foreground {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  output = ''

  constructor([file, ...args]: readonly [string, ...string[]]) {
    this.child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.child.stdout?.on('data', chunk => {
      this.output += chunk
    })
    this.ended = new Promise(resolve => this.child.once('close', resolve))
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  says(text: string): Promise<void> {
    return until(() => this.output.includes(text))
  }
}

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

const WAYS = { 'the command line': running, 'a host program': hosting }

for (const [name, way] of Object.entries(WAYS)) {
  t.test(`${name}: stdio is handed on, signals are forwarded`, { skip }, async t => {
    const world = new World(t)
    const id = newId()
    world.configure(config => {
      const script = 'trap "echo term; exit 5" TERM; read x; echo "got $x"; while :; do sleep 0.02; done'
      config.process.args = ['sh', '-c', script]
    })
    const run = new Foreground(way(world, id))
    run.child.stdin?.end('line\n')
    await run.says('got line')
    run.child.kill('SIGTERM')
    t.equal(await run.ended, 5)
    t.equal(run.output, 'got line\nterm\n')
    t.same(world.ids, [])
  })

  t.test(`${name}: every signal that can be handed on is`, { skip }, async t => {
    const world = new World(t)
    const numbers = [1, 2, 3, 5, 6, 10, 14, 15, 18, 20, 24, 25, 26, 29, SIG.SIGRTMIN, 47, SIG.SIGRTMAX]
    world.configure(config => {
      // by numbers: the names of the realtime signals are not the kernel's
      const traps = numbers.map(number => `trap "echo got ${number}." ${number}; `).join('')
      config.process.args = ['sh', '-c', `${traps} trap "exit 5" USR2; echo ready; while :; do sleep 0.02; done`]
    })
    const run = new Foreground(way(world, newId()))
    await run.says('ready')
    await new Promise(resolve => setTimeout(resolve, 100)) // a host program hears realtime signals a moment after the start
    for (const number of numbers) {
      sendSignal(run.pid, number)
      await run.says(`got ${number}.`)
    }
    sendSignal(run.pid, SIG.SIGUSR2)
    t.equal(await run.ended, 5)
  })

  t.test(`${name}: a signal that comes before init is there`, { skip }, async t => {
    const world = new World(t)
    world.configure(config => {
      // what has no handler there ends a program that is not the first of its pid namespace
      config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'pid')
      config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', 'kill -TERM $PPID'] }] }
    })
    const run = new Foreground(way(world, newId()))
    t.equal(await run.ended, 143)
    t.same(world.ids, [])
  })

  t.test(`${name}: signals that come when init has ended`, { skip }, async t => {
    const world = new World(t)
    world.configure(config => {
      config.process.args = ['sh', '-c', 'exit 7']
      config.hooks = { poststop: [{ path: '/bin/sh', args: ['sh', '-c', 'kill -TERM $PPID; kill -USR1 $PPID'] }] }
    })
    const run = new Foreground(way(world, newId()))
    t.equal(await run.ended, 7)
    t.same(world.ids, [])
  })
}

t.test('the event loop of a host program goes on', { skip }, async t => {
  const world = new World(t)
  world.configure(config => {
    config.process.args = ['sleep', '0.3']
  })
  const ticking = 'let ticks = 0; setInterval(() => ++ticks, 10).unref(); ended.then(() => console.log(ticks > 5))'
  const run = new Foreground(hosting(world, newId(), ticking))
  t.equal(await run.ended, 0)
  t.equal(run.output, 'true\n')
})

t.test('the command line keeps realtime signals from before init is there', { skip }, async t => {
  const world = new World(t)
  world.configure(config => {
    config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'pid')
    config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', 'kill -40 $PPID'] }] }
  })
  t.equal(await new Foreground(running(world, newId())).ended, 168)
})

t.test('a caller that ignores the signals that tell of children and of its end', { skip }, async t => {
  const world = new World(t)
  world.configure(config => {
    config.process.args = ['sh', '-c', 'trap "exit 7" HUP; echo ready; while :; do sleep 0.02; done']
  })
  const ignoring = ['-c', 'trap "" CHLD HUP; exec "$@"', 'sh']
  const run = new Foreground(['/bin/sh', ...ignoring, ...running(world, newId())])
  await run.says('ready')
  run.child.kill('SIGHUP')
  t.equal(await run.ended, 7)
  world.configure(config => {
    config.process.args = ['true']
  })
  const id = newId()
  t.equal(await new Foreground(['/bin/sh', ...ignoring, ...running(world, id, '--detach')]).ended, 0)
  remove(world.runtime, id, { force: true })
})

t.test('what waits does not show in what is started, and has no threads', { skip }, async t => {
  const world = new World(t)
  const hookSaw = join(world.directory, 'hook')
  world.configure(config => {
    config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `cat /proc/self/status >${hookSaw}`] }] }
    config.process.args = ['sh', '-c', 'cat /proc/self/status; echo ready; read x']
  })
  const run = new Foreground(running(world, newId()))
  await run.says('ready')
  const masks = (status: string): unknown => status.match(/^Sig(Blk|Ign|Cgt):.*$/gm)
  const none = ['SigBlk', 'SigIgn', 'SigCgt'].map(name => `${name}:\t0000000000000000`)
  t.same(masks(run.output), none)
  t.same(masks(readFileSync(hookSaw, 'utf8')), none)
  // Node has threads of its own
  if (COMMAND.length === 1) t.same(readdirSync(`/proc/${run.pid}/task`), [String(run.pid)])
  run.child.stdin?.end('\n')
  t.equal(await run.ended, 0)
})

t.test("orphans of the container are waited for while it runs, unless they are another reaper's", { skip }, async t => {
  for (const options of [[], ['--no-subreaper']]) {
    const world = new World(t)
    world.configure(config => {
      config.linux.namespaces = config.linux.namespaces.filter((each: { type: string }) => each.type !== 'pid')
      config.process.args = ['sh', '-c', '(sleep 0.1 & echo "orphan $!"); echo ready; read x; exit 3']
    })
    const run = new Foreground(running(world, newId(), ...options))
    await run.says('ready')
    const orphan = Number(/orphan (\d+)/.exec(run.output)?.[1])
    const parent = processStat(orphan)?.parent
    t.equal(parent === run.pid, options.length === 0, options.join())
    await until(() => processStat(orphan) === undefined)
    run.child.stdin?.end('\n')
    t.equal(await run.ended, 3)
    t.same(world.ids, [])
  }
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

for (const [name, way] of Object.entries(WAYS))
  t.test(`${name}: a terminal`, { skip }, async t => {
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
    const [file, ...args] = way(world, id)
    const child = spawn(file, args, { stdio: [fd, fd, fd] })
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
  const [file, ...args] = running(world, newId())
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
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
  const [file, ...args] = hosting(world, id, 'setTimeout(() => process.exit(3), 100)')
  const child = spawn(file, args, { stdio: 'inherit', timeout: 5000 })
  t.equal(await new Promise(resolve => child.once('exit', resolve)), 3)
  t.equal(state(world.runtime, id).status, 'running')
  remove(world.runtime, id, { force: true })
})
