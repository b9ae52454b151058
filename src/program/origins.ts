// From the number in a failure record back to words: what is kept of a program while its init runs, in a form that
// can be stored, and the error that a record stands for.
import type { Architecture } from '../abi/architecture.ts'
import { HookError, InitError, type Origin, SyscallError, type TsruncError } from '../errors.ts'
import { hookStatusText } from './hook-status.ts'
import { describe } from './listing.ts'
import type { Op } from './op.ts'

/** JSON-safe; the index in the list is the op's number. */
export interface SavedOrigin extends Origin {
  /** Of a system call; a `fail` op has none. */
  readonly syscall?: string
  readonly args?: readonly string[]
}

export function origins(ops: readonly Op[], architecture: Architecture): SavedOrigin[] {
  return ops
    .filter(op => op.kind !== 'label')
    .map(op => {
      const call = op.kind === 'fail' ? op.inPlaceOf : op
      return call?.kind === 'syscall' ? { ...op.origin, ...describe(call, architecture) } : { ...op.origin }
    })
}

/** By number, of all ops or of those that can still fail: an array will do. */
export type SavedOrigins = Readonly<Record<number, SavedOrigin>>

/** The error for a FAILED record {op, value} of the program that `saved` was made of. */
export function failure(saved: SavedOrigins, op: number, value: bigint): TsruncError {
  const found = saved[op]
  if (found === undefined)
    return new InitError(`the container's init failed at op ${op}, which its program does not have`)
  const { syscall, args = [], pointer, intent } = found
  if (syscall !== undefined) {
    const origin = pointer === undefined ? { intent } : { pointer, intent }
    return new SyscallError({ syscall, args, errno: Number(value), origin, op })
  }
  if (pointer?.startsWith('/hooks/'))
    return new HookError(`${intent}: the hook ${hookStatusText(value)}`, { where: pointer })
  return new InitError(intent, { where: pointer })
}
