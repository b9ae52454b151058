// The part of create for configs with seccomp: the filter's place in a plan, and the listener of a filter that asks an
// agent. The agent gets one message over a connection of its own: the container process state and the descriptor;
// config-linux.md#seccomp and #the-container-process-state.

import { resolve } from 'node:path'
import { SyscallError } from '../errors.ts'
import type { Fd } from '../host/fd.ts'
import { seccompFlags } from '../host/probe.ts'
import { descriptorOf, pidfdOpen } from '../host/process.ts'
import { connectUnix, send } from '../host/socket.ts'
import type { FilterPlanner } from '../plan/context.ts'
import { handsListenerOver, planFilter } from '../plan/seccomp/filter.ts'
import type { Op } from '../program/op.ts'
import type { Spec } from '../spec/gen/types.ts'
import type { Bundle } from './bundle.ts'
import { OCI_VERSION } from './container.ts'

/** The planner for a config; the kernel is asked here for what the config may want of it. */
export function filterPlanner({ linux }: Spec): FilterPlanner {
  const known = linux?.seccomp?.flags?.length ? seccompFlags() : undefined
  return context => planFilter(context, known)
}

const WHERE = '/linux/seccomp/listenerPath'

/**
 * A connection to the agent, if the program has something for it; the path counts only then. A relative one is below
 * the bundle, as all paths of the host in config.json: so it is with runc; crun refuses it, and the spec says nothing.
 */
export function connectAgent({ spec: { linux }, path }: Bundle, ops: readonly Op[]): Fd | undefined {
  const { listenerPath } = linux?.seccomp ?? {}
  if (listenerPath === undefined || !handsListenerOver(ops)) return undefined
  return explained(
    'connect to the seccomp agent',
    () => HINT,
    () => connectUnix(resolve(path, listenerPath)),
  )
}

const HINT = 'the agent has to listen there, on a Unix socket for streams, before the container is created'

/** The spec has no limit for listenerMetadata, and an agent needs time to read it: see connectUnix for how much. */
const NOT_HANDED_OVER: Readonly<Record<string, string>> = {
  EAGAIN: 'the agent there does not read: it must take the container process state and its descriptor at once',
  EPIPE: 'the agent there has closed the connection before it had read the container process state: see what it says',
}

export interface Listener {
  readonly agent: Fd
  /** The pid of init. */
  readonly pid: number
  /** Its number there. */
  readonly number: number
  /** The state document, as JSON. */
  readonly state: string
}

/** Sends init's listener to the agent, whose connection is closed. */
export function sendListener({ agent, pid, number, state }: Listener, { linux }: Spec): void {
  const { listenerMetadata, listenerPath } = linux?.seccomp ?? {}
  const message = {
    ociVersion: OCI_VERSION,
    fds: ['seccompFd'],
    pid,
    ...(listenerMetadata !== undefined && { metadata: listenerMetadata }),
    state: JSON.parse(state),
  }
  using _connection = agent
  using pidfd = pidfdOpen(pid)
  using listener =
    pidfd &&
    explained(
      'take the listener of the filter',
      () => 'needs CAP_SYS_PTRACE',
      () => descriptorOf(pidfd, number),
    )
  if (listener === undefined) return // what init died of is still to be heard
  const bytes = new TextEncoder().encode(JSON.stringify(message))
  const intent = `hand the listener to the seccomp agent at ${JSON.stringify(listenerPath)}`
  explained(
    intent,
    errno => NOT_HANDED_OVER[errno],
    () => send(agent, bytes, [listener]),
  )
}

type Hint = (errnoName: string) => string | undefined

function explained<Result>(intent: string, hint: Hint, call: () => Result): Result {
  try {
    return call()
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause
    const { syscall, args, errno, errnoName } = cause
    const origin = { pointer: WHERE, intent }
    throw new SyscallError({ syscall, args, errno, origin, hint: hint(errnoName), cause })
  }
}
