// A static executable without sections, at fixed addresses below 4 GiB, so that every address in a program is a
// constant of 32 bits. elf(5).
//
//   file     | headers, initialized memory | constants | records, interpreter |
//   segment  | writable                    | read only | read, execute        |  and zeroed memory, writable, no file
//
// Each area has an address of its own, far from the others, and begins on a page in the file too, since files are
// mapped by pages. So addresses are known before sizes are, and a program is laid out in one pass.
// Constants have a segment of their own because the kernel, when it fetches a page of a file, maps its neighbours in
// the same segment too: a waiting program that reads one text should not get all of its records back with it.
import type { Architecture } from '../abi/architecture.ts'
import { ELF_IDENT, EM, ET, elfHeader, PF, PT, programHeader } from '../abi/elf.ts'
import type { Assembled } from '../program/assemble.ts'
import type { Layout } from '../program/memory.ts'

const BASE = 0x400000
const SEGMENTS = 5
const HEADERS = elfHeader.size + SEGMENTS * programHeader.size

export const LAYOUT: Layout = {
  initialized: BASE + HEADERS,
  constants: 0x1000_0000,
  records: 0x2000_0000,
  zeroed: 0x3000_0000,
}

/** The largest page of the architecture. */
const PAGE: Readonly<Record<Architecture, number>> = { x86_64: 0x1000, aarch64: 0x10000 }

/** `interpreter`: its first instruction is where the process starts. */
export function elf(architecture: Architecture, assembled: Assembled, interpreter: Uint8Array): Uint8Array {
  const { initialized, zeroedBytes, constants, records } = assembled
  const page = PAGE[architecture]
  const toPage = (offset: number): number => Math.ceil(offset / page) * page
  const memoryBytes = HEADERS + initialized.length
  const constantsAt = toPage(memoryBytes)
  const recordsAt = toPage(constantsAt + constants.length)
  const codeBytes = records.length + interpreter.length
  const file = new Uint8Array(recordsAt + codeBytes)
  const segment = (p_flags: bigint, p_offset: number, p_vaddr: number, p_filesz: number, p_memsz: number): Uint8Array =>
    programHeader.encode({ ...LOAD, p_flags, p_offset, p_vaddr, p_paddr: p_vaddr, p_filesz, p_memsz, p_align: page })
  const headers = [
    fileHeader(architecture, LAYOUT.records + records.length),
    segment(READ_WRITE, 0, BASE, memoryBytes, memoryBytes),
    segment(PF.bits.PF_R, constantsAt, LAYOUT.constants, constants.length, constants.length),
    segment(READ_EXECUTE, recordsAt, LAYOUT.records, codeBytes, codeBytes),
    segment(READ_WRITE, 0, LAYOUT.zeroed, 0, zeroedBytes),
    programHeader.encode({ p_type: PT.values.PT_GNU_STACK, p_flags: READ_WRITE, p_align: 16 }),
  ]
  let at = 0
  for (const header of headers) {
    file.set(header, at)
    at += header.length
  }
  file.set(initialized, HEADERS)
  file.set(constants, constantsAt)
  file.set(records, recordsAt)
  file.set(interpreter, recordsAt + records.length)
  return file
}

const LOAD = { p_type: PT.values.PT_LOAD }
const READ_WRITE = PF.bits.PF_R | PF.bits.PF_W
const READ_EXECUTE = PF.bits.PF_R | PF.bits.PF_X

const fileHeader = (architecture: Architecture, entry: number): Uint8Array =>
  elfHeader.encode({
    e_ident: ELF_IDENT,
    e_type: ET.values.ET_EXEC,
    e_machine: architecture === 'x86_64' ? EM.values.EM_X86_64 : EM.values.EM_AARCH64,
    e_version: 1,
    e_entry: entry,
    e_phoff: elfHeader.size,
    e_ehsize: elfHeader.size,
    e_phentsize: programHeader.size,
    e_phnum: SEGMENTS,
  })
