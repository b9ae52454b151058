// What glance.ts shows of one container: the first line of its state.json, and its status from /proc, the freezer and
// the fifo, as container.ts derives it. Everything here throws, or gives undefined, where a closer look is needed.
import { closeSync, lstatSync, openSync, readSync, statfsSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { FSMAGIC } from '../abi/magic.ts'
import type { SavedDirectory } from '../cgroup/manager.ts'
import { isEmpty, type Status } from './document.ts'
import { FIFO, STATE_FILE } from './files.ts'
import type { ProcessId, SavedState, ShownState } from './saved.ts'

const OPEN_FILE = Number(O.bits.O_RDONLY | O.bits.O_NOFOLLOW | O.bits.O_NONBLOCK | O.bits.O_CLOEXEC)
const CGROUPS: readonly number[] = [FSMAGIC.values.CGROUP_SUPER_MAGIC, FSMAGIC.values.CGROUP2_SUPER_MAGIC].map(Number)
const [STATE, START_TIME] = [0, 19] // positions behind the name in proc_pid_stat(5)

/** A file that does not fit is no plain case. */
const BUFFER = Buffer.allocUnsafe(64 * 1024)

export interface PlainState {
  readonly directory: string
  readonly shown: ShownState
  /** The other line of state.json. */
  readonly rest: string
}

export function readPlain(directory: string, id: string): PlainState | undefined {
  const text = textOf(`${directory}/${STATE_FILE}`)
  const end = text.indexOf(',\n')
  if (end < 0 || !text.endsWith('}\n')) return undefined
  const shown: ShownState = JSON.parse(`${text.slice(0, end)}}`) // isPlain looks at what it is
  return shown.id === id && isPlain(shown) ? { directory, shown, rest: text.slice(end + 2) } : undefined
}

function textOf(path: string): string {
  const file = openSync(path, OPEN_FILE)
  try {
    const count = readSync(file, BUFFER)
    if (count === BUFFER.length) throw new Error('too long')
    return BUFFER.toString('utf8', 0, count)
  } finally {
    closeSync(file)
  }
}

/** Whether all is as saved.ts wants it. */
function isPlain({ version, status, bundle, rootfs, created, owner, annotations, init }: ShownState): boolean {
  if (version !== 1 || status !== 'created' || !isPath(bundle) || !isPath(rootfs)) return false
  if (typeof created !== 'string' || Number.isNaN(Date.parse(created))) return false
  if (!Number.isSafeInteger(owner) || owner < 0 || (init !== undefined && !isProcess(init))) return false
  if (typeof annotations !== 'object' || annotations === null || Array.isArray(annotations)) return false
  return isEmpty(annotations) || Object.values(annotations).every(value => typeof value === 'string')
}

/** Without what is refused in paths, and without what only looks like it. */
const isPath = (value: string): boolean => value.startsWith('/') && !value.includes('/.') && !value.includes('\0')

const isProcess = ({ pid, startTime }: ProcessId): boolean =>
  Number.isSafeInteger(pid) && pid > 0 && String(Number(startTime)) === startTime

export class StatusReader {
  readonly #hasProcess: (pid: number) => boolean
  /** Mountpoints that were seen to be of a cgroup file system. */
  readonly #hierarchies = new Set<string>()

  /** The question costs less than the error of opening what is not there. */
  constructor(hasProcess: (pid: number) => boolean) {
    this.#hasProcess = hasProcess
  }

  read({ directory, shown: { init, initInCgroup }, rest }: PlainState): Status | undefined {
    if (init === undefined || !this.#hasProcess(init.pid) || !isAlive(init)) return 'stopped'
    const { cgroup }: Pick<SavedState, 'cgroup'> = JSON.parse(`{${rest}`) // looked at where it is used
    if (cgroup.directories.length > 0) {
      const freezer = freezerOf(cgroup.directories)
      if (freezer === undefined || (initInCgroup && !isIn(freezer, init.pid))) return undefined
      if (this.#isFrozen(freezer)) return 'paused'
    }
    return lstatSync(`${directory}/${FIFO}`, { throwIfNoEntry: false }) === undefined ? 'running' : 'created'
  }

  #isFrozen({ controllers, mountpoint, directory }: SavedDirectory): boolean {
    // state.json may have been edited: nothing is read elsewhere
    if (!this.#hierarchies.has(mountpoint)) {
      if (!isPath(mountpoint) || !CGROUPS.includes(statfsSync(mountpoint).type)) throw new Error('no cgroup')
      this.#hierarchies.add(mountpoint)
    }
    if (!isPath(directory) || !directory.startsWith(`${mountpoint}/`)) throw new Error('not below it')
    return controllers === ''
      ? textOf(`${directory}/cgroup.events`).includes('frozen 1')
      : textOf(`${directory}/freezer.state`) !== 'THAWED\n'
  }
}

/** Whether it still runs: not gone, not a zombie, no other process with its pid. */
function isAlive({ pid, startTime }: ProcessId): boolean {
  const text = textOf(`/proc/${pid}/stat`)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ', START_TIME + 1)
  return fields[START_TIME] === startTime && fields[STATE] !== 'Z' && fields[STATE] !== 'X'
}

/** The group that tells whether it is frozen; undefined where that takes a closer look. */
function freezerOf(directories: readonly SavedDirectory[]): SavedDirectory | undefined {
  for (const each of directories) if (each.controllers === 'freezer') return each
  return directories.length === 1 && directories[0]?.controllers === '' ? directories[0] : undefined
}

/** Whether the process is in that group or below it; false may mean: perhaps. */
function isIn({ controllers, directory }: SavedDirectory, pid: number): boolean {
  const text = textOf(`/proc/${pid}/cgroup`)
  const mark = `:${controllers}:`
  const at = text.indexOf(mark)
  // before it there is nothing but a number
  if (at < 0 || text.indexOf(':', text.lastIndexOf('\n', at) + 1) !== at) return false
  const own = text.slice(at + mark.length, text.indexOf('\n', at))
  return `${own}/`.includes(`${directory.slice(directory.lastIndexOf('/'))}/`)
}
