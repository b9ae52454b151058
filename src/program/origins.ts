// From the number in a failure record back to words: what is kept of a program while its init runs, in a form that
// can be stored, and the error that a record stands for.
import type { Architecture } from '../abi/architecture.ts'
import type { SyscallName } from '../abi/syscalls.ts'
import { HookError, InitError, type Origin, SyscallError, type TsruncError } from '../errors.ts'
import { hookStatusText } from './hook-status.ts'
import { describe } from './listing.ts'
import { type AddressOperand, type Label, type Op, type Operand, type Slot, type SyscallOp, wordsOf } from './op.ts'

/** A number, a text, or what a listing shows; numbers get their names only when the call has failed. */
export type SavedOperand = number | string | { readonly number: string } | { readonly words: string }

export interface SavedCall {
  readonly name: SyscallName
  readonly args: readonly SavedOperand[]
  readonly architecture: Architecture
}

/** JSON-safe. */
export interface SavedOrigin extends Origin {
  /** A `fail` op has none. */
  readonly call?: SavedCall
}

/** By number, of all ops or of those that can still fail. */
export type SavedOrigins = Readonly<Record<number, SavedOrigin>>

/** Of all ops, or of those from the first one with this origin on. */
export function origins(ops: readonly Op[], architecture: Architecture, first?: Origin): SavedOrigins {
  const saved: Record<number, SavedOrigin> = {}
  let number = 0
  let reached = first === undefined
  for (const op of ops) {
    if (op.kind === 'label') continue
    reached ||= op.origin === first
    if (reached) saved[number] = saveOrigin(op, architecture)
    number++
  }
  return saved
}

function saveOrigin(op: Exclude<Op, Label>, architecture: Architecture): SavedOrigin {
  const call = op.kind === 'fail' ? op.inPlaceOf : op
  return call?.kind === 'syscall' ? { ...op.origin, call: saveCall(call, architecture) } : op.origin
}

const saveCall = ({ name, args }: SyscallOp, architecture: Architecture): SavedCall => ({
  name,
  args: args.map((operand, index) =>
    name === 'execve' && index === ENVIRONMENT ? environment(operand) : saveOperand(operand),
  ),
  architecture,
})

/** What execve gets as envp. */
const ENVIRONMENT = 2

/** Errors end up in logs, where secrets have no place: how many variables, not which. */
const environment = (operand: Operand): SavedOperand =>
  typeof operand === 'object' && operand.kind === 'data'
    ? { words: `[${operand.parts.length - 1} variables]` }
    : saveOperand(operand)

/** As much of a text as an error can bear. */
const LONGEST = 1024
const shortened = (words: string): string => (words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words)

function saveOperand(operand: Operand): SavedOperand {
  if (typeof operand === 'number') return operand
  if (typeof operand === 'string') return shortened(operand)
  if (typeof operand === 'bigint') return { number: String(operand) }
  if (operand.kind === 'data') return { words: shortened(wordsOf(operand.text)) }
  return { words: operand.kind === 'image' ? '<image>' : place(operand) }
}

function place({ kind, cell, offset }: Slot | AddressOperand): string {
  const name = offset === 0 ? wordsOf(cell.name) : `${wordsOf(cell.name)}+${offset}`
  return kind === 'slot' ? name : `&${name}`
}

function operandOf(saved: SavedOperand): Operand {
  if (typeof saved !== 'object') return saved
  return 'number' in saved ? BigInt(saved.number) : { kind: 'data', parts: [], text: saved.words }
}

/** What to do about a failed call where more is known than of any such call. */
export type HintOf = (syscall: string, errno: number) => string | undefined

/** The error for a FAILED record {op, value} of the program that `saved` was made of. */
export function failure(saved: SavedOrigins, op: number, value: bigint, hintOf?: HintOf): TsruncError {
  const found = saved[op]
  if (found === undefined)
    return new InitError(`the container's init failed at op ${op}, which its program does not have`)
  const { call, pointer, intent } = found
  if (call !== undefined) {
    const origin = pointer === undefined ? { intent } : { pointer, intent }
    const words = describe({ name: call.name, args: call.args.map(operandOf) }, call.architecture)
    const errno = Number(value)
    return new SyscallError({ ...words, errno, origin, op, hint: hintOf?.(call.name, errno) })
  }
  if (pointer?.startsWith('/hooks/'))
    return new HookError(`${intent}: the hook ${hookStatusText(value)}`, { where: pointer })
  return new InitError(intent, { where: pointer })
}
