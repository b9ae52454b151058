// Hooks of the runtime's namespaces: prestart, createRuntime, poststart, poststop; config.md#posix-platform-hooks.
// State and output are files in memory, not pipes: a hook that does not read its standard input meets no broken pipe,
// and one that leaves a process behind holding its output keeps nobody waiting.
import { readSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { SIG, signalName } from '../abi/signal.ts'
import { HookError, SyscallError, TsruncError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import { startProgram } from '../host/launch.ts'
import { memoryFile } from '../host/memfd.ts'
import { pidfdOpen, reap, sendSignal, type WaitStatus, waitReadable } from '../host/process.ts'
import type { Hook } from '../spec/gen/types.ts'

export type HostHookKind = 'prestart' | 'createRuntime' | 'poststart' | 'poststop'

/** As much of a hook's output as an error can bear. */
const LONGEST_OUTPUT = 2048

interface HookRest {
  /** Where they start: the bundle, as under runc, while there is one for sure. */
  readonly directory?: string
  readonly onFailure?: (error: TsruncError) => void
}

/**
 * Runs hooks in their order. The first failure ends that with a HookError; with `onFailure` it is told of each one
 * and the others still run.
 */
export function runHooks(
  kind: HostHookKind,
  hooks: readonly Hook[] | undefined,
  state: string,
  { directory, onFailure }: HookRest = {},
): void {
  for (const [index, hook] of (hooks ?? []).entries()) {
    try {
      runHook({ hook, state, directory }, `error running ${kind} hook #${index}`, `/hooks/${kind}/${index}`)
    } catch (error) {
      if (onFailure === undefined || !(error instanceof TsruncError)) throw error
      onFailure(error)
    }
  }
}

interface HookRun {
  readonly hook: Hook
  readonly state: string
  readonly directory: string | undefined
}

function runHook({ hook, state, directory }: HookRun, what: string, where: string): void {
  using content = memoryFile('hook-state', state)
  using input = Fd.open(content.path, O.bits.O_RDONLY) // anew: its position is at the start
  using output = memoryFile('hook-stdout')
  using errors = memoryFile('hook-stderr')
  let pid: number
  try {
    const argv = hook.args?.length ? hook.args : [hook.path]
    const stdio = [input.number, output.number, errors.number] as const
    pid = startProgram({ path: hook.path, argv, environment: hook.env ?? [], stdio, directory })
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause
    const hint = isErrno(cause, 'E2BIG', 'EAGAIN', 'ENOEXEC') ? cause.hint : undefined
    throw new HookError(`${what}: fork/exec ${hook.path}: ${strerrorOf(cause)}`, {
      where: `${where}/path`,
      hint,
      cause,
    })
  }
  const failure = awaitHook(pid, hook.timeout)
  if (failure === undefined) return
  const text = `${what}: ${failure.message}, stdout: ${tail(output)}, stderr: ${tail(errors)}`
  throw new HookError(text, { where: failure.timedOut ? `${where}/timeout` : where })
}

const strerrorOf = (error: SyscallError): string => error.message.slice(error.message.lastIndexOf(': ') + 2)

function awaitHook(pid: number, timeout: number | undefined): { message: string; timedOut: boolean } | undefined {
  let timedOut = false
  if (timeout !== undefined) {
    using pidfd = pidfdOpen(pid)
    if (pidfd !== undefined && waitReadable([pidfd], timeout * 1000).length === 0) {
      timedOut = true
      sendSignal(pidfd, SIG.SIGKILL)
    }
  }
  const status = reap(pid, true)
  if (timedOut) return { message: `hook ran past specified timeout of ${timeout?.toFixed(1)}s`, timedOut }
  const message = status === undefined ? undefined : describeExit(status)
  return message === undefined ? undefined : { message, timedOut }
}

/** "exit status 3", "signal: SIGKILL"; undefined for success. */
export function describeExit(status: WaitStatus): string | undefined {
  if (status.signal !== undefined) return `signal: ${signalName(status.signal) ?? status.signal}`
  return status.exitCode === 0 ? undefined : `exit status ${status.exitCode}`
}

/** The end of what was written to the file. */
export function tail(file: Fd, longest = LONGEST_OUTPUT): string {
  const { size } = file.stat()
  const start = Math.max(0, size - longest)
  const bytes = Buffer.alloc(size - start)
  readSync(file.number, bytes, 0, bytes.length, start)
  const text = bytes.toString('utf8').trimEnd()
  return start > 0 ? `…${text}` : text
}
