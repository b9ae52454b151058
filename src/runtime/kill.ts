// kill: a signal to the container's init, by pidfd so that it can never reach a later process with the same pid.
// Without a pid namespace of its own the container's other processes outlive their init, so SIGKILL is then given to
// all of its cgroup, as with runc.
import { SIG, signalNumber } from '../abi/signal.ts'
import type { SavedCgroup } from '../cgroup/manager.ts'
import { StateError, UsageError } from '../errors.ts'
import { sendSignal } from '../host/process.ts'
import { type Container, load } from './container.ts'
import type { Runtime } from './store.ts'

export interface KillOptions {
  /** Every process of the container's cgroup; a stopped container is then no error. */
  readonly all?: boolean | undefined
}

const notRunning = (): StateError => new StateError('container not running')

export function kill(
  runtime: Runtime,
  id: string,
  signal: string | number = 'SIGTERM',
  options: KillOptions = {},
): void {
  const number = signalNumber(String(signal))
  if (number === undefined) throw new UsageError(`unknown signal ${JSON.stringify(String(signal))}`)
  using container = load(runtime, id)
  using pidfd = container.handle() // before the look at it: from there on this is the process that was looked at
  const status = container.status()
  const gone = status === 'stopped' || status === 'creating'
  if (options.all) {
    if (gone) signalCgroup(container, number)
    else signalAll(container, number)
    return
  }
  if (gone || pidfd === undefined || !sendSignal(pidfd, number)) throw notRunning()
  if (number !== SIG.SIGKILL) return
  if (!container.saved.ownPidNamespace) signalCgroup(container, number)
  if (status === 'paused') container.cgroup.thaw() // a frozen process of v1 dies only then
}

/** False when it is gone. */
export function signalInit(container: Container, number: number): boolean {
  using pidfd = container.handle()
  if (pidfd === undefined || container.init === undefined) return false
  return sendSignal(pidfd, number)
}

function signalAll(container: Container, number: number): void {
  if (container.cgroup.saved.directories.length === 0) signalInit(container, number)
  else signalCgroup(container, number)
  if (number === SIG.SIGKILL && container.cgroup.state() === 'frozen') container.cgroup.thaw()
}

export function signalCgroup({ cgroup, saved }: Container, number: number): void {
  if (!saved.cgroupMade) return
  if (cgroup.isReplaced) throw replaced(saved.cgroup)
  cgroup.killAll(number)
}

/** The group was removed and made again, or state.json was edited. */
export const replaced = ({ directories: [first] }: SavedCgroup): StateError =>
  new StateError(`the cgroup ${first?.directory} is not the one that this container was given: it is left alone`)
