// For tests only: bundles with a busybox rootfs, a state directory of their own, and a look at what is left behind.
// Needs root and busybox; `cannotRun` says why a test has to be skipped.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processStat } from '../host/process.ts'
import './all-parts.ts'
import { remove } from './delete.ts'
import { sampleSpec } from './sample.ts'
import { openRuntime, type Runtime } from './store.ts'

const BUSYBOX = '/bin/busybox'
const APPLETS = ['sh', 'cat', 'echo', 'sleep', 'true', 'stty', 'tty', 'kill']

export const cannotRun: string | undefined =
  process.geteuid?.() !== 0 ? 'needs root' : existsSync(BUSYBOX) ? undefined : 'needs /bin/busybox (busybox-static)'

interface Test {
  teardown(work: () => void): void
}

/** config.json as the tests change it: without its types, for they also write what must be refused. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Draft = any

/** Of the names of worlds; the pid keeps other runs apart. */
const WORLD = `tsrunc-runtime-${process.pid}-`

export class World {
  readonly directory: string
  readonly bundle: string
  readonly runtime: Runtime
  readonly warnings: Error[] = []

  constructor(t: Test) {
    this.directory = mkdtempSync(join(tmpdir(), WORLD))
    t.teardown(() => this.#clear())
    this.bundle = join(this.directory, 'bundle')
    const bin = join(this.bundle, 'rootfs/bin')
    mkdirSync(bin, { recursive: true })
    copyFileSync(BUSYBOX, join(bin, 'busybox'))
    for (const name of APPLETS) symlinkSync('busybox', join(bin, name))
    this.runtime = openRuntime({ root: join(this.directory, 'root'), warn: problem => this.warnings.push(problem) })
    this.configure()
  }

  /** Also what a failed test leaves behind. */
  #clear(): void {
    for (const id of this.ids) {
      try {
        remove(this.runtime, id, { force: true })
      } catch {
        // whatever is there is no container, or goes with the directory
      }
    }
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** Writes config.json: the one of `spec`, without a terminal, with `sleep`, and with the changes. */
  configure(change: (config: Draft) => void = () => {}): void {
    const config: Draft = JSON.parse(JSON.stringify(sampleSpec()))
    config.process.terminal = false
    config.process.args = ['sleep', '1000']
    change(config)
    this.write('config.json', JSON.stringify(config))
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.bundle, name), content)
  }

  get ids(): string[] {
    return existsSync(this.runtime.root) ? readdirSync(this.runtime.root) : []
  }
}

let serial = 0
/** No other test, nor another run of this one, has it. */
export const newId = (): string => `tsrunc-test-${process.pid}-${serial++}`

/** What a container can leave behind on this host; equal before and after. */
export interface Traces {
  readonly children: readonly string[]
  readonly mounts: readonly string[]
  readonly cgroups: readonly string[]
  readonly descriptors: number
}

export function traces(id: string): Traces {
  return {
    children: readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(isOurs),
    cgroups: cgroupsNamed(id),
    descriptors: readdirSync('/proc/self/fd').length,
  }
}

/** Not of other programs at work below the directory of temporary files; a mount anywhere else would be a find. */
function isOurs(line: string): boolean {
  const [, , , , mountpoint = ''] = line.split(' ')
  return !mountpoint.startsWith(`${tmpdir()}/`) || mountpoint.startsWith(join(tmpdir(), WORLD))
}

/** Groups of that name right below a hierarchy, or below the group that this process is in. */
function cgroupsNamed(id: string): string[] {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')
  return lines.flatMap(line => {
    const [, controllers = '', path = ''] = line.split(':')
    const name = controllers === '' ? 'unified' : controllers.replace('name=', '')
    const places = [
      `/sys/fs/cgroup${path}/${id}`,
      `/sys/fs/cgroup/${name}${path}/${id}`,
      `/sys/fs/cgroup/${name}/${id}`,
    ]
    return places.filter(place => existsSync(place))
  })
}

/** What a call throws. */
export function thrown(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Whether a process of that pid runs; a zombie does not. */
export const runs = (pid: number | string): boolean => {
  const state = processStat(Number(pid))?.state
  return state !== undefined && state !== 'Z'
}

export async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) await new Promise(resolve => setTimeout(resolve, 10))
}
