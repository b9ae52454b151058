// The end of the program of init: the host is told that all is ready, then init waits until `start` opens the other
// end of exec.fifo, and becomes the container's program. From the fifo's opening on, failures are written there.
import type { Origin } from '../errors.ts'
import { ERROR_CHANNEL, type Op, pointers, release, set, slot, syscall } from '../program/op.ts'
import { EXEC_FIFO } from '../program/sync.ts'
import { type PlanContext, say, waitForGo } from './context.ts'
import { environment } from './environment.ts'
import { planLastLimits } from './limits.ts'
import { programPath } from './lookup.ts'

/** What `start` reads first: init is alive (runc writes the same byte). */
const ALIVE = '0'

/** Of the first ops that `start`, and no longer create, hears of. */
export const WAIT_FOR_START: Origin = { intent: 'wait for start' }

export function planGate(context: PlanContext): Op[] {
  const { sync, gate } = context.facts.descriptors
  const ready = { intent: 'tell the host that the container is created' }
  const origin = WAIT_FOR_START
  const fifo = slot(EXEC_FIFO)
  const { O_WRONLY, O_CLOEXEC } = context.open
  return [
    ...say(context, 'READY', 0n, ready),
    ...waitForGo(context, ready),
    syscall('close', [sync], ready),
    release({ intent: 'give back the memory that the set-up has touched' }),
    syscall('openat', [gate, EXEC_FIFO, O_WRONLY | O_CLOEXEC], origin, { result: fifo }), // blocks
    set(ERROR_CHANNEL, fifo, origin),
    syscall('write', [fifo, ALIVE, 1], origin),
  ]
}

export function planExec(context: PlanContext): Op[] {
  const { args } = context.spec.process
  const origin = { pointer: '/process/args', intent: `exec ${JSON.stringify(args[0])}` }
  const list = (items: readonly string[]) => pointers(items)
  return [
    ...planLastLimits(context),
    syscall('execve', [programPath(context), list(args), list(environment(context))], origin),
  ]
}
