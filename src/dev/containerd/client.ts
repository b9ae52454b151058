// ctr with one runtime: its flags, a namespace of its own, the names of its containers.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Children } from './children.ts'
import type { Containerd } from './daemon.ts'
import { type Ended, Launched } from './launched.ts'
import type { Pseudoterminal } from './pseudoterminal.ts'
import { until } from './waiting.ts'

export const IMAGE = 'test.invalid/busybox:latest'
/** The same with another user. */
export const USER_IMAGE = 'test.invalid/busybox:user'

const TIMEOUT_MS = 20_000

export interface Surroundings {
  /** Directory of this run. */
  readonly work: string
  readonly daemon: Containerd
  readonly children: Children
  readonly snapshotter: string
  /** Begins the name of every namespace and container of this run, and of nothing else on the machine. */
  readonly prefix: string
  readonly interruption: AbortSignal
}

export interface Input {
  readonly stdin?: Uint8Array | string
  readonly terminal?: Pseudoterminal
  /** With the flag --rootfs: a directory. */
  readonly image?: string
}

export class Client {
  readonly name: string
  readonly namespace: string
  /** State directories of the runtime, by namespace. */
  readonly root: string
  readonly fifos: string
  readonly ids: string[] = []
  readonly at: Surroundings
  readonly #binary: string

  constructor(name: string, binary: string, at: Surroundings) {
    this.name = name
    this.namespace = `${at.prefix}${name}`
    this.root = join(at.work, `${name}-root`)
    this.fifos = join(at.work, `${name}-fifos`)
    this.at = at
    this.#binary = binary
    mkdirSync(this.fifos)
  }

  /** A name for the next container. */
  id(): string {
    const id = `${this.namespace}-${this.ids.length}`
    this.ids.push(id)
    return id
  }

  /** A place in the directory of the run. */
  path(name: string): string {
    return join(this.at.work, `${this.name}-${name}`)
  }

  launch(args: readonly string[], { stdin, terminal }: Input = {}): Launched {
    const { daemon, children, interruption } = this.at
    interruption.throwIfAborted()
    const slave = terminal?.slave.number
    const child = spawn('ctr', ['--address', daemon.address, '--namespace', this.namespace, ...args], {
      stdio: slave === undefined ? [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] : [slave, slave, slave],
      env: daemon.environment(),
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      signal: interruption,
    })
    const { pid } = child
    if (pid !== undefined) {
      children.add(pid)
      child.once('exit', () => children.remove(pid))
    }
    child.stdin?.on('error', () => {}) // EPIPE: it wants no more
    child.stdin?.end(stdin)
    return new Launched(child, terminal)
  }

  ctr(...args: readonly string[]): Promise<Ended> {
    return this.launch(args).ended
  }

  /** `ctr run` */
  start(id: string, flags: readonly string[], command: readonly string[], input: Input = {}): Launched {
    const runtime = ['--runc-binary', this.#binary, '--runc-root', this.root]
    const fixed = [...runtime, '--snapshotter', this.at.snapshotter, '--fifo-dir', this.fifos]
    const image = flags.includes('--config') ? [] : [input.image ?? IMAGE]
    return this.launch(['run', ...fixed, ...flags, ...image, id, ...command], input)
  }

  /** The same to its end, with a name of which nobody asks. */
  run(flags: readonly string[], command: readonly string[], input: Input = {}): Promise<Ended> {
    return this.start(this.id(), ['--rm', ...flags], command, input).ended
  }

  /** A shell script in the place of the program. */
  sh(flags: readonly string[], script: string, input: Input = {}): Promise<Ended> {
    return this.run(flags, ['sh', '-c', script], input)
  }

  /** Its status as `ctr task ls` has it, and the pid; undefined when there is no such task. */
  async task(id: string): Promise<{ readonly pid: number; readonly status: string } | undefined> {
    const { stdout } = await this.ctr('task', 'ls')
    const fields = stdout.split('\n').map(line => line.trim().split(/\s+/))
    const [, pid, status] = fields.find(([name]) => name === id) ?? []
    return pid === undefined || status === undefined ? undefined : { pid: Number(pid), status }
  }

  /** The pid of its init, when it is running. */
  async running(id: string): Promise<number> {
    return until(`${id} runs`, async () => {
      const task = await this.task(id)
      return task?.status === 'RUNNING' && task.pid
    })
  }

  async stopped(id: string): Promise<void> {
    await until(`${id} is stopped`, async () => (await this.task(id))?.status === 'STOPPED')
  }

  /** A container in the background. */
  async background(flags: readonly string[], command: readonly string[] = ['sleep', '1000']): Promise<Background> {
    const id = this.id()
    const { status, stderr, stdout } = await this.start(id, ['--detach', ...flags], command).ended
    if (status !== 0) throw new Error(`ctr run --detach: ${status} ${stderr}`)
    return { id, pid: await this.running(id), printed: stdout + stderr }
  }

  /** Ends it and forgets it. */
  async discard(id: string): Promise<void> {
    await this.ctr('task', 'rm', '--force', id)
    await this.ctr('container', 'rm', id)
  }
}

export interface Background {
  readonly id: string
  readonly pid: number
  /** By ctr while it made it. */
  readonly printed: string
}
