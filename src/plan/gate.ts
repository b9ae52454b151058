// The end of the program of init: the host is told that all is ready, then init waits until `start` opens the other
// end of exec.fifo, and becomes the container's program. From the fifo's opening on, failures are written there.
import type { Origin } from '../errors.ts'
import { ERROR_CHANNEL, label, type Op, type Operand, pointers, release, set, slot, syscall } from '../program/op.ts'
import { EXEC_FIFO } from '../program/sync.ts'
import { isNew, type PlanContext, say, waitForGo } from './context.ts'
import { environmentOperand } from './environment.ts'
import { planLabels } from './labels.ts'
import { planLastLimits } from './limits.ts'
import { programPath } from './lookup.ts'
import { cloneTree, close } from './mount-calls.ts'
import { filterOf } from './seccomp.ts'

/** What `start` reads first: init is alive (runc writes the same byte). */
const ALIVE = '0'

/** Of the first ops that `start`, and no longer create, hears of. */
export const WAIT_FOR_START: Origin = { intent: 'wait for start' }

/**
 * A user without privileges could only hand over the directory itself, through which the rest of the state directory
 * can be reached: here it becomes a mount of its own, if root of the container may get there.
 */
export function planOwnGate(context: PlanContext): Op[] {
  const { clonesMounts, gate, descriptors } = context.facts
  if (clonesMounts || !isNew(context, 'mount')) return []
  const origin = { intent: 'shut the state directory off' }
  const mount = slot('mount of the gate')
  const asItIs = label('the gate stays as it is')
  return [
    cloneTree(gate, origin, { recursive: false, result: mount, on: { errnos: 'any', to: asItIs } }),
    syscall('dup3', [mount, descriptors.gate, context.open.O_CLOEXEC], origin),
    close(mount, origin),
    asItIs,
  ]
}

export function planGate(context: PlanContext): Op[] {
  const { sync, gate } = context.facts.descriptors
  const ready = { intent: 'tell the host that the container is created' }
  const origin = WAIT_FOR_START
  const fifo = slot(EXEC_FIFO)
  const filter = filterOf(context)
  const isFiltered = filter !== undefined && filter.early.length > 0 && !filter.allowsAll
  const { O_WRONLY, O_CLOEXEC, O_NONBLOCK } = context.open
  const open = (flags: bigint): readonly Operand[] => [gate, EXEC_FIFO, flags | O_WRONLY | O_CLOEXEC]
  return [
    // what would go wrong at the gate, where nobody listens yet, goes wrong here; ENXIO: nobody has opened the other end
    syscall('openat', open(O_NONBLOCK), ready, { on: { errnos: ['ENXIO'] } }),
    ...say(context, 'READY', 0n, ready),
    ...waitForGo(context, ready),
    syscall('close', [sync], ready),
    // no more calls than needed under a filter
    ...(isFiltered ? [] : [release({ intent: 'give back the memory that the set-up has touched' })]),
    syscall('openat', open(0n), origin, { result: fifo }), // blocks
    set(ERROR_CHANNEL, fifo, origin),
    syscall('write', [fifo, ALIVE, 1], origin),
  ]
}

export function planExec(context: PlanContext): Op[] {
  const { args } = context.spec.process
  const origin = { pointer: '/process/args', intent: `exec ${JSON.stringify(args[0])}` }
  const list = (items: readonly string[]) => pointers(items)
  const filter = filterOf(context)
  return [
    ...planLastLimits(context),
    ...planLabels(context),
    ...(filter?.late ?? []),
    syscall('execve', [programPath(context), list(args), environmentOperand(context)], origin),
    ...(filter?.afterExec ?? []),
  ]
}
