// A static executable without sections: one segment of writable memory, one of code and constants, both at fixed
// addresses below 4 GiB, so that every address in a program is a constant of 32 bits. elf(5).
//
//   file      | headers | initial memory | code, records, data |
//   memory    | 0x400000: writable … zeros | … read, execute    |
//
// The writable part comes first: its size is known before the constants are laid out, and with it all addresses.
import type { Architecture } from '../abi/architecture.ts'
import { ELF_IDENT, EM, ET, elfHeader, PF, PT, programHeader } from '../abi/elf.ts'

const BASE = 0x400000
/** The largest page of either architecture: segments with different rights must not share one. */
const LARGEST_PAGE = 0x10000
const HEADERS = elfHeader.size + 3 * programHeader.size

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to

/** Where the writable memory starts. */
export const MEMORY_ADDRESS = roundUp(BASE + HEADERS, 16)

export interface Placement {
  readonly initialBytes: number
  readonly memoryBytes: number
  readonly codeOffset: number
  readonly codeAddress: number
}

/** Where the code lies, in the file and in memory, behind that much writable memory. */
export function placement(initialBytes: number, memoryBytes: number): Placement {
  const codeOffset = roundUp(MEMORY_ADDRESS - BASE + initialBytes, 64)
  // a segment is mapped from the file by pages: within a page, offset and address must agree
  const codeAddress = roundUp(MEMORY_ADDRESS + memoryBytes, LARGEST_PAGE) + (codeOffset % LARGEST_PAGE)
  return { initialBytes, memoryBytes, codeOffset, codeAddress }
}

/** `text` are the contents of the code segment; its first byte is the entry point. */
export function elf(
  architecture: Architecture,
  place: Placement,
  initial: Uint8Array,
  text: readonly Uint8Array[],
): Uint8Array {
  const textBytes = text.reduce((sum, part) => sum + part.length, 0)
  const file = new Uint8Array(place.codeOffset + textBytes)
  file.set(fileHeader(architecture, place.codeAddress))
  putAll(file, elfHeader.size, segments(place, textBytes))
  file.set(initial, MEMORY_ADDRESS - BASE)
  putAll(file, place.codeOffset, text)
  return file
}

/** One part behind the other. */
function putAll(file: Uint8Array, start: number, parts: readonly Uint8Array[]): void {
  let at = start
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
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
    e_phnum: 3,
  })
}

function segments(place: Placement, textBytes: number): Uint8Array[] {
  const { PF_R, PF_W, PF_X } = PF.bits
  const loaded = (p_flags: bigint, p_offset: number, p_vaddr: number, p_filesz: number, p_memsz: number): Uint8Array =>
    programHeader.encode({
      p_type: PT.values.PT_LOAD,
      p_flags,
      p_offset,
      p_vaddr,
      p_paddr: p_vaddr,
      p_filesz,
      p_memsz,
      p_align: LARGEST_PAGE,
    })
  const before = MEMORY_ADDRESS - BASE
  return [
    loaded(PF_R | PF_W, 0, BASE, before + place.initialBytes, before + place.memoryBytes),
    loaded(PF_R | PF_X, place.codeOffset, place.codeAddress, textBytes, textBytes),
    programHeader.encode({ p_type: PT.values.PT_GNU_STACK, p_flags: PF_R | PF_W, p_align: 16 }),
  ]
}
