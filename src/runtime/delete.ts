// delete: ends what may be ended, then removes cgroup and state directory, and runs the poststop hooks. Every step is
// fine with having been done before, so that it also finishes what a crash of create or of another delete has left.
import { SIG } from '../abi/signal.ts'
import { type CgroupManager, newCgroup } from '../cgroup/manager.ts'
import { StateError } from '../errors.ts'
import { parentOf, pidfdOpen, reap, startTime, waitReadable } from '../host/process.ts'
import { CONFIG_FILE, type Container, hookState, isAlive, isForeign, load, missing } from './container.ts'
import { runHooks } from './hooks.ts'
import { signalCgroup, signalInit } from './kill.ts'
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
  const { init } = container.saved
  signalInit(container, SIG.SIGKILL)
  if (container.cgroup.state() === 'frozen') container.cgroup.thaw()
  if (init === undefined) return
  using pidfd = pidfdOpen(init.pid)
  if (pidfd === undefined || !isAlive(init)) return
  waitReadable([pidfd], PATIENCE_MS)
  if (isAlive(init)) throw new StateError('container init still running', { where: container.id })
}

/** Removes a container whose init is gone. */
export function destroy(container: Container): void {
  removeCgroup(container)
  reapInit(container)
  container.directory.remove()
  const { poststop } = container.saved.hooks
  runHooks('poststop', poststop, hookState(container.saved, 'stopped'), {
    onFailure: error => container.runtime.warn(error),
  })
}

/** With what init has left behind. A group that create had not yet made its own may hold processes of others. */
function removeCgroup(container: Container): void {
  const { cgroup, saved } = container
  if (cgroup.pids().length > 0) {
    if (!saved.cgroupMade) return
    signalCgroup(container, SIG.SIGKILL)
  }
  cgroup.remove()
}

/** A library that has created the container is the parent of its init, and nobody else will wait for it. */
function reapInit({ saved: { init } }: Container): void {
  if (init === undefined || parentOf(init.pid) !== process.pid) return
  if (startTime(init.pid)?.toString() === init.startTime) reap(init.pid, false)
}

/** Nothing can be read: what is left of the state directory goes, and the cgroup that its config.json names. */
function removeDamaged(runtime: Runtime, id: string): void {
  using directory = find(runtime, id)
  if (directory === undefined) return
  if (isForeign(directory)) throw missing(id)
  const cgroup = namedCgroup(directory)
  if (cgroup !== undefined) {
    cgroup.killAll(SIG.SIGKILL)
    cgroup.remove()
  }
  directory.remove()
}

function namedCgroup(directory: ContainerDirectory): CgroupManager | undefined {
  const text = directory.read(CONFIG_FILE)
  if (text === undefined) return undefined // create writes it when it has made the cgroup
  try {
    const path: unknown = JSON.parse(text)?.linux?.cgroupsPath
    return newCgroup({ id: directory.id, ...(typeof path === 'string' && path !== '' ? { cgroupsPath: path } : {}) })
  } catch {
    return undefined
  }
}
