// Ops → executable: the assembler's output and the interpreter in one ELF file.
import type { Architecture } from '../abi/architecture.ts'
import { assemble, FIXED } from '../program/assemble.ts'
import type { Op } from '../program/op.ts'
import { elf, MEMORY_ADDRESS, placement } from './elf.ts'
import { interpreter } from './interpreter.ts'

const interpreters = new Map<Architecture, Uint8Array>()

function interpreterFor(architecture: Architecture): Uint8Array {
  const known = interpreters.get(architecture)
  if (known !== undefined) return known
  const code = interpreter(architecture, {
    errorChannel: MEMORY_ADDRESS + FIXED.errorChannel,
    failure: MEMORY_ADDRESS + FIXED.failure,
  })
  interpreters.set(architecture, code)
  return code
}

/** `errorChannel` is the descriptor that a failure is written to at first; a program can change it. */
export function buildImage(ops: readonly Op[], architecture: Architecture, errorChannel: number): Uint8Array {
  const code = interpreterFor(architecture)
  const { text, initial, memoryBytes } = assemble(ops, architecture, errorChannel, cells => ({
    cells: MEMORY_ADDRESS,
    records: placement(cells.initialBytes, cells.bytes).codeAddress + code.length,
  }))
  return elf(architecture, placement(initial.length, memoryBytes), initial, [code, text])
}
