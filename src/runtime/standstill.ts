// A process that stops so that its memory can be kept, and what the kernel knows of it when another one goes on from
// that memory: it has the engine's handlers of signals no more, and its own limits. Used by src/cli/snapshot.ts.
import { RLIMIT, rlimit64 } from '../abi/resource.ts'
import { SIG_DFL, SIG_IGN, sigaction } from '../abi/sigaction.ts'
import { LIBC_SIGNALS, SIG } from '../abi/signal.ts'
import { processCalls } from '../host/libc-processes.ts'
import { signalCalls } from '../host/libc-signals.ts'

export type Handlers = readonly (readonly [signal: number, action: Uint8Array])[]

/**
 * Stands still until it is killed. Returns in a process that goes on from its memory: that one's pid. It gets the
 * handlers, which are those that the engine had at its start.
 */
export function standStill(handlers: Handlers): number {
  processCalls.kill(ownPid(), SIG.SIGSTOP)
  for (const [signal, action] of handlers) signalCalls.sigaction(signal, action, null)
  return ownPid()
}

const ownPid = (): number => Number(processCalls.getpid())

/** What an engine ignores at its start; what else is ignored was so before. */
const IGNORED: readonly number[] = [SIG.SIGPIPE, SIG.SIGXFSZ]

/** To be called before anything of ours has made one. */
export function engineHandlers(): Handlers {
  const found: [number, Uint8Array][] = []
  for (let signal = 1; signal <= SIG.SIGRTMAX; signal++) {
    if (signal === SIG.SIGKILL || signal === SIG.SIGSTOP || LIBC_SIGNALS.includes(signal)) continue
    const action = new Uint8Array(sigaction.size)
    signalCalls.sigaction(signal, null, action)
    const handler = new DataView(action.buffer).getBigUint64(sigaction.offset('handler'), true)
    if (handler === SIG_DFL || (handler === SIG_IGN && !IGNORED.includes(signal))) continue
    found.push([signal, action])
  }
  return found
}

/** The soft limit of descriptors becomes the hard one, as the engine does it at its start; what it was. */
export function raiseDescriptorLimit(): bigint {
  const limit = new Uint8Array(rlimit64.size)
  processCalls.prlimit(0, RLIMIT.values.RLIMIT_NOFILE, null, limit)
  const { rlim_cur, rlim_max } = rlimit64.decode(limit)
  if (rlim_cur < rlim_max)
    processCalls.prlimit(0, RLIMIT.values.RLIMIT_NOFILE, rlimit64.encode({ rlim_cur: rlim_max, rlim_max }), null)
  return rlim_cur
}
