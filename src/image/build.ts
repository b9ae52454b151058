// Ops → executable: the assembler's output and the interpreter in one ELF file.
import type { Architecture } from '../abi/architecture.ts'
import { assemble } from '../program/assemble.ts'
import type { Op } from '../program/op.ts'
import { CODE } from './code.ts'
import { elf, LAYOUT } from './elf.ts'

/** `errorChannel` is the descriptor that a failure is written to at first; a program can change it. */
export function buildImage(ops: readonly Op[], architecture: Architecture, errorChannel: number): Uint8Array {
  return elf(architecture, assemble(ops, architecture, errorChannel, LAYOUT), new Uint8Array(CODE[architecture]))
}
