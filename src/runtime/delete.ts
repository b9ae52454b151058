// delete: ends what may be ended, then removes cgroup and state directory, and runs the poststop hooks. Every step is
// fine with having been done before, so that it also finishes what a crash of create or of another delete has left.
import { SIG } from '../abi/signal.ts'
import type { CgroupManager } from '../cgroup/manager.ts'
import { savedCgroup } from '../cgroup/saved.ts'
import { StateError } from '../errors.ts'
import { pidfdOpen, processStat, reap, waitReadable } from '../host/process.ts'
import {
  CGROUP_FILE,
  CONFIG_FILE,
  type Container,
  GATE,
  hookState,
  isAlive,
  isForeign,
  load,
  missing,
  NOTIFY,
  ORIGINS_FILE,
  RDT_FILE,
  STATE_FILE,
} from './container.ts'
import { runHooks } from './hooks.ts'
import { replaced, signalCgroup, signalInit } from './kill.ts'
import { removeGroups } from './resctrl.ts'
import { decodeCgroup, decodeRdt } from './saved.ts'
import { type ContainerDirectory, find, type Runtime } from './store.ts'

export interface RemoveOptions {
  readonly force?: boolean | undefined
}

/** Below the five seconds that a containerd shim gives to a clean-up. */
const PATIENCE_MS = 4000

export function remove(runtime: Runtime, id: string, options: RemoveOptions = {}): void {
  const force = options.force ?? false
  let container: Container
  try {
    container = load(runtime, id)
  } catch (error) {
    if (!force || !(error instanceof StateError)) throw error
    removeDamaged(runtime, id)
    return
  }
  using _closed = container
  const status = container.status()
  if (status !== 'stopped' && status !== 'created' && !force)
    throw new StateError(`cannot delete container ${id} that is not stopped: ${status}`, {
      hint: 'stop it with "kill", or use --force',
    })
  if (status !== 'stopped') end(container)
  destroy(container)
}

/** Kills init and waits until it is gone. */
export function end(container: Container): void {
  const { init } = container
  signalInit(container, SIG.SIGKILL)
  if (container.cgroup.state() === 'frozen') container.cgroup.thaw()
  if (init === undefined) return
  using pidfd = pidfdOpen(init.pid)
  if (pidfd === undefined || !isAlive(init)) return
  waitReadable([pidfd], PATIENCE_MS)
  if (isAlive(init)) throw new StateError('container init still running', { where: container.id })
}

/** What start leaves in the state directory; what says that there is a container goes last. */
const USUAL = [ORIGINS_FILE, CONFIG_FILE, `${GATE}/`, CGROUP_FILE, STATE_FILE]

/** Removes a container whose init is gone. */
export function destroy(container: Container): void {
  removeCgroup(container)
  if (container.saved.rdt !== undefined) removeGroups(container.saved.rdt)
  reapInit(container)
  if (!container.directory.remove(USUAL)) return // the hooks are run by whoever was first
  const { poststop } = container.saved.hooks
  runHooks('poststop', poststop, hookState(container.saved, 'stopped'), {
    onFailure: error => container.runtime.warn(error),
  })
}

/** With what init has left behind. A group that create had not yet made its own may hold processes of others. */
function removeCgroup(container: Container): void {
  const { cgroup, saved, runtime } = container
  if (cgroup.isReplaced) {
    runtime.warn(replaced(saved.cgroup))
    return
  }
  if (saved.cgroupMade && cgroup.removeEmpty()) return
  if (cgroup.pids().length > 0) {
    if (!saved.cgroupMade) return
    signalCgroup(container, SIG.SIGKILL)
  }
  cgroup.remove()
}

/** A library that has created the container is the parent of its init, and nobody else will wait for it. */
function reapInit({ isGone, saved: { init } }: Container): void {
  if (isGone) return
  const found = init && processStat(init.pid)
  if (found?.parent === process.pid && found.startTime === init?.startTime) reap(init.pid, false)
}

/** state.json cannot be read: what is left of the state directory goes, and the cgroup that is noted in it. */
function removeDamaged(runtime: Runtime, id: string): void {
  using directory = find(runtime, id)
  if (directory === undefined) return
  if (isForeign(directory)) throw missing(id)
  if (!isOurs(directory))
    throw new StateError(`${directory.path} is not the directory of a container`, { where: directory.path })
  using cgroup = notedCgroup(directory)
  if (cgroup?.isReplaced) runtime.warn(replaced(cgroup.saved))
  else {
    cgroup?.killAll(SIG.SIGKILL)
    cgroup?.remove()
  }
  const rdt = decodeRdt(directory.read(RDT_FILE) ?? '')
  if (rdt !== undefined) removeGroups(rdt)
  directory.remove()
}

/** A create that was killed at once leaves it empty, or with one of its first files; a delete with one of its last. */
function isOurs({ entries }: ContainerDirectory): boolean {
  const first = [STATE_FILE, CGROUP_FILE, GATE, NOTIFY, RDT_FILE]
  return entries.length === 0 || entries.some(name => first.includes(name) || name.startsWith(`.${STATE_FILE}.`))
}

function notedCgroup(directory: ContainerDirectory): CgroupManager | undefined {
  const saved = decodeCgroup(directory.read(CGROUP_FILE) ?? '')
  try {
    return saved && savedCgroup(saved)
  } catch (error) {
    if (error instanceof StateError) return undefined // it names no group
    throw error
  }
}
