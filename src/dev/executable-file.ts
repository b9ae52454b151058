// Changes to the ELF file that Bun's compiler wrote, elf(5):
//   - it starts at guard.ts: code at the end of the file, mapped by what was the program header of the notes;
//   - strip keeps all of it. Bun finds its payload through a word of memory that no section covers any more, so that
//     strip sets it to zero and the file becomes the bun command. With a section of its own the word stays.
import type { Architecture } from '../abi/architecture.ts'
import type { Struct } from '../abi/define.ts'
import { ELF_IDENT, EM, ET, elfHeader, PF, PT, programHeader, SHF, SHT, sectionHeader, symbol } from '../abi/elf.ts'
import { LIMIT_VARIABLE } from '../cli/descriptor-limit.ts'
import { NAME, NAME_NOWHERE, VARIABLES } from '../cli/environment.ts'
import { guard } from './guard.ts'

/** Engines that live for milliseconds lose by compiling: without it a command takes two thirds of the time, and no
 * memory of the process is writable and executable. */
const SETTINGS = ['BUN_JSC_useJIT=0']

type Fields<S> = S extends Struct<infer Name> ? Record<Name, bigint> : never
type Header = Fields<typeof elfHeader>
type Segment = Fields<typeof programHeader>
type Section = Fields<typeof sectionHeader>

const LARGEST_PAGE = 0x10000n
const roundUp = (value: bigint, to: bigint): bigint => ((value + to - 1n) / to) * to

class Elf {
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

  word(address: bigint): bigint {
    return Buffer.from(this.#slice(this.offsetOf(address), 8)).readBigUInt64LE()
  }
}

function textAt(strings: Uint8Array, offset: bigint): string {
  const at = Number(offset)
  return Buffer.from(strings.subarray(at, strings.indexOf(0, at))).toString()
}

/** Where the compiler's own file has the word through which a compiled program finds its payload. */
export function payloadWord(bun: Uint8Array): bigint {
  const section = new Elf(bun).section('.bun')
  if (section.sh_size !== 8n) throw new Error('the section .bun of bun holds more than one word')
  return section.sh_addr
}

/** The finished executable. `payloadAt` is from payloadWord(). */
export function finished(compiled: Uint8Array, payloadAt: bigint): Uint8Array {
  const elf = new Elf(compiled)
  if (elf.word(payloadAt) !== elf.section('.bun').sh_addr) throw new Error('Bun finds its payload in another way')
  const covered = { address: payloadAt, offset: elf.offsetOf(payloadAt) }

  const offset = roundUp(BigInt(compiled.length), 64n)
  const end = Math.max(...elf.segments.map(({ p_vaddr, p_memsz }) => Number(p_vaddr + p_memsz)))
  const address = roundUp(BigInt(end), LARGEST_PAGE) + (offset % LARGEST_PAGE)
  const { bytes: code, entry } = guard({
    architecture: elf.architecture,
    address: Number(address),
    entry: Number(elf.header.e_entry),
    environ: Number(elf.variable('environ')),
    variables: VARIABLES,
    settings: SETTINGS,
    limitVariable: LIMIT_VARIABLE,
    name: NAME,
    nameNowhere: NAME_NOWHERE,
  })

  const { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE } = SHF.bits
  const tables = withSections(elf, offset + BigInt(code.length), [
    { name: '.bun_payload_word', flags: SHF_ALLOC | SHF_WRITE, ...covered, size: 8n },
    { name: '.tsrunc_guard', flags: SHF_ALLOC | SHF_EXECINSTR, address, offset, size: BigInt(code.length) },
  ])
  const file = Buffer.concat([compiled, Buffer.alloc(Number(offset) - compiled.length), code, tables.bytes])
  const place = { p_offset: offset, p_vaddr: address, p_paddr: address }
  file.set(loaded(place, BigInt(code.length)), notesAt(elf))
  file.set(elfHeader.encode({ ...elf.header, ...tables.header, e_entry: entry }))
  return file
}

/** Where the program header is that makes room: nobody reads the notes of a running program. */
function notesAt({ header, segments }: Elf): number {
  const { PT_LOAD, PT_NOTE } = PT.values
  const index = segments.findIndex(({ p_type }) => p_type === PT_NOTE)
  // Those of loaded segments must be in the order of their addresses.
  if (index === -1 || segments.slice(index).some(({ p_type }) => p_type === PT_LOAD))
    throw new Error('no program header is free')
  return Number(header.e_phoff) + index * programHeader.size
}

const loaded = (place: Partial<Segment>, size: bigint): Uint8Array =>
  programHeader.encode({
    ...place,
    p_type: PT.values.PT_LOAD,
    p_flags: PF.bits.PF_R | PF.bits.PF_X,
    p_filesz: size,
    p_memsz: size,
    p_align: LARGEST_PAGE,
  })

interface NewSection {
  readonly name: string
  readonly flags: bigint
  readonly address: bigint
  readonly offset: bigint
  readonly size: bigint
}

/** The names and the table of the sections once more, with some more of them, to be put at `at` in the file. */
function withSections(elf: Elf, at: bigint, added: readonly NewSection[]) {
  const index = Number(elf.header.e_shstrndx)
  const places = added.map((_, i) =>
    added.slice(0, i).reduce((sum, { name }) => sum + name.length + 1, elf.names.length),
  )
  const names = Buffer.concat([elf.names, Buffer.from(added.map(({ name }) => `${name}\0`).join(''))])
  const table = elf.sections.map((section, i) =>
    i === index ? { ...section, sh_offset: at, sh_size: BigInt(names.length) } : section,
  )
  const rows = added.map(({ flags, address, offset, size }, i) => ({
    sh_name: places[i] ?? 0,
    sh_type: SHT.values.SHT_PROGBITS,
    sh_flags: flags,
    sh_addr: address,
    sh_offset: offset,
    sh_size: size,
    sh_addralign: 1,
  }))
  const e_shoff = roundUp(at + BigInt(names.length), 8n)
  const bytes = Buffer.concat([
    names,
    Buffer.alloc(Number(e_shoff - at) - names.length),
    ...[...table, ...rows].map(row => sectionHeader.encode(row)),
  ])
  return { bytes, header: { e_shoff, e_shnum: BigInt(table.length + rows.length) } }
}
