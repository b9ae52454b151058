// A static executable without sections, at fixed addresses below 4 GiB, so that every address in a program is a
// constant of 32 bits. elf(5).
//
//   file      | headers | initial memory | constants | records, interpreter |
//   segment   | writable, then zeros     | read only | read, execute        |
//
// The order is the one in which sizes become known: constants hold addresses of memory, records those of constants.
// Constants have a segment of their own because the kernel, when it fetches a page of a file, maps its neighbours in
// the same segment too: a waiting program that reads one text should not get all of its records back with it.
import type { Architecture } from '../abi/architecture.ts'
import { ELF_IDENT, EM, ET, elfHeader, PF, PT, programHeader } from '../abi/elf.ts'

const BASE = 0x400000
/** The largest page of either architecture: segments with different rights must not share one. */
const LARGEST_PAGE = 0x10000
const HEADERS = elfHeader.size + 4 * programHeader.size

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to

/** Where in the file, and where in memory. */
export interface Place {
  readonly offset: number
  readonly address: number
}

/** The writable memory, behind the headers. */
export const MEMORY: Place = { offset: roundUp(HEADERS, 16), address: BASE + roundUp(HEADERS, 16) }

/** A segment is mapped from the file by pages: within a page, offset and address must agree. */
function after(previous: Place, fileBytes: number, memoryBytes: number): Place {
  const offset = roundUp(previous.offset + fileBytes, 64)
  return { offset, address: roundUp(previous.address + memoryBytes, LARGEST_PAGE) + (offset % LARGEST_PAGE) }
}

export const dataPlace = (initialBytes: number, memoryBytes: number): Place => after(MEMORY, initialBytes, memoryBytes)
export const codePlace = (data: Place, dataBytes: number): Place => after(data, dataBytes, dataBytes)

export interface Contents {
  readonly initial: Uint8Array
  readonly memoryBytes: number
  readonly data: Uint8Array
  readonly records: Uint8Array
  /** Its first instruction is where the process starts. */
  readonly interpreter: Uint8Array
}

export function elf(architecture: Architecture, contents: Contents): Uint8Array {
  const { initial, memoryBytes, data, records, interpreter } = contents
  const dataAt = dataPlace(initial.length, memoryBytes)
  const codeAt = codePlace(dataAt, data.length)
  const codeBytes = records.length + interpreter.length
  const { PF_R, PF_W, PF_X } = PF.bits
  const segments = [
    loaded(PF_R | PF_W, { offset: 0, address: BASE }, MEMORY.offset + initial.length, MEMORY.offset + memoryBytes),
    loaded(PF_R, dataAt, data.length),
    loaded(PF_R | PF_X, codeAt, codeBytes),
    programHeader.encode({ p_type: PT.values.PT_GNU_STACK, p_flags: PF_R | PF_W, p_align: 16 }),
  ]
  const file = new Uint8Array(codeAt.offset + codeBytes)
  file.set(fileHeader(architecture, codeAt.address + records.length))
  segments.forEach((segment, i) => {
    file.set(segment, elfHeader.size + i * programHeader.size)
  })
  file.set(initial, MEMORY.offset)
  file.set(data, dataAt.offset)
  file.set(records, codeAt.offset)
  file.set(interpreter, codeAt.offset + records.length)
  return file
}

function fileHeader(architecture: Architecture, entry: number): Uint8Array {
  return elfHeader.encode({
    e_ident: ELF_IDENT,
    e_type: ET.values.ET_EXEC,
    e_machine: architecture === 'x86_64' ? EM.values.EM_X86_64 : EM.values.EM_AARCH64,
    e_version: 1,
    e_entry: entry,
    e_phoff: elfHeader.size,
    e_ehsize: elfHeader.size,
    e_phentsize: programHeader.size,
    e_phnum: 4,
  })
}

const loaded = (p_flags: bigint, { offset, address }: Place, p_filesz: number, p_memsz = p_filesz): Uint8Array =>
  programHeader.encode({
    p_type: PT.values.PT_LOAD,
    p_flags,
    p_offset: offset,
    p_vaddr: address,
    p_paddr: address,
    p_filesz,
    p_memsz,
    p_align: LARGEST_PAGE,
  })
