// Ops → records and data: labels become addresses, cells and constants get theirs, and a program that could not run
// is refused. Where the areas lie is the caller's choice (image/build.ts); the layout of a record is encode.ts's.
import { type Architecture, column } from '../abi/architecture.ts'
import { ERRNO } from '../abi/errno.ts'
import { SYSCALLS } from '../abi/syscalls.ts'
import {
  ANY_ERRNO,
  CONDITION,
  type Fields,
  KIND,
  MAX_ERRNOS,
  MAX_OPERANDS,
  RECORD_SIZE,
  writeRecord,
} from './encode.ts'
import { type Cells, eachPlace, gatherCells, Memory } from './memory.ts'
import {
  cell,
  ERROR_CHANNEL,
  int,
  type Label,
  load,
  type OnErrno,
  type Op,
  type Operand,
  type SyscallOp,
} from './op.ts'
import { MESSAGE, message } from './sync.ts'

/** An op of a program, with its number: what is left when labels are taken out. */
export type Numbered = Exclude<Op, Label>

/** Where the areas of an image lie, all of it below 4 GiB; asked in this order, as their sizes become known. */
export interface Layout {
  /** Address of the writable memory. */
  readonly cells: number
  /** Address of the constant data. */
  data(cells: Cells): number
  /** Address of the first record; a multiple of 8. */
  records(cells: Cells, dataBytes: number): number
}

export interface Assembled {
  /** The start of the writable memory; the rest of it is zero. */
  readonly initial: Uint8Array
  readonly memoryBytes: number
  readonly data: Uint8Array
  readonly records: Uint8Array
  /** Address of the first record. */
  readonly recordsAddress: number
}

/** The message by which the interpreter reports a failure; it fills in op and value. */
const failureMessage = cell('failure', message.size, [message.encode({ kind: MESSAGE.values.FAILED })])

/** What the interpreter itself uses, as bytes from the start of the writable memory. */
export const FIXED = { errorChannel: 0, failure: ERROR_CHANNEL.cell.size } as const

/** A program that can not be made into an image: a mistake of a plan, not of a user. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError'
}

export function assemble(
  ops: readonly Op[],
  architecture: Architecture,
  errorChannel: number,
  layout: Layout,
): Assembled {
  const numbered = ops.filter(op => op.kind !== 'label')
  checkEnd(ops, numbered)
  const cells = gatherCells(ops, [ERROR_CHANNEL.cell, failureMessage])
  const memory = new Memory(cells, layout.cells, layout.data(cells))
  const initial = initialContents(cells, memory, errorChannel)
  placeData(numbered, memory)

  const recordsAddress = layout.records(cells, memory.data.length)
  const labels = labelAddresses(ops, recordsAddress)
  const records = new Uint8Array(numbered.length * RECORD_SIZE)
  const view = new DataView(records.buffer)
  eachNumbered(numbered, (op, number) => {
    const at = number * RECORD_SIZE
    const before = { start: recordsAddress, end: recordsAddress + at }
    writeRecord(view, at, fields(op, { architecture, labels, memory, before }))
  })
  return { initial, memoryBytes: cells.bytes, data: memory.data, records, recordsAddress }
}

/** Gives all constants their places: only then is it known where the records begin. */
function placeData(numbered: readonly Numbered[], memory: Memory): void {
  eachNumbered(numbered, op =>
    eachPlace(op, place => {
      if (place.kind === 'data') memory.dataAddress(place)
    }),
  )
}

/** What goes wrong in an op is said with its number. */
function eachNumbered(numbered: readonly Numbered[], visit: (op: Numbered, number: number) => void): void {
  numbered.forEach((op, number) => {
    try {
      visit(op, number)
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause)
      throw new ProgramError(`op ${number} (${op.origin.intent}): ${what}`, { cause })
    }
  })
}

/** All that an op may refer to. */
interface Places {
  readonly architecture: Architecture
  readonly labels: ReadonlyMap<Label, number>
  readonly memory: Memory
  /** Addresses from the first record to the op's own. */
  readonly before: { readonly start: number; readonly end: number }
}

function fields(op: Numbered, places: Places): Fields {
  switch (op.kind) {
    case 'syscall':
      return callFields(op, places)
    case 'jump': {
      const { to, when } = op
      const compared: Operand[] = when === undefined ? [] : [load(when.slot), int(when.mask), int(when.value)]
      const number = Number(CONDITION.values[when?.is ?? 'always'])
      return { ...control('JUMP', compared, places), number, target: target(to, places) }
    }
    case 'set':
      return { ...control('SET', [op.value], places), result: places.memory.cellAddress(op.slot, 8) }
    case 'fail':
      return control('FAIL', [op.status], places)
    default:
      return op satisfies never
  }
}

function callFields({ name, args, result, on }: SyscallOp, places: Places): Fields {
  const number = SYSCALLS[name][column(places.architecture)]
  if (number === null) throw new ProgramError(`${places.architecture} has no system call ${name}`)
  if (args.length > MAX_OPERANDS) throw new ProgramError(`${name} with ${args.length} arguments`)
  return {
    kind: Number(KIND.values.SYSCALL),
    loads: loads(args),
    number,
    target: target(on?.to, places),
    result: result === undefined ? 0 : places.memory.cellAddress(result, 8),
    errnos: errnos(on),
    operands: args.map(arg => operandValue(arg, places)),
  }
}

const control = (kind: keyof typeof KIND.values, list: readonly Operand[], places: Places): Fields => ({
  kind: Number(KIND.values[kind]),
  loads: loads(list),
  number: 0,
  target: 0,
  result: 0,
  errnos: [],
  operands: list.map(operand => operandValue(operand, places)),
})

const loads = (list: readonly Operand[]): number =>
  list.reduce((mask, operand, i) => (operand.kind === 'load' ? mask | (1 << i) : mask), 0)

function target(label: Label | undefined, { labels }: Places): number {
  if (label === undefined) return 0
  const address = labels.get(label)
  if (address === undefined) throw new ProgramError(`label ${label.name} is not in the program`)
  return address
}

const [LEAST, GREATEST] = [-(2n ** 63n), 2n ** 64n - 1n]

function operandValue(operand: Operand, { memory, before }: Places): number | bigint {
  switch (operand.kind) {
    case 'int':
      if (operand.value < LEAST || operand.value > GREATEST)
        throw new ProgramError(`${operand.value} does not fit 64 bits`)
      return operand.value
    case 'data':
      return memory.dataAddress(operand)
    case 'load':
      return memory.cellAddress(operand.slot, 8)
    case 'address':
      return memory.cellAddress(operand, 0)
    case 'image': {
      const start = pageOf(before.start)
      return operand.part === 'start' ? start : pageOf(before.end) - start
    }
    default:
      return operand satisfies never
  }
}

/** The usual size of a page; with larger ones, which aarch64 has too, madvise does nothing. */
const PAGE = 0x1000
const pageOf = (address: number): number => address - (address % PAGE)

function errnos(on: OnErrno | undefined): number[] {
  if (on === undefined) return []
  if (on.errnos === 'any') return [ANY_ERRNO]
  if (on.errnos.length === 0 || on.errnos.length > MAX_ERRNOS)
    throw new ProgramError(`${on.errnos.length} errnos to go on after; 1 to ${MAX_ERRNOS} or any`)
  return on.errnos.map(name => ERRNO[name][0])
}

function labelAddresses(ops: readonly Op[], records: number): Map<Label, number> {
  const addresses = new Map<Label, number>()
  let address = records
  for (const op of ops)
    if (op.kind !== 'label') address += RECORD_SIZE
    else if (addresses.has(op)) throw new ProgramError(`label ${op.name} is placed twice`)
    else addresses.set(op, address)
  return addresses
}

/** Nothing comes after the last record: it must not go on. */
function checkEnd(ops: readonly Op[], numbered: readonly Numbered[]): void {
  const last = ops.at(-1)
  if (last === undefined || numbered.length === 0) throw new ProgramError('an empty program')
  if (last.kind === 'label') throw new ProgramError(`label ${last.name} has no op to go to`)
  const leaves =
    last.kind === 'fail' ||
    (last.kind === 'jump' && last.when === undefined) ||
    (last.kind === 'syscall' && NO_RETURN.has(last.name) && (last.on === undefined || last.on.to !== undefined))
  if (!leaves) throw new ProgramError(`the program falls off its end after op ${numbered.length - 1}`)
}
/** Calls that come back only with an error. */
const NO_RETURN: ReadonlySet<string> = new Set(['exit', 'exit_group', 'execve', 'execveat'])

function initialContents(cells: Cells, memory: Memory, errorChannel: number): Uint8Array {
  const bytes = new Uint8Array(cells.initialBytes)
  for (const cell of cells.initialized) {
    const at = cells.offsets.get(cell) ?? 0
    const contents = memory.contents(cell.init ?? [])
    if (contents.length > cell.size)
      throw new ProgramError(`cell ${cell.name} has ${cell.size} bytes, its contents ${contents.length}`)
    bytes.set(contents, at)
  }
  new DataView(bytes.buffer).setBigUint64(FIXED.errorChannel, BigInt(errorChannel), true)
  return bytes
}
