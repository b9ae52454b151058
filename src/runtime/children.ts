// The processes that this one has started and not yet waited for: proc_pid_task_children(5), wait(2).
import { readFileSync } from 'node:fs'
import { SIG } from '../abi/signal.ts'
import { isErrno } from '../host/errno.ts'
import { reap, sendSignal } from '../host/process.ts'

/** The children of this thread; none where the kernel does not say (CONFIG_PROC_CHILDREN). */
export function children(): number[] {
  try {
    return readFileSync('/proc/thread-self/children', 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Kills and reaps a child of ours, unless that has been done: then it is no child any more. */
export function endChild(pid: number): void {
  try {
    if (reap(pid, false) !== undefined) return
    sendSignal(pid, SIG.SIGKILL) // no other process can have this pid: its parent is alive and has not waited
    reap(pid, true)
  } catch (error) {
    if (!isErrno(error, 'ECHILD')) throw error
  }
}
