// The language that a container's init is written in: system calls with constant or slot operands, and three
// control ops. Plain data: a list of ops can be printed, compared, replayed with a failing op, and encoded.
// What an op is for is known only through its origin.

import type { Struct } from '../abi/define.ts'
import type { ErrnoName } from '../abi/errno.ts'
import { MADV } from '../abi/mman.ts'
import type { SyscallName } from '../abi/syscalls.ts'
import type { Origin } from '../errors.ts'

/** A named piece of the image's writable memory; zero at the start unless `init` is given. Identity is by object. */
export interface Cell {
  readonly kind: 'cell'
  readonly name: string
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

/** What read-only data and initial memory are made of: bytes, or the 8-byte address of something. */
export type Part = Uint8Array | DataOperand | AddressOperand

/** A constant. Its decoded text in a listing comes from the syscall's table. */
export interface IntOperand {
  readonly kind: 'int'
  readonly value: bigint
}
/** The address of constant bytes; `text` is how a listing prints them. */
export interface DataOperand {
  readonly kind: 'data'
  readonly parts: readonly Part[]
  readonly text: string
}
/** The value that a slot holds when the op runs. */
export interface LoadOperand {
  readonly kind: 'load'
  readonly slot: Slot
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
export type Operand = IntOperand | DataOperand | LoadOperand | AddressOperand | ImageOperand

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
  readonly result?: Slot
  /** Absent: every error ends the program with a record {op, errno} on the error channel. */
  readonly on?: OnErrno
  readonly origin: Origin
}

/** (slot & mask) compared, unsigned, with value. */
export interface Condition {
  readonly slot: Slot
  readonly mask: bigint
  readonly is: 'eq' | 'ne' | 'lt' | 'ge'
  readonly value: bigint
  /** How a listing prints it; absent: by slot, mask and number. */
  readonly text?: string
}

export interface JumpOp {
  readonly kind: 'jump'
  readonly to: Label
  /** Absent: always. */
  readonly when?: Condition
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
  /** The call whose failure this op stands for: it is reported as that call's (faults.ts). */
  readonly inPlaceOf?: SyscallOp
  readonly origin: Origin
}

export type Op = SyscallOp | JumpOp | SetOp | FailOp | Label

// ---- makers ----

export const int = (value: bigint | number): IntOperand => ({ kind: 'int', value: BigInt(value) })
export const NULL: IntOperand = int(0)

const utf8 = new TextEncoder()

/** A NUL-terminated string in the image's data. Throws RangeError when the text itself holds a NUL. */
export function str(text: string): DataOperand {
  if (text.includes('\0')) throw new RangeError(`a string for the kernel holds a NUL byte: ${JSON.stringify(text)}`)
  return { kind: 'data', parts: [utf8.encode(`${text}\0`)], text: JSON.stringify(text) }
}

export const bytes = (value: Uint8Array, text = `<${value.length} bytes>`): DataOperand => ({
  kind: 'data',
  parts: [value],
  text,
})

/** An array of pointers, closed by NULL: argv, envp. */
export const pointers = (items: readonly DataOperand[]): DataOperand => ({
  kind: 'data',
  parts: [...items, new Uint8Array(8)],
  text: `[${items.map(item => item.text).join(', ')}]`,
})

/** A struct of constants; the text names its fields that are not 0. */
export function struct<Name extends string>(
  layout: Struct<Name>,
  values: Partial<Record<Name, bigint | number>>,
  text: string,
): DataOperand {
  return { kind: 'data', parts: [layout.encode(values)], text }
}

export const cell = (name: string, size: number, init?: readonly Part[]): Cell =>
  init === undefined ? { kind: 'cell', name, size } : { kind: 'cell', name, size, init }
export const slotIn = (of: Cell, offset = 0): Slot => ({ kind: 'slot', cell: of, offset })
/** A word of memory of its own. */
export const slot = (name: string): Slot => slotIn(cell(name, 8))
export const load = (from: Slot): LoadOperand => ({ kind: 'load', slot: from })
export const address = (of: Cell, offset = 0): AddressOperand => ({ kind: 'address', cell: of, offset })
export const label = (name: string): Label => ({ kind: 'label', name })

/** The slot that names the descriptor to which a failure is written; the assembler gives it its first value. */
export const ERROR_CHANNEL: Slot = slot('error channel')

export const syscall = (
  name: SyscallName,
  args: readonly Operand[],
  origin: Origin,
  rest: { readonly result?: Slot; readonly on?: OnErrno } = {},
): SyscallOp => ({ kind: 'syscall', name, args, origin, ...rest })

/**
 * Gives back the memory of the ops before this one. For a long wait: nothing is lost, what is needed again is read from
 * the image again.
 */
export const release = (origin: Origin): SyscallOp => {
  const image = (part: ImageOperand['part']): ImageOperand => ({ kind: 'image', part })
  const args = [image('start'), image('length'), int(MADV.values.MADV_DONTNEED)]
  return syscall('madvise', args, origin, { on: { errnos: 'any' } }) // with pages larger than expected: EINVAL
}

export const jump = (to: Label, origin: Origin, when?: Condition): JumpOp =>
  when === undefined ? { kind: 'jump', to, origin } : { kind: 'jump', to, origin, when }
export const set = (target: Slot, value: Operand, origin: Origin): SetOp => ({
  kind: 'set',
  slot: target,
  value,
  origin,
})
export const fail = (status: Operand | number, origin: Origin): FailOp => ({
  kind: 'fail',
  status: typeof status === 'number' ? int(status) : status,
  origin,
})
