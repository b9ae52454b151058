// Sockets that callers of runc hand over: for the terminal, for a pidfd, and that of a service manager. What else than a
// listening socket they may be is tried here, too.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { O } from '../../src/abi/fcntl.ts'
import { bindDatagram, connectDatagram } from '../../src/host/datagram.ts'
import { Fd } from '../../src/host/fd.ts'
import { waitReadable } from '../../src/host/process.ts'
import { receive, send } from '../../src/host/socket.ts'
import { ConsoleSocket } from '../../src/runtime/fixtures/console-socket.ts'
import { type Case, defineCase, Skip } from '../case.ts'
import type { World } from '../world.ts'

const CONSOLE = 'runc: terminal'
const PIDFD = 'runc: pidfd socket'
const NOTIFY = 'runc: notify socket'

/** What may stand in the place of a socket. */
const OBSTACLES: Readonly<Record<string, (path: string) => void>> = {
  nothing: () => {},
  'a directory': path => mkdirSync(path),
  'a file': path => writeFileSync(path, ''),
  'a dangling link': path => symlinkSync('nowhere', path),
  'a link to itself': path => symlinkSync('place', path),
}

function pidfdsOrSkip(world: World): void {
  const { stdout } = world.runtime.run(['create', '--help'])
  if (!stdout.includes('pidfd-socket')) throw new Skip(`${world.runtime.name} has no --pidfd-socket`)
}

const obstacleCases = (section: string, flag: string, prepare: (world: World) => void): Case[] =>
  Object.entries(OBSTACLES).map(([what, put]) =>
    defineCase(section, `${flag} leads to ${what}: an error, and nothing is left`, world => {
      prepare(world)
      const place = join(world.directory, 'place')
      put(place)
      world.bundle.write()
      world.createFails(undefined, flag, place)
      world.nothingLeft()
    }),
  )

/** A service manager: NOTIFY_SOCKET is set for the runtime while `work` goes on. */
class Manager {
  readonly #socket: Fd
  readonly #world: World

  constructor(world: World) {
    using directory = Fd.open(world.directory, O.bits.O_RDONLY | O.bits.O_DIRECTORY)
    this.#socket = bindDatagram(directory, 'manager', 0o666)
    this.#world = world
    world.runtime.launcher = ['env', `NOTIFY_SOCKET=${join(world.directory, 'manager')}`]
    world.atEnd(() => {
      world.runtime.launcher = []
      this.#socket.close()
    })
  }

  hear(): { text: string; fds: Fd[] } {
    const received = receive(this.#socket, 4096, { timeoutMs: 5000 })
    return {
      text: Buffer.from(received?.bytes ?? [])
        .toString()
        .trim(),
      fds: received?.fds ?? [],
    }
  }

  /** Lets go of the barrier, if there is one. */
  acknowledge(): void {
    if (waitReadable([this.#socket], 1000).length > 0) for (const fd of this.hear().fds) fd.close()
  }

  get hasHeard(): boolean {
    return waitReadable([this.#socket], 0).length > 0
  }

  /** As a program inside would. */
  say(text: string): void {
    const { pid } = this.#world.state()
    const [, path] = /(?:^|\0)NOTIFY_SOCKET=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? []
    using end = connectDatagram(`/proc/${pid}/root${path}`)
    send(end, Buffer.from(text))
  }
}

export const socketCases: readonly Case[] = [
  ...obstacleCases(CONSOLE, '--console-socket', world => {
    world.bundle.config.process.terminal = true
  }),
  ...obstacleCases(PIDFD, '--pidfd-socket', pidfdsOrSkip),

  defineCase(PIDFD, 'a pidfd of init arrives, with the word "standard"', async world => {
    pidfdsOrSkip(world)
    const path = join(world.directory, 'pidfds')
    const socket = await ConsoleSocket.listen(path)
    world.create('--pidfd-socket', path)
    const { master: pidfd, payload } = await socket.accept()
    using _closed = pidfd
    assert.equal(payload, 'standard')
    const [, pid] = /^Pid:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd.number}`, 'utf8')) ?? []
    assert.equal(Number(pid), world.state().pid)
  }),

  defineCase(
    NOTIFY,
    'start tells the service manager when the program is ready, and which process it is',
    async world => {
      const manager = new Manager(world)
      world.bundle.script('env >/env; sleep 100')
      world.create()
      const started = world.runtime.launch(['start', world.id])
      await world.eventually('it runs', () => world.status() === 'running')
      await world.eventually('the socket is there', () => succeeds(() => manager.say('STATUS=not yet')))
      await world.eventually('nothing is heard of a status', () => !manager.hasHeard)
      manager.say('READY=1')
      assert.equal(manager.hear().text, 'READY=1')
      assert.equal(manager.hear().text, `MAINPID=${world.state().pid}`)
      manager.acknowledge()
      assert.equal((await started.ended).status, 0)
      assert.match(world.bundle.readRoot('env') ?? '', /^NOTIFY_SOCKET=\/run\/notify\/notify/m)
    },
  ),

  defineCase(NOTIFY, 'start waits until the service manager has read all', async world => {
    const manager = new Manager(world)
    world.create()
    const started = world.runtime.launch(['start', world.id])
    await world.eventually('it runs', () => world.status() === 'running')
    await world.eventually('the socket is there', () => succeeds(() => manager.say('READY=1')))
    assert.equal(manager.hear().text, 'READY=1')
    manager.hear()
    const { text, fds } = manager.hear()
    assert.equal(text, 'BARRIER=1')
    assert.equal(fds.length, 1)
    await world.eventually('start goes on', () => true)
    assert.equal(started.child.exitCode, null)
    for (const fd of fds) fd.close()
    assert.equal((await started.ended).status, 0)
  }),

  defineCase(NOTIFY, 'the container cannot name another main process', async world => {
    const manager = new Manager(world)
    world.create()
    const started = world.runtime.launch(['start', world.id])
    await world.eventually('it runs', () => world.status() === 'running')
    await world.eventually('the socket is there', () => succeeds(() => manager.say('MAINPID=1')))
    manager.say('READY=1\nMAINPID=1')
    assert.equal(manager.hear().text, 'READY=1')
    assert.equal(manager.hear().text, `MAINPID=${world.state().pid}`)
    manager.acknowledge()
    assert.equal((await started.ended).status, 0)
  }),

  defineCase(NOTIFY, 'start ends when the program does, ready or not', world => {
    new Manager(world)
    world.bundle.script('sleep 0.2')
    world.create()
    world.start()
    world.stopped()
  }),
]

function succeeds(work: () => void): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
