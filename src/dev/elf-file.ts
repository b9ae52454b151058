// An executable of 64 bits at fixed addresses as elf(5) has it: reads its tables, changes nothing. What is made of them
// is the business of executable-file.ts and huge-pages.ts.
import type { Architecture } from '../abi/architecture.ts'
import type { Struct } from '../abi/define.ts'
import { ELF_IDENT, EM, ET, elfHeader, PT, programHeader, rela, sectionHeader, symbol } from '../abi/elf.ts'

type Fields<S> = S extends Struct<infer Name> ? Record<Name, bigint> : never
export type Header = Fields<typeof elfHeader>
export type Segment = Fields<typeof programHeader>
export type Section = Fields<typeof sectionHeader>

/** The headers and tables of an executable, which stay as they were read. */
export class Elf {
  readonly bytes: Uint8Array
  readonly header: Header
  readonly segments: Segment[]
  readonly sections: Section[]

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.header = elfHeader.decode(bytes)
    if (this.header.e_ident !== ELF_IDENT || this.header.e_type !== ET.values.ET_EXEC)
      throw new Error('not an executable of 64 bits at fixed addresses')
    const { e_phoff, e_phnum, e_shoff, e_shnum } = this.header
    this.segments = this.#table(programHeader, e_phoff, e_phnum)
    this.sections = this.#table(sectionHeader, e_shoff, e_shnum)
  }

  get architecture(): Architecture {
    if (this.header.e_machine === EM.values.EM_X86_64) return 'x86_64'
    if (this.header.e_machine === EM.values.EM_AARCH64) return 'aarch64'
    throw new Error(`machine ${this.header.e_machine} is not known`)
  }

  #table<Name extends string>(row: Struct<Name>, offset: bigint, count: bigint): Record<Name, bigint>[] {
    return Array.from({ length: Number(count) }, (_, i) =>
      row.decode(this.#slice(offset + BigInt(i * row.size), row.size)),
    )
  }

  #slice(offset: bigint, size: bigint | number): Uint8Array {
    const from = Number(offset)
    return this.bytes.subarray(from, from + Number(size))
  }

  /** The names of the sections. */
  get names(): Uint8Array {
    const section = this.sections[Number(this.header.e_shstrndx)]
    if (section === undefined) throw new Error('the file has no section names')
    return this.#slice(section.sh_offset, section.sh_size)
  }

  section(name: string): Section {
    const found = this.sections.find(section => textAt(this.names, section.sh_name) === name)
    if (found === undefined) throw new Error(`the file has no section ${name}`)
    return found
  }

  /** Where the dynamic loader writes the address of another library's function: each place that is filled for it. */
  slots(name: string): bigint[] {
    const strings = this.section('.dynstr')
    const names = this.#slice(strings.sh_offset, strings.sh_size)
    const table = this.section('.dynsym')
    const symbols = this.#table(symbol, table.sh_offset, table.sh_size / BigInt(symbol.size))
    const wanted = BigInt(symbols.findIndex(row => textAt(names, row.st_name) === name))
    return ['.rela.plt', '.rela.dyn'].flatMap(section => {
      const { sh_offset, sh_size } = this.section(section)
      const rows = this.#table(rela, sh_offset, sh_size / BigInt(rela.size))
      return rows.filter(({ r_info }) => r_info >> 32n === wanted).map(({ r_offset }) => r_offset)
    })
  }

  /** The address of a variable of the program's, as other libraries find it too. */
  variable(name: string): bigint {
    const { sh_offset, sh_size } = this.section('.dynsym')
    const strings = this.section('.dynstr')
    const names = this.#slice(strings.sh_offset, strings.sh_size)
    const symbols = this.#table(symbol, sh_offset, sh_size / BigInt(symbol.size))
    const found = symbols.find(row => row.st_value !== 0n && textAt(names, row.st_name) === name)
    if (found === undefined) throw new Error(`the file has no variable ${name}`)
    return found.st_value
  }

  /** The offset in the file of what is mapped at an address. */
  offsetOf(address: bigint): bigint {
    const { PT_LOAD } = PT.values
    const segment = this.segments.find(
      ({ p_type, p_vaddr, p_filesz }) => p_type === PT_LOAD && address >= p_vaddr && address < p_vaddr + p_filesz,
    )
    if (segment === undefined) throw new Error(`nothing of the file is at 0x${address.toString(16)}`)
    return segment.p_offset + (address - segment.p_vaddr)
  }

  /** Where a place in the file is mapped. */
  addressOf(offset: bigint): bigint {
    const segment = this.segments.find(
      ({ p_type, p_offset, p_filesz }) =>
        p_type === PT.values.PT_LOAD && offset >= p_offset && offset < p_offset + p_filesz,
    )
    if (segment === undefined) throw new Error(`offset ${offset} of the file is not mapped`)
    return segment.p_vaddr + (offset - segment.p_offset)
  }

  word(address: bigint): bigint {
    return Buffer.from(this.#slice(this.offsetOf(address), 8)).readBigUInt64LE()
  }
}

function textAt(strings: Uint8Array, offset: bigint): string {
  const at = Number(offset)
  return Buffer.from(strings.subarray(at, strings.indexOf(0, at))).toString()
}
