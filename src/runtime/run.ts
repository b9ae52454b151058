// run: create and start in one. In the foreground this process waits for the container, hands on signals and, with a
// terminal, what is typed and printed; without one the container has our own stdin, stdout and stderr, which are then
// left alone. All there is to wait for is served by one loop (serve.ts): the end of init, data, signals.
import { SIG } from '../abi/signal.ts'
import type { Fd } from '../host/fd.ts'
import { pidfdOpen, reap, shellStatus, type WaitStatus } from '../host/process.ts'
import { type CreateOptions, createContainer } from './create.ts'
import { remove } from './delete.ts'
import { openSignals, type Signals } from './forward.ts'
import type { NotifyProxy } from './notify-proxy.ts'
import { Orphans } from './orphans.ts'
import { prepared } from './parts.ts'
import { Relay } from './relay.ts'
import { serve } from './serve.ts'
import { begin, loadProxies, start } from './start.ts'
import type { Runtime } from './store.ts'

export interface RunOptions extends CreateOptions {
  /** Return when the program runs. */
  readonly detach?: boolean | undefined
  /** Do not delete the container when it has ended. */
  readonly keep?: boolean | undefined
  /** False: adopt the processes that init leaves behind, and with them every orphan of this process. */
  readonly noSubreaper?: boolean | undefined
}

/** The exit status of the container's program, 128 + n when signal n ended it; 0 at once when detached. */
export const run = (runtime: Runtime, id: string, options: RunOptions): Promise<number> =>
  runIn(runtime, id, options, false)

/** The same for a process that does nothing else and then ends: it blocks, and keeps its signals to itself for good. */
export const runAlone = (runtime: Runtime, id: string, options: RunOptions): Promise<number> =>
  runIn(runtime, id, options, true)

async function runIn(runtime: Runtime, id: string, asked: RunOptions, isAlone: boolean): Promise<number> {
  await loadProxies(runtime)
  const options = await prepared(asked)
  if (options.detach) {
    createContainer(runtime, id, options, { detach: true })
    start(runtime, id)
    return 0
  }
  const adopts = options.noSubreaper === false
  using signals = openSignals(isAlone, adopts ? [SIG.SIGWINCH, SIG.SIGCHLD] : [SIG.SIGWINCH])
  const status = await foreground(runtime, id, options, signals)
  if (!options.keep) remove(runtime, id, { force: true })
  return shellStatus(status)
}

async function foreground(runtime: Runtime, id: string, options: RunOptions, signals: Signals): Promise<WaitStatus> {
  using orphans = options.noSubreaper === false ? new Orphans() : undefined
  let master: Fd | undefined
  const onMaster = (fd: Fd): void => {
    master = fd
  }
  const pid = createContainer(runtime, id, options, { detach: false, onMaster })
  using init = pidfdOpen(pid)
  if (init === undefined) throw new Error(`init ${pid} is gone before it was waited for`)
  using relay = master && new Relay(master)
  using proxy = beginOrRemove(runtime, id)
  const own = new Map([
    [SIG.SIGWINCH, () => relay?.resize()],
    [SIG.SIGCHLD, () => orphans?.collect(pid)],
  ])
  using _delivery = signals.deliver(init, own)
  const sources = [...signals.sources, ...(relay?.sources ?? []), ...(proxy ? [proxy] : [])]
  await serve(init, sources, signals.wait)
  await relay?.finish(signals.wait)
  return orphans?.ended ?? ended(reap(pid, true))
}

function beginOrRemove(runtime: Runtime, id: string): NotifyProxy | undefined {
  try {
    return begin(runtime, id)
  } catch (error) {
    remove(runtime, id, { force: true })
    throw error
  }
}

function ended(status: WaitStatus | undefined): WaitStatus {
  if (status === undefined) throw new Error('waiting for a child without WNOHANG has told nothing')
  return status
}
