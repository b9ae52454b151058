// Fault injection: the same program with one op that fails. What happens next is what the real failure would do, so
// a test can walk through a program op by op and look at how each failure ends.
import { ERRNO, type ErrnoName } from '../abi/errno.ts'
import { fail, jump, type Label, label, type Op } from './op.ts'

/** How many records the program has: its ops without the labels. */
export const opCount = (ops: readonly Op[]): number => ops.filter(op => op.kind !== 'label').length

/**
 * The program with op `number` failing with `errno`, all numbers unchanged. An error that the op tolerates goes on
 * where the op says; any other ends the program and is reported as if the call had been made.
 */
export function failAt(ops: readonly Op[], number: number, errno: ErrnoName): Op[] {
  let current = -1
  let found = false
  const changed = ops.flatMap((op): Op[] => {
    if (op.kind === 'label' || ++current !== number) return [op]
    found = true
    return failing(op, errno)
  })
  if (!found) throw new RangeError(`no op ${number} in a program of ${current + 1}`)
  return changed
}

function failing(op: Exclude<Op, Label>, errno: ErrnoName): Op[] {
  const status = ERRNO[errno][0]
  if (op.kind !== 'syscall') return [fail(status, op.origin)]
  const { on, again } = op
  if (again && errno === 'EAGAIN') return [op] // once more, with what the kernel then says
  if (on !== undefined && (on.errnos === 'any' || on.errnos.includes(errno))) {
    if (on.to !== undefined) return [jump(on.to, op.origin)]
    const next = label('next')
    return [jump(next, op.origin), next]
  }
  return [{ ...fail(status, op.origin), inPlaceOf: op }]
}
