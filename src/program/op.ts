// The language that a container's init is written in: system calls with constant or slot operands, and three
// control ops. Plain data: a list of ops can be printed, compared, replayed with a failing op, and encoded.
// What an op is for is known only through its origin.

import type { Struct } from '../abi/define.ts'
import type { ErrnoName } from '../abi/errno.ts'
import { MADV } from '../abi/mman.ts'
import type { SyscallName } from '../abi/syscalls.ts'
import type { Origin } from '../errors.ts'

/** Words for a listing, put together only when one is asked for. */
export type Text = string | (() => string)

export const wordsOf = (text: Text): string => (typeof text === 'string' ? text : text())

/** A named piece of the image's writable memory; zero at the start unless `init` is given. Identity is by object. */
export interface Cell {
  readonly kind: 'cell'
  readonly name: Text
  /** Bytes. */
  readonly size: number
  readonly init?: readonly Part[]
}

/** An unsigned 64-bit word inside a cell. */
export interface Slot {
  readonly kind: 'slot'
  readonly cell: Cell
  /** Bytes from the start of the cell. */
  readonly offset: number
}

/** What constant data and initial memory are made of: bytes as they are, of anything else its 8-byte address. */
export type Part = Uint8Array | string | DataOperand | AddressOperand

/** The address of constant bytes; `text` is how a listing prints them. */
export interface DataOperand {
  readonly kind: 'data'
  readonly parts: readonly Part[]
  readonly text: Text
}
/** The address of writable memory. */
export interface AddressOperand {
  readonly kind: 'address'
  readonly cell: Cell
  readonly offset: number
}
/** The records before the op, in whole pages: what of the image is done with. */
export interface ImageOperand {
  readonly kind: 'image'
  readonly part: 'start' | 'length'
}
/**
 * A number is a constant (its decoded text in a listing comes from the syscall's table), a string the address of its
 * bytes with a NUL behind them, a slot the value that it holds when the op runs.
 */
export type Operand = number | bigint | string | Slot | DataOperand | AddressOperand | ImageOperand

/** A place in the program; identity is by object, the name is for the listing. */
export interface Label {
  readonly kind: 'label'
  readonly name: string
}

/** On one of these errnos (at most four, or any) go on at `to`, or with the next op when it is absent. */
export interface OnErrno {
  readonly errnos: readonly ErrnoName[] | 'any'
  readonly to?: Label
}

export interface SyscallOp {
  readonly kind: 'syscall'
  readonly name: SyscallName
  readonly args: readonly Operand[]
  /** Where the result goes; not written when the call fails. */
  readonly result?: Slot | undefined
  /** Absent: every error ends the program with a record {op, errno} on the error channel. */
  readonly on?: OnErrno | undefined
  /** Where to go on when the call has succeeded; errors of `on` then go on with the next op. Absent: the next op. */
  readonly success?: Label | undefined
  /** After EAGAIN the call is made again. */
  readonly again?: boolean | undefined
  readonly origin: Origin
}

/** (slot & mask) compared, unsigned, with value. */
export interface Condition {
  readonly slot: Slot
  readonly mask: bigint
  readonly is: 'eq' | 'ne' | 'lt' | 'ge'
  readonly value: bigint
  /** How a listing prints it; absent: by slot, mask and number. */
  readonly text?: Text
}

export interface JumpOp {
  readonly kind: 'jump'
  readonly to: Label
  /** Absent: always. */
  readonly when?: Condition | undefined
  readonly origin: Origin
}

/** slot = value */
export interface SetOp {
  readonly kind: 'set'
  readonly slot: Slot
  readonly value: Operand
  readonly origin: Origin
}

/** Ends the program as a failed call does, with this number in the place of the errno. */
export interface FailOp {
  readonly kind: 'fail'
  readonly status: Operand
  /** Absent: always. */
  readonly when?: Condition | undefined
  /** The call whose failure this op stands for: it is reported as that call's (faults.ts). */
  readonly inPlaceOf?: SyscallOp
  readonly origin: Origin
}

export type Op = SyscallOp | JumpOp | SetOp | FailOp | Label

// ---- makers ----

export const NULL = 0

export const bytes = (value: Uint8Array, text: Text = `<${value.length} bytes>`): DataOperand => ({
  kind: 'data',
  parts: [value],
  text,
})

/** An array of pointers to texts, closed by NULL: argv, envp. */
export const pointers = (items: readonly string[]): DataOperand => ({
  kind: 'data',
  parts: [...items, new Uint8Array(8)],
  text: () => `[${items.map(item => JSON.stringify(item)).join(', ')}]`,
})

/** A struct of constants; the text names its fields that are not 0. */
export function struct<Name extends string>(
  layout: Struct<Name>,
  values: Partial<Record<Name, bigint | number>>,
  text: Text,
): DataOperand {
  return { kind: 'data', parts: [layout.encode(values)], text }
}

export const cell = (name: Text, size: number, init?: readonly Part[]): Cell =>
  init === undefined ? { kind: 'cell', name, size } : { kind: 'cell', name, size, init }
export const slotIn = (of: Cell, offset = 0): Slot => ({ kind: 'slot', cell: of, offset })
/** A word of memory of its own. */
export const slot = (name: string): Slot => slotIn(cell(name, 8))
export const address = (of: Cell, offset = 0): AddressOperand => ({ kind: 'address', cell: of, offset })
export const label = (name: string): Label => ({ kind: 'label', name })

/** The slot that names the descriptor to which a failure is written; the assembler gives it its first value. */
export const ERROR_CHANNEL: Slot = slotIn(cell('error channel', 8, []))

export type CallRest = Pick<SyscallOp, 'result' | 'on' | 'success' | 'again'>
const NO_REST: CallRest = {}

export const syscall = (
  name: SyscallName,
  args: readonly Operand[],
  origin: Origin,
  { result, on, success, again }: CallRest = NO_REST,
): SyscallOp => ({ kind: 'syscall', name, args, result, on, success, again, origin })

/**
 * Gives back the memory of the ops before this one. For a long wait: nothing is lost, what is needed again is read from
 * the image again.
 */
export const release = (origin: Origin): SyscallOp => {
  const image = (part: ImageOperand['part']): ImageOperand => ({ kind: 'image', part })
  const args = [image('start'), image('length'), MADV.values.MADV_DONTNEED]
  return syscall('madvise', args, origin, { on: { errnos: 'any' } }) // with pages larger than expected: EINVAL
}

export const jump = (to: Label, origin: Origin, when?: Condition): JumpOp => ({ kind: 'jump', to, when, origin })
export const set = (target: Slot, value: Operand, origin: Origin): SetOp => ({
  kind: 'set',
  slot: target,
  value,
  origin,
})
export const fail = (status: Operand, origin: Origin, when?: Condition): FailOp => ({
  kind: 'fail',
  status,
  when,
  origin,
})
