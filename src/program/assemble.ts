// Ops → what an image is made of: contents of its memory, constants, records. A program that could not run is refused.
// Where the areas lie is the caller's choice (image/elf.ts); the layout of a record is encode.ts's.
import type { Architecture } from '../abi/architecture.ts'
import { type Layout, Memory } from './memory.ts'
import { type Cell, cell, ERROR_CHANNEL, type Op } from './op.ts'
import { opError, ProgramError, Records } from './records.ts'
import { MESSAGE, message } from './sync.ts'

export interface Assembled {
  /** The start of the writable memory that has contents. */
  readonly initialized: Uint8Array
  readonly zeroedBytes: number
  readonly constants: Uint8Array
  readonly records: Uint8Array
}

/** The message by which the interpreter reports a failure; it fills in op and value. */
const FAILURE: Cell = cell('failure', message.size, [message.encode({ kind: MESSAGE.values.FAILED })])

/** What the interpreter itself uses, as bytes from the start of the initialized memory. */
export const FIXED = { errorChannel: 0, failure: ERROR_CHANNEL.cell.size } as const

export function assemble(
  ops: readonly Op[],
  architecture: Architecture,
  errorChannel: number,
  layout: Layout,
): Assembled {
  const memory = new Memory(layout)
  for (const cell of [ERROR_CHANNEL.cell, FAILURE]) memory.cellAddress(cell, 0, 0)
  const records = new Records(architecture, memory, layout.records, ops.length)
  for (const op of ops) {
    try {
      records.add(op)
    } catch (cause) {
      if (op.kind === 'label') throw cause
      throw opError(records.count, op, cause instanceof Error ? cause.message : String(cause), cause)
    }
  }
  checkEnd(ops, records.count)
  const { initialized, zeroedBytes, constants } = memory
  new DataView(initialized.buffer).setUint32(FIXED.errorChannel, errorChannel, true)
  return { initialized, zeroedBytes, constants, records: records.finish() }
}

/** Nothing comes after the last record: it must not go on. */
function checkEnd(ops: readonly Op[], count: number): void {
  const last = ops[ops.length - 1]
  if (last === undefined || count === 0) throw new ProgramError('an empty program')
  if (last.kind === 'label') throw new ProgramError(`label ${last.name} has no op to go to`)
  const leaves =
    ((last.kind === 'fail' || last.kind === 'jump') && last.when === undefined) ||
    (last.kind === 'syscall' && NO_RETURN.has(last.name) && (last.on === undefined || last.on.to !== undefined))
  if (!leaves) throw new ProgramError(`the program falls off its end after op ${count - 1}`)
}

/** Calls that come back only with an error. */
const NO_RETURN: ReadonlySet<string> = new Set(['exit', 'exit_group', 'execve', 'execveat'])
