// A containerd of our own: everything it writes is in one directory, but for what it has at fixed places in /run: the
// sockets of its shims in /run/containerd/s. No CRI plugin, no network, nothing of a containerd that runs already.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Children } from './children.ts'
import { until } from './waiting.ts'

/** Fixed in containerd (defaults.DefaultStateDir). */
const RUN = '/run/containerd'
const SHIM_SOCKETS = join(RUN, 's')
/** Made by containerd, its shims or ctr when it is not there. */
const RUN_DIRECTORIES = [SHIM_SOCKETS, join(RUN, 'fifo'), join(RUN, 'runc'), RUN]

const UNWANTED = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.internal.v1.opt',
  'io.containerd.internal.v1.restart',
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
]

const STOP_MS = 5000

export class Containerd {
  readonly address: string
  readonly #work: string
  readonly #children: Children
  readonly #foreign = RUN_DIRECTORIES.filter(existsSync)
  readonly #log: string
  #process: ChildProcess | undefined

  constructor(work: string, children: Children) {
    this.#work = work
    this.#children = children
    this.address = join(work, 'containerd.sock')
    this.#log = join(work, 'containerd.log')
  }

  /** Where the shims keep what they know of the containers of a namespace. */
  tasks(namespace: string): string {
    return join(this.#work, 'state/io.containerd.runtime.v2.task', namespace)
  }

  /** What shims and runtimes get as their environment, less what ctr and containerd add. */
  environment(): NodeJS.ProcessEnv {
    const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' } = process.env
    // the shim's sockets for terminals are in XDG_RUNTIME_DIR
    return { PATH, TMPDIR: join(this.#work, 'tmp'), XDG_RUNTIME_DIR: join(this.#work, 'run') }
  }

  async start(): Promise<void> {
    const config = join(this.#work, 'config.toml')
    for (const name of ['tmp', 'run']) mkdirSync(join(this.#work, name))
    writeFileSync(
      config,
      `version = 2
root = ${JSON.stringify(join(this.#work, 'root'))}
state = ${JSON.stringify(join(this.#work, 'state'))}
disabled_plugins = ${JSON.stringify(UNWANTED)}
[grpc]
  address = ${JSON.stringify(this.address)}
[debug]
  level = "warn"
`,
    )
    const log = openSync(this.#log, 'w')
    // a session of its own: Ctrl-C is for us, who stop it when the containers are gone
    const options: SpawnOptions = { cwd: '/', env: this.environment(), stdio: ['ignore', log, log], detached: true }
    const child = spawn('containerd', ['--config', config], options)
    closeSync(log)
    this.#process = child
    if (child.pid !== undefined) this.#children.add(child.pid)
    let failure: Error | undefined
    child.once('error', error => {
      failure = error
    })
    await until('containerd listens', () => {
      if (failure !== undefined || child.exitCode !== null) throw failure ?? new Error(`containerd: ${this.log()}`)
      return this.ctr('version').status === 0
    })
  }

  /** For questions while nothing else is going on. */
  ctr(...args: readonly string[]): { readonly status: number | null; readonly stdout: string } {
    const env = this.environment()
    return spawnSync('ctr', ['--address', this.address, ...args], { env, encoding: 'utf8', timeout: 10_000 })
  }

  /** overlayfs where it can be mounted here: containerd has tried. */
  snapshotter(): string {
    const line = /^io\.containerd\.snapshotter\.v1\s+overlayfs\s.*$/m.exec(this.ctr('plugins', 'ls').stdout)?.[0] ?? ''
    return /\sok\s*$/.test(line) ? 'overlayfs' : 'native'
  }

  log(): string {
    return readFileSync(this.#log, 'utf8')
  }

  /** Socket of the shim of a container: the name that containerd 1.5 to 2 give it. */
  shimSocket(namespace: string, id: string): string {
    const name = createHash('sha256')
      .update(join(this.address, namespace, id))
      .digest('hex')
    return join(SHIM_SOCKETS, name)
  }

  /** Nothing can be learnt without it. */
  mustRun(): void {
    const { exitCode = null, signalCode = null } = this.#process ?? {}
    if (exitCode !== null || signalCode !== null) throw new Error(`containerd has ended: ${exitCode ?? signalCode}`)
  }

  /** Nothing else that it started may be left. */
  async stop(): Promise<void> {
    const child = this.#process
    if (child?.pid === undefined) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await ended
    clearTimeout(timer)
    this.#children.remove(child.pid)
  }

  /** Directories that were not there before us, when nobody else has put something into them. */
  removeRunDirectories(): void {
    for (const path of RUN_DIRECTORIES.filter(path => !this.#foreign.includes(path)))
      try {
        rmdirSync(path)
      } catch {
        // not empty, or gone already
      }
  }

  removeShimSocket(namespace: string, id: string): void {
    rmSync(this.shimSocket(namespace, id), { force: true })
  }
}
