// A container that the state directory knows. Its status is derived each time from processes, the fifo and the
// freezer, as runc does; what state.json says is only believed as to whether create had finished.
import type { CgroupManager } from '../cgroup/manager.ts'
import { savedCgroup } from '../cgroup/saved.ts'
import { StateError } from '../errors.ts'
import type { Fd } from '../host/fd.ts'
import { type ProcessStat, pidfdOpen, processStat } from '../host/process.ts'
import type { State } from '../spec/gen/state-types.ts'
import { isEmpty, OCI_VERSION, type StateDocument, type Status, stateDocument } from './document.ts'
import { FIFO, STATE_FILE } from './files.ts'
import { decodeState, encodeState, isForeignState, type ProcessId, type SavedState } from './saved.ts'
import { type ContainerDirectory, find, type Runtime } from './store.ts'

export { OCI_VERSION, type StateDocument, type Status, stateDocument } from './document.ts'
export {
  CGROUP_FILE,
  CONFIG_FILE,
  FIFO,
  GATE,
  NOTIFY,
  NOTIFY_SOCKET,
  ORIGINS_FILE,
  RDT_FILE,
  STATE_FILE,
} from './files.ts'

export const missing = (id: string): StateError =>
  new StateError('container does not exist', { missing: true, where: id })

export class Container {
  readonly runtime: Runtime
  readonly directory: ContainerDirectory
  readonly saved: SavedState
  readonly cgroup: CgroupManager
  #isGone = false

  constructor(runtime: Runtime, directory: ContainerDirectory, saved: SavedState) {
    this.runtime = runtime
    this.directory = directory
    this.saved = saved
    this.cgroup = savedCgroup(saved.cgroup)
  }

  get id(): string {
    return this.saved.id
  }

  /** Init while it runs. Which process that is says a file only: it must also be where create has seen it. */
  get init(): ProcessId | undefined {
    const { init, initInCgroup } = this.saved
    if (init === undefined) return undefined
    const found = processStat(init.pid)
    this.#isGone ||= found === undefined
    if (!isSame(init, found)) return undefined
    return initInCgroup && !this.cgroup.holds(init.pid) ? undefined : init
  }

  /** Init was looked for, and not even a zombie was there; so it never will be. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** A pidfd of the process that has init's pid; of init, if that is found to run after the call. */
  handle(): Fd | undefined {
    const { init } = this.saved
    return init && pidfdOpen(init.pid)
  }

  status(): Status {
    const { status, creator } = this.saved
    if (status === 'creating' && isAlive(creator)) return 'creating'
    if (this.init === undefined) return 'stopped'
    if (this.cgroup.state() === 'frozen') return 'paused'
    return this.directory.has(FIFO) ? 'created' : 'running'
  }

  state(status: Status = this.status()): StateDocument {
    return stateDocument(this.saved, status)
  }

  [Symbol.dispose](): void {
    this.cgroup[Symbol.dispose]()
    this.directory[Symbol.dispose]()
  }
}

/** What a hook reads on its standard input; one inside the container is told the pid that init has there. */
export function hookState(saved: SavedState, status: Status, pid = saved.init?.pid): string {
  const state: State = {
    ociVersion: OCI_VERSION,
    id: saved.id,
    status,
    ...(pid !== undefined && status !== 'stopped' && { pid }),
    bundle: saved.bundle,
    ...(!isEmpty(saved.annotations) && { annotations: saved.annotations }),
  }
  return JSON.stringify(state)
}

/** Throws StateError when the id names no container, or one whose state is damaged. */
export function load(runtime: Runtime, id: string): Container {
  const directory = find(runtime, id)
  if (directory === undefined) throw missing(id)
  try {
    return loadFrom(runtime, directory)
  } catch (error) {
    directory[Symbol.dispose]()
    throw error
  }
}

/** The verb: the document of one container. */
export function state(runtime: Runtime, id: string): StateDocument {
  using container = load(runtime, id)
  return container.state()
}

/** As load, from a directory that has been found, which the container then closes. */
export const loadFrom = (runtime: Runtime, directory: ContainerDirectory): Container =>
  new Container(runtime, directory, readState(directory))

function readState(directory: ContainerDirectory): SavedState {
  const text = directory.read(STATE_FILE)
  const saved = text === undefined ? undefined : decodeState(text, directory.id)
  if (saved !== undefined) return saved
  if (text !== undefined || isForeign(directory)) throw missing(directory.id)
  throw new StateError(`container ${directory.id}: state.json is missing`, {
    hint: `remove the container with "delete --force ${directory.id}"`,
  })
}

/** Whether the directory belongs to another runtime that shares our root: runc's state, or crun's. */
export function isForeign(directory: ContainerDirectory): boolean {
  const text = directory.read(STATE_FILE)
  return text === undefined ? directory.has('status') : isForeignState(text)
}

export const save = (directory: ContainerDirectory, saved: SavedState): void =>
  directory.write(STATE_FILE, encodeState(saved))

/** The process as it can be recognised later; undefined when it is gone. */
export function identify(pid: number): ProcessId | undefined {
  const found = processStat(pid)
  return found && { pid, startTime: found.startTime }
}

/** Whether it still runs: not gone, not a zombie, no other process with its pid. */
export const isAlive = (process: ProcessId): boolean => isSame(process, processStat(process.pid))

const isSame = ({ startTime }: ProcessId, found: ProcessStat | undefined): boolean =>
  found?.startTime === startTime && found.state !== 'Z' && found.state !== 'X'
