// Ops → executable: the assembler's output and the interpreter in one ELF file.
import type { Architecture } from '../abi/architecture.ts'
import { assemble, FIXED, type Layout } from '../program/assemble.ts'
import type { Op } from '../program/op.ts'
import { codePlace, dataPlace, elf, MEMORY } from './elf.ts'
import { interpreter } from './interpreter.ts'

const LAYOUT: Layout = {
  cells: MEMORY.address,
  data: cells => dataPlace(cells.initialBytes, cells.bytes).address,
  records: (cells, dataBytes) => codePlace(dataPlace(cells.initialBytes, cells.bytes), dataBytes).address,
}

/** `errorChannel` is the descriptor that a failure is written to at first; a program can change it. */
export function buildImage(ops: readonly Op[], architecture: Architecture, errorChannel: number): Uint8Array {
  const assembled = assemble(ops, architecture, errorChannel, LAYOUT)
  const code = interpreter(architecture, {
    records: assembled.recordsAddress,
    errorChannel: MEMORY.address + FIXED.errorChannel,
    failure: MEMORY.address + FIXED.failure,
  })
  return elf(architecture, { ...assembled, interpreter: code })
}
