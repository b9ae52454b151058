// start: lets a created container's init run its program. What happens behind the gate is told by the fifo; a failure
// there ends the container, as the spec has it: it is destroyed and its poststop hooks run.
import { StateError, type TsruncError } from '../errors.ts'
import type { Fd } from '../host/fd.ts'
import { lock } from '../host/tree.ts'
import { failure, type SavedOrigins } from '../program/origins.ts'
import type { Spec } from '../spec/gen/types.ts'
import { CONFIG_FILE, type Container, hookState, load, ORIGINS_FILE, type Status } from './container.ts'
import { hookOutputOf } from './container-hooks.ts'
import { destroy, end } from './delete.ts'
import { type Passage, passGate } from './gate.ts'
import { inInit } from './handshake.ts'
import { runHooks, tail } from './hooks.ts'
import { openProxy } from './notify.ts'
import type { NotifyProxy } from './notify-proxy.ts'
import type { Runtime } from './store.ts'
import { unansweredHint } from './unanswered.ts'
import { Undo } from './undo.ts'

export { loadProxies } from './notify.ts'

const STOPPED = 'cannot start a container that has stopped'
const REFUSALS: Readonly<Record<Exclude<Status, 'created'>, string>> = {
  creating: 'cannot start a container that is still being created',
  running: 'cannot start an already running container',
  paused: 'cannot start a container in the paused state',
  stopped: STOPPED,
}

const CLOSED: Passage = { kind: 'closed' }

/** With a service manager that wants to hear when the program is ready, not before that has been told. */
export function start(runtime: Runtime, id: string): void {
  using proxy = begin(runtime, id)
  proxy?.forward()
}

/** The program runs; the result tells a service manager when it is ready. */
export function begin(runtime: Runtime, id: string): NotifyProxy | undefined {
  using container = load(runtime, id)
  using _lock = lock(container.directory.fd) // of two callers one finds it running
  using pidfd = container.handle() // before the look at it: from there on this is the process that was looked at
  const status = container.status()
  if (status !== 'created') throw new StateError(REFUSALS[status], { where: id })
  const proxy = openProxy(container)
  const undo = new Undo()
  undo.push(() => proxy?.[Symbol.dispose]())
  undo.push(() => destroy(container))
  undo.push(() => end(container))
  try {
    pass(container, pidfd)
    runHooks('poststart', container.saved.hooks.poststart, hookState(container.saved, 'running'), {
      directory: container.saved.bundle,
    })
    return proxy
  } catch (error) {
    undo.run(error)
    throw error
  }
}

function pass(container: Container, pidfd: Fd | undefined): void {
  const { init } = container.saved
  using output = hookOutputOf(container)
  const passage = init && pidfd ? passGate(container, init, pidfd) : CLOSED
  if (passage.kind === 'running') return
  if (passage.kind === 'closed') throw new StateError(STOPPED, { where: container.id })
  throw inInit(explain(container, passage.op, passage.value), () => (output === undefined ? '' : tail(output)))
}

function explain({ directory, id }: Container, op: number, value: bigint): TsruncError {
  const text = directory.read(ORIGINS_FILE)
  if (text === undefined) return new StateError(`container ${id}: init failed at op ${op}, but ${ORIGINS_FILE} is gone`)
  // both files were written by create, below a directory that is ours
  return failure(JSON.parse(text) as SavedOrigins, op, value, (syscall, errno) => {
    const config = directory.read(CONFIG_FILE)
    return config && unansweredHint(JSON.parse(config) as Spec, syscall, errno)
  })
}
