// What a service manager hears of a container, and what a container can make it hear.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { COMMAND } from '../cli/testing.ts'
import { bindDatagram, connectDatagram } from '../host/datagram.ts'
import { Fd } from '../host/fd.ts'
import { waitReadable } from '../host/process.ts'
import { type Received, receive, send } from '../host/socket.ts'
import { remove } from './delete.ts'
import { state } from './query.ts'
import { cannotRun, newId, until, World } from './testing.ts'

const skip = cannotRun ?? false

interface Test {
  teardown(work: () => void): void
}

class Scene {
  readonly world: World
  readonly id = newId()
  readonly manager: Fd
  readonly address: string

  constructor(t: Test) {
    this.world = new World(t)
    using directory = Fd.open(this.world.directory, O.bits.O_RDONLY | O.bits.O_DIRECTORY)
    this.manager = bindDatagram(directory, 'manager', 0o600)
    t.teardown(() => this.manager.close())
    this.address = join(this.world.directory, 'manager')
  }

  /** What the container would write to. */
  get socket(): string {
    return join(this.world.runtime.root, this.id, 'notify/notify.sock')
  }

  /** tsrunc as a service. */
  launch(command: string, flags: readonly string[] = [], address = this.address): Launched {
    const [file, ...args] = COMMAND
    const bundle = command === 'start' ? [] : ['--bundle', this.world.bundle]
    const argv = [...args, '--root', this.world.runtime.root, command, ...bundle, ...flags, this.id]
    return new Launched(spawn(file, argv, { env: { NOTIFY_SOCKET: address }, stdio: ['ignore', 'ignore', 'pipe'] }))
  }

  say(text: string, fds: readonly Fd[] = []): void {
    using end = connectDatagram(this.socket)
    send(end, Buffer.from(text), fds)
  }

  hear(): Received & { readonly text: string } {
    const received = receive(this.manager, 4096, { timeoutMs: 5000 })
    if (received === undefined) throw new Error('an empty datagram')
    return { ...received, text: Buffer.from(received.bytes).toString() }
  }

  get isQuiet(): boolean {
    return waitReadable([this.manager], 100).length === 0
  }

  /** The end of the talk: what is said, and the descriptor that comes with the barrier. */
  hearReady(): { texts: string[]; barrier: Fd | undefined } {
    const heard = [this.hear(), this.hear(), this.hear()]
    return { texts: heard.map(({ text }) => text), barrier: heard[2]?.fds[0] }
  }
}

class Launched {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  stderr = ''
  hasEnded = false

  constructor(child: ChildProcess) {
    this.child = child
    child.stderr?.on('data', chunk => {
      this.stderr += chunk
    })
    this.ended = new Promise(resolve =>
      child.once('exit', status => {
        this.hasEnded = true
        resolve(status)
      }),
    )
  }
}

t.test('create makes the place, start serves it until the program is ready', { skip }, async t => {
  const scene = new Scene(t)
  const { world, id } = scene
  symlinkSync('busybox', join(world.bundle, 'rootfs/bin/env'))
  mkdirSync(join(world.bundle, 'rootfs/tmp'))
  world.configure(config => {
    config.process.args = ['sh', '-c', 'env >/tmp/env; cat /proc/self/mountinfo >/tmp/mounts; sleep 1000']
    config.mounts.push({ destination: '/tmp', type: 'bind', source: 'rootfs/tmp', options: ['bind'] })
    config.process.env.push('NOTIFY_SOCKET=/somewhere/else')
  })
  t.equal(await scene.launch('create').ended, 0)
  t.notOk(existsSync(scene.socket))
  const start = scene.launch('start')
  await until(() => existsSync(scene.socket) && state(world.runtime, id).status === 'running')
  scene.say('STATUS=getting there')
  scene.say('X'.repeat(100_000))
  scene.say('')
  scene.say('MAINPID=1\nWATCHDOG_USEC=1')
  scene.say('NOT READY=1')
  scene.say('FDSTORE=1', [scene.manager])
  t.ok(scene.isQuiet, 'nothing of that is handed on')
  t.notOk(start.hasEnded)
  scene.say('STATUS=ready\nREADY=1\nMAINPID=1')
  const { texts, barrier } = scene.hearReady()
  t.same(texts, ['READY=1\n', `MAINPID=${state(world.runtime, id).pid}\n`, 'BARRIER=1'])
  t.ok(barrier)
  await new Promise(resolve => setTimeout(resolve, 200))
  t.notOk(start.hasEnded, 'the manager has not read all yet')
  barrier?.close()
  t.equal(await start.ended, 0)
  const inside = (name: string): string => readFileSync(join(world.bundle, 'rootfs/tmp', name), 'utf8')
  await until(() => existsSync(join(world.bundle, 'rootfs/tmp/mounts')) && inside('mounts') !== '')
  t.match(inside('env'), /^NOTIFY_SOCKET=\/run\/notify\/notify\.sock$/m)
  t.notMatch(inside('env'), 'somewhere')
  t.match(inside('mounts'), / \/run\/notify ro,nosuid,nodev,noexec/)
  remove(world.runtime, id, { force: true })
  t.same(world.ids, [])
})

t.test('run in the foreground is the main process itself', { skip }, async t => {
  const scene = new Scene(t)
  const run = scene.launch('run')
  await until(() => existsSync(scene.socket) && state(scene.world.runtime, scene.id).status === 'running')
  scene.say('READY=1')
  const { texts, barrier } = scene.hearReady()
  t.same(texts, ['READY=1\n', `MAINPID=${run.child.pid}\n`, 'BARRIER=1'])
  barrier?.close()
  run.child.kill('SIGTERM') // init has no handler: nothing happens
  remove(scene.world.runtime, scene.id, { force: true })
  t.equal(await run.ended, 137)
  t.equal(run.stderr, '')
})

t.test('a program that ends without a word', { skip }, async t => {
  const scene = new Scene(t)
  scene.world.configure(config => {
    config.process.args = ['sleep', '0.1']
  })
  t.equal(await scene.launch('run', ['--detach']).ended, 0)
  t.equal(state(scene.world.runtime, scene.id).status, 'stopped')
  remove(scene.world.runtime, scene.id)
  t.equal(await scene.launch('run').ended, 0)
  t.ok(scene.isQuiet)
})

t.test('a manager that is not there is only worth a warning', { skip }, async t => {
  const scene = new Scene(t)
  scene.world.configure(config => {
    config.process.args = ['true']
  })
  for (const address of ['/nowhere/manager', '@tsrunc-nowhere', scene.world.directory, 'x'.repeat(5000)]) {
    const run = scene.launch('run', [], address)
    t.equal(await run.ended, 0, address.slice(0, 40))
    t.match(run.stderr, /^tsrunc: warning: NOTIFY_SOCKET is not served: connect\(|open\(/)
  }
  const start = scene.launch('create')
  t.equal(await start.ended, 0)
  remove(scene.world.runtime, scene.id)
})

t.test('what an image has in the place of /run', { skip }, async t => {
  for (const [what, put, isFine] of [
    ['a link out of it', (path: string) => symlinkSync('../../../../outside', path), true],
    ['a link to the root', (path: string) => symlinkSync('/', path), true],
    ['a file', (path: string) => writeFileSync(path, ''), false],
  ] as const) {
    const scene = new Scene(t)
    const { world } = scene
    world.configure(config => {
      config.process.args = ['sh', '-c', 'cat /proc/self/mountinfo >&2']
    })
    put(join(world.bundle, 'rootfs/run'))
    const run = scene.launch('run')
    t.equal(await run.ended, isFine ? 0 : 1, what)
    if (isFine) t.match(run.stderr, /\/notify ro,nosuid,nodev,noexec/, what)
    else t.match(run.stderr, /for NOTIFY_SOCKET: .*\/run\/notify.*: not a directory\n {2}at op/, what)
    t.notOk(existsSync(join(world.directory, 'outside')), what)
    t.same(world.ids, [], what)
  }
})
