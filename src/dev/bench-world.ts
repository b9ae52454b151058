// What one benchmark has on the machine: a directory with bundles and the state of each runtime, the runtimes' commands,
// and the way to leave nothing behind, also after a failure or Ctrl-C. Every container's id begins with a prefix of this
// process, by which what a runtime forgot is found.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FSMAGIC } from '../abi/magic.ts'
import { setSubreaper } from '../host/process.ts'
import { type Spec, sampleSpec } from '../index.ts'
import { groupsNamed, namesIn, reapAll, removeGroup } from './bench-leftovers.ts'
import type { RuntimeName } from './bench-options.ts'
import { type Cost, measure } from './measure.ts'

export interface Runtime {
  readonly name: RuntimeName
  readonly argv: readonly string[]
}

const repository = fileURLToPath(new URL('../../..', import.meta.url))

/** The first is the subject; the second is its code on Node. */
export const CANDIDATES: readonly Runtime[] = [
  { name: 'tsrunc', argv: [join(repository, 'dist/tsrunc')] },
  { name: 'node', argv: [process.execPath, join(repository, 'bin/tsrunc.js')] },
  { name: 'runc', argv: ['runc'] },
  { name: 'crun', argv: ['crun'] },
]

/** Kinds of state directories: that of the commands, one with many containers, one with none, and the library's. */
export type RootKind = 'root' | 'many' | 'none' | 'library'

/** Where the state goes: /run is a tmpfs on hosts that containers run on, and what a file system on a disk adds to each
 * file is not the runtime's. */
function stateParent(): string {
  const isTmpfs = (path: string): boolean => BigInt(statfsSync(path).type) === FSMAGIC.values.TMPFS_MAGIC
  return ['/run', '/dev/shm'].find(path => existsSync(path) && isTmpfs(path)) ?? tmpdir()
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export class World {
  readonly work = mkdtempSync(join(tmpdir(), 'tsrunc-bench-'))
  readonly #states = mkdtempSync(join(stateParent(), 'tsrunc-bench-'))
  readonly prefix = `tsrunc-bench-${process.pid}`
  readonly #errors = join(this.work, 'stderr')
  readonly #roots = new Map<string, Runtime>()
  #config: Spec = {
    ...sampleSpec(),
    ociVersion: '1.0.2', // crun 1.8 refuses what came later
  }
  #stoppedBy: string | undefined

  constructor() {
    setSubreaper(true) // a created container's init comes to us when its runtime has exited
    for (const signal of SIGNALS)
      process.on(signal, () => {
        this.#stoppedBy = signal
      })
    this.#writeBundles()
  }

  get config(): Spec {
    return this.#config
  }

  /** A bundle that runs /bin/true, and one that sleeps. */
  readonly quick = join(this.work, 'true')
  readonly slow = join(this.work, 'sleep')

  withoutDeviceRules(): void {
    const { resources: _, ...linux } = this.#config.linux ?? {}
    this.#config = { ...this.#config, linux }
    this.#writeBundles()
  }

  #writeBundles(): void {
    for (const [directory, args] of [
      [this.quick, ['/bin/true']],
      [this.slow, ['/bin/sleep', '1000']],
    ] as const) {
      mkdirSync(join(directory, 'rootfs/bin'), { recursive: true })
      for (const name of ['true', 'sleep']) copyFileSync('/bin/busybox', join(directory, 'rootfs/bin', name))
      const process = { ...this.#config.process, terminal: false, args }
      writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...this.#config, process }))
    }
  }

  root(runtime: Runtime, kind: RootKind = 'root'): string {
    const path = join(this.#states, `${kind}-${runtime.name}`)
    this.#roots.set(path, runtime)
    return path
  }

  id(runtime: Runtime, number = 0): string {
    return `${this.prefix}-${runtime.name}-${number}`
  }

  command(runtime: Runtime, args: readonly string[], root = this.root(runtime)): string[] {
    return [...runtime.argv, '--root', root, ...args]
  }

  /** Runs a command of a runtime; its failure is the benchmark's. */
  once(runtime: Runtime, ...args: string[]): Promise<Cost> {
    return this.run([this.command(runtime, args)])
  }

  /** Runs commands one after another, or together, as one measurement. */
  async run(commands: readonly (readonly string[])[], together = false): Promise<Cost> {
    await this.turn()
    const cost = measure(commands, this.#errors, together)
    if (cost.exitCode === 0) return cost
    const [first = []] = commands
    const many = commands.length > 1 ? ` and ${commands.length - 1} more` : ''
    throw new Error(`${first.join(' ')}${many}: exit ${cost.exitCode}: ${readFileSync(this.#errors, 'utf8').trim()}`)
  }

  /** Where a signal is heeded: between measurements. */
  async turn(): Promise<void> {
    await setImmediate()
    if (this.#stoppedBy !== undefined) throw new Error(`stopped by ${this.#stoppedBy}`)
  }

  /** What was found that a runtime should have removed, and is removed now. */
  async close(): Promise<string[]> {
    for (const [root, runtime] of this.#roots)
      for (const id of namesIn(root).filter(name => name.startsWith(this.prefix)))
        measure([this.command(runtime, ['delete', '--force', id], root)], this.#errors)
    const left: string[] = []
    for (const group of groupsNamed(this.prefix)) {
      left.push(group)
      await removeGroup(group)
    }
    reapAll(false)
    for (const path of [this.work, this.#states]) rmSync(path, { recursive: true, force: true })
    return left
  }
}
