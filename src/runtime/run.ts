// run: create and start in one. In the foreground this process waits for the container, hands on signals and, with a
// terminal, what is typed and printed; without one the container has our own stdin, stdout and stderr, which are then
// left alone. Everything here waits for events: the end of init by its pidfd, data, signals.
import type { Fd } from '../host/fd.ts'
import { pidfdOpen, reap, shellStatus, type WaitStatus, whenReadable } from '../host/process.ts'
import { type CreateOptions, createContainer } from './create.ts'
import { remove } from './delete.ts'
import { Forwarding, forwardRealtime } from './forward.ts'
import type { NotifyProxy } from './notify-proxy.ts'
import { Orphans } from './orphans.ts'
import { prepared } from './parts.ts'
import { Relay } from './relay.ts'
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
export async function run(runtime: Runtime, id: string, asked: RunOptions): Promise<number> {
  await loadProxies(runtime)
  const options = await prepared(asked)
  if (options.detach) {
    createContainer(runtime, id, options, { detach: true })
    start(runtime, id)
    return 0
  }
  using forwarding = new Forwarding()
  const status = await foreground(runtime, id, options, forwarding)
  if (!options.keep) remove(runtime, id, { force: true })
  return shellStatus(status)
}

async function foreground(
  runtime: Runtime,
  id: string,
  options: RunOptions,
  forwarding: Forwarding,
): Promise<WaitStatus> {
  using orphans = options.noSubreaper === false ? new Orphans() : undefined
  let master: Fd | undefined
  const onMaster = (fd: Fd): void => {
    master = fd
  }
  const pid = createContainer(runtime, id, options, { detach: false, onMaster })
  orphans?.follow(pid)
  using init = pidfdOpen(pid)
  if (init === undefined) throw new Error(`init ${pid} is gone before it was waited for`)
  forwarding.to(init)
  using relay = master && new Relay(master)
  using proxy = beginOrRemove(runtime, id)
  using _realtime = forwardRealtime(init) // after the start, which it would hold up
  const notified = proxy?.forwardMeanwhile() // ends with init at the latest
  if (relay === undefined) await whenReadable([init])
  else await relay.run(init)
  await notified
  return orphans?.statusOf(pid) ?? ended(reap(pid, true))
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
