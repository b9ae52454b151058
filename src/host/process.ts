// Other processes: handles that survive the reuse of a pid, signals, exit statuses, and what /proc says of them.
// pidfd_open(2), wait4(2), proc_pid_stat(5).
import { readFileSync } from 'node:fs'
import { PR } from '../abi/prctl.ts'
import { WAIT, WTERMSIG_MASK } from '../abi/wait.ts'
import { isErrno, retried } from './errno.ts'
import { Fd } from './fd.ts'
import { processCalls } from './libc-processes.ts'
import { fromNodeError } from './node-error.ts'

export { waitReadable, whenReadable } from './wait.ts'

export interface WaitStatus {
  readonly pid: number
  /** Set when it exited by itself. */
  readonly exitCode?: number
  /** Set when a signal ended it. */
  readonly signal?: number
}

/** As a shell reports it: the exit code, or 128 + signal. */
export const shellStatus = (status: WaitStatus): number => status.exitCode ?? 128 + (status.signal ?? 0)

/** A handle on a process; undefined when there is none of that pid, though perhaps a thread, which is EINVAL or ENOENT. */
export function pidfdOpen(pid: number): Fd | undefined {
  try {
    return Fd.adopt(processCalls.pidfdOpen(pid, 0))
  } catch (error) {
    if (isErrno(error, 'ESRCH', 'EINVAL', 'ENOENT')) return undefined
    throw error
  }
}

/**
 * A descriptor of another process, by its number there; undefined when that has ended. Takes PTRACE_MODE_ATTACH over
 * the process: ptrace(2).
 */
export function descriptorOf(pidfd: Fd, number: number): Fd | undefined {
  try {
    return Fd.adopt(processCalls.pidfdGetfd(pidfd.number, number, 0))
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return undefined
    throw error
  }
}

/** Sends a signal; false when the process is gone already. Signal 0 only asks. */
export function sendSignal(target: number | Fd, signal: number): boolean {
  try {
    if (typeof target === 'number') processCalls.kill(target, signal)
    else processCalls.pidfdSendSignal(target.number, signal, null, 0)
    return true
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return false
    throw error
  }
}

/** How a child of ours ended, after which its pid is free; undefined while it runs and `block` is false. */
export function reap(pid: number, block: boolean): WaitStatus | undefined {
  const word = new Uint8Array(4)
  const found = retried(() => processCalls.wait4(pid, word, block ? 0n : WAIT.bits.WNOHANG, null))
  if (found === 0) return undefined
  const status = new DataView(word.buffer).getUint32(0, true)
  const signal = status & Number(WTERMSIG_MASK)
  return signal === 0 ? { pid: found, exitCode: (status >> 8) & 0xff } : { pid: found, signal }
}

/** What a file of /proc/PID says; undefined when there is no such process. */
function procFile(pid: number, name: string): string | undefined {
  const path = `/proc/${pid}/${name}`
  try {
    return readFileSync(path, 'utf8') // what is none in a process's name does no harm, and others take more calls
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // what node:fs throws
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw fromNodeError(error, { syscall: 'read', args: [JSON.stringify(path)] })
  }
}

export type ProcessState = 'R' | 'S' | 'D' | 'Z' | 'T' | 't' | 'X' | 'I' | 'P'

export interface ProcessStat {
  readonly state: ProcessState
  readonly parent: number
  /** When it was started, in clock ticks since boot, as digits: with the pid it names a process for good. */
  readonly startTime: string
}

// positions in proc_pid_stat(5) less three: they are counted from 1, and the first two were cut off
const STATE = 0
const PARENT = 1
const START_TIME = 19

/** undefined when there is no such process. */
export function processStat(pid: number): ProcessStat | undefined {
  const text = procFile(pid, 'stat')
  if (text === undefined) return undefined
  // counted from behind the name, which may hold blanks and parentheses
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    state: fields[STATE] as ProcessState, // the kernel's letters
    parent: Number(fields[PARENT]),
    startTime: fields[START_TIME] ?? '',
  }
}

/** Its pid as it sees it itself, in the innermost of its pid namespaces. */
export function ownPid(pid: number): number | undefined {
  const [, pids] = /^NSpid:\s*(.*)$/m.exec(procFile(pid, 'status') ?? '') ?? []
  return pids === undefined ? undefined : Number(pids.split('\t').at(-1))
}

/** Whether orphans among our descendants become our children. */
export const setSubreaper = (on: boolean): void => {
  processCalls.prctl(PR.values.PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0)
}
