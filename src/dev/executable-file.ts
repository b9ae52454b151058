// Changes to the ELF file that Bun's compiler wrote, elf(5):
//   - it starts at guard.ts: code at the end of the file, mapped by what was the program header of the notes;
//   - strip keeps all of it. Bun finds its payload through a word of memory that no section covers any more, so that
//     strip sets it to zero and the file becomes the bun command. With a section of its own the word stays;
//   - huge-pages.ts makes room in it.
import { elfHeader, PF, PT, programHeader, SHF, SHT, sectionHeader } from '../abi/elf.ts'
import { LIMIT_VARIABLE } from '../cli/descriptor-limit.ts'
import { NAME, NAME_NOWHERE, VARIABLES } from '../cli/environment.ts'
import { Elf, type Segment } from './elf-file.ts'
import { guard } from './guard.ts'
import { isOnlyRead, withHugePages } from './huge-pages.ts'

/** Engines that live for milliseconds lose by compiling: without it a command takes two thirds of the time, and no
 * memory of the process is writable and executable. */
const SETTINGS = ['BUN_JSC_useJIT=0']

const SMALLEST_PAGE = 0x1000n
const LARGEST_PAGE = 0x10000n
const roundUp = (value: bigint, to: bigint): bigint => ((value + to - 1n) / to) * to

/** Where the compiler's own file has the word through which a compiled program finds its payload. */
export function payloadWord(bun: Uint8Array): bigint {
  const section = new Elf(bun).section('.bun')
  if (section.sh_size !== 8n) throw new Error('the section .bun of bun holds more than one word')
  return section.sh_addr
}

/** The finished executable. `payloadAt` is from payloadWord(). */
export function finished(original: Uint8Array, payloadAt: bigint): Uint8Array {
  const compiled = withHugePages(original)
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
    huge: elf.segments.filter(isOnlyRead).map(({ p_vaddr, p_memsz }) => ({
      from: Number(p_vaddr - (p_vaddr % SMALLEST_PAGE)),
      to: Number(p_vaddr + p_memsz),
    })),
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
