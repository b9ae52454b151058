// Changes to the ELF file that Bun's compiler wrote, elf(5):
//   - it starts at guard.ts: code at the end of the file, in a segment of its own, which brings in the dynamic loader if
//     it has to: the kernel is not told of one;
//   - the snapshot that the guard goes on from is a segment behind it;
//   - strip keeps all of it. Bun finds its payload through a word of memory that no section covers any more, so that
//     strip sets it to zero and the file becomes the bun command. With a section of its own the word stays;
//   - huge-pages.ts makes room in it.
import { elfHeader, PF, PT, programHeader, SHF, SHT, sectionHeader } from '../abi/elf.ts'
import { LIMIT_VARIABLE } from '../cli/descriptor-limit.ts'
import { NAME, NAME_NOWHERE, VARIABLES } from '../cli/environment.ts'
import { Elf, type Segment as SegmentRow } from './elf-file.ts'
import { type Guard, guard } from './guard.ts'
import { isOnlyRead, withHugePages } from './huge-pages.ts'
import { withDiscard } from './snapshot/discard.ts'
import type { Frozen } from './snapshot/frozen.ts'
import { layOut, type Segment } from './snapshot/segment.ts'

/** Engines that live for milliseconds lose by compiling: without it a command takes two thirds of the time, and no
 * memory of the process is writable and executable. The first garbage is collected when there are so many bytes, and not
 * at half of them: by threads, of which a snapshot can have none, and in no command on a config of usual size. */
const SETTINGS = ['BUN_JSC_useJIT=0', 'BUN_JSC_largeHeapSize=67108864']

/** For a snapshot: binding at the first call saves registers by what the processor of the build had, ld.so(8). */
const BIND_NOW = 'LD_BIND_NOW=1'

const SMALLEST_PAGE = 0x1000n
const LARGEST_PAGE = 0x10000n
const roundUp = (value: bigint, to: bigint): bigint => ((value + to - 1n) / to) * to

const GUARD_ADDRESS = 0x1000_0000n
const SNAPSHOT_ADDRESS = 0x2000_0000n
/** brk(2) grows a heap behind the last segment, a GiB of chance away: what a snapshot has there is out of its reach. */
const WARMING_GUARD_ADDRESS = 0xc000_0000n

/** Where the compiler's own file has the word through which a compiled program finds its payload. */
export function payloadWord(bun: Uint8Array): bigint {
  const section = new Elf(bun).section('.bun')
  if (section.sh_size !== 8n) throw new Error('the section .bun of bun holds more than one word')
  return section.sh_addr
}

export interface Additions {
  /** Of the same executable, made with `warming`, and the features of the processor that it was made on. */
  readonly snapshot?: { readonly frozen: Frozen; readonly features: readonly number[] }
  /** A variable more, "NAME=value", for the executable that a snapshot is made of. */
  readonly warming?: string
}

/** Where in the file something is, and where in memory. */
interface Place {
  readonly offset: bigint
  readonly address: bigint
  readonly size: bigint
}

/** The finished executable. `payloadAt` is from payloadWord(). */
export function finished(original: Uint8Array, payloadAt: bigint, additions: Additions = {}): Uint8Array {
  const compiled = withHugePages(original)
  const elf = new Elf(compiled)
  if (elf.word(payloadAt) !== elf.section('.bun').sh_addr) throw new Error('Bun finds its payload in another way')
  const covered = { address: payloadAt, offset: elf.offsetOf(payloadAt), size: 8n }

  const frozen = additions.snapshot?.frozen
  const segment = frozen && layOut(withDiscard(elf, frozen), address => isWritten(elf, address))
  const snapshotAt = roundUp(BigInt(compiled.length), SMALLEST_PAGE)
  const snapshot = { offset: snapshotAt, address: SNAPSHOT_ADDRESS, size: BigInt(segment?.bytes.length ?? 0) }
  const offset = roundUp(snapshot.offset + snapshot.size, 64n)
  const base = additions.warming === undefined ? GUARD_ADDRESS : WARMING_GUARD_ADDRESS
  const address = base + (offset % LARGEST_PAGE)
  const { bytes: code, entry } = guardOf(elf, Number(address), additions, segment)
  const guardPlace = { offset, address, size: BigInt(code.length) }

  const { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE } = SHF.bits
  const tables = withSections(elf, offset + guardPlace.size, [
    { name: '.bun_payload_word', flags: SHF_ALLOC | SHF_WRITE, ...covered },
    { name: '.tsrunc_guard', flags: SHF_ALLOC | SHF_EXECINSTR, ...guardPlace },
    ...(segment ? [{ name: '.tsrunc_snapshot', flags: SHF_ALLOC, ...snapshot }] : []),
  ])
  const file = Buffer.concat([
    compiled,
    Buffer.alloc(Number(snapshot.offset) - compiled.length),
    segment?.bytes ?? new Uint8Array(0),
    Buffer.alloc(Number(offset - snapshot.offset - snapshot.size)),
    code,
    tables.bytes,
  ])
  file.set(segmentTable(elf, guardPlace, segment && snapshot), Number(elf.header.e_phoff))
  file.set(elfHeader.encode({ ...elf.header, ...tables.header, e_entry: entry }))
  return file
}

function guardOf(elf: Elf, address: number, { snapshot, warming }: Additions, segment: Segment | undefined): Guard {
  const isWarming = warming !== undefined
  return guard({
    architecture: elf.architecture,
    address,
    entry: Number(elf.header.e_entry),
    interpreter: interpreterOf(elf),
    programHeaders: shownHeaders(elf),
    hidesVdso: isWarming,
    huge: elf.segments.filter(isOnlyRead).map(({ p_vaddr, p_memsz }) => ({
      from: Number(p_vaddr - (p_vaddr % SMALLEST_PAGE)),
      to: Number(p_vaddr + p_memsz),
    })),
    variables: VARIABLES,
    settings: isWarming ? [...SETTINGS, BIND_NOW, warming] : SETTINGS,
    limitVariable: LIMIT_VARIABLE,
    name: NAME,
    nameNowhere: NAME_NOWHERE,
    resumption: snapshot &&
      segment && {
        ...segment,
        features: snapshot.features,
        epoll: snapshot.frozen.eventLoop.epoll,
        eventfd: snapshot.frozen.eventLoop.eventfd,
        address: Number(SNAPSHOT_ADDRESS),
        offsetAt: Number(elf.addressOf(elf.header.e_phoff)) + snapshotRow(elf) + programHeader.offset('p_offset'),
      },
  })
}

const isLoaded = ({ p_type }: SegmentRow): boolean => p_type === PT.values.PT_LOAD

/** Where the snapshot's program header is in their table: behind those of the engine's segments and the guard's. */
const snapshotRow = (elf: Elf): number => (elf.segments.filter(isLoaded).length + 1) * programHeader.size

/** What the kernel is told: those that it maps first, and of no dynamic loader. */
function segmentTable(elf: Elf, guardPlace: Place, snapshot: Place | undefined): Uint8Array {
  const { PT_PHDR, PT_INTERP } = PT.values
  const { PF_R, PF_X } = PF.bits
  const others = elf.segments.filter(row => !isLoaded(row) && row.p_type !== PT_PHDR && row.p_type !== PT_INTERP)
  const rows = [
    ...elf.segments.filter(isLoaded).map(row => programHeader.encode(row)),
    loaded(guardPlace, PF_R | PF_X, LARGEST_PAGE),
    ...(snapshot ? [loaded(snapshot, PF_R, SMALLEST_PAGE)] : []),
    ...others.map(row => programHeader.encode(row)),
  ]
  const room = elf.segments.length - rows.length
  if (room < 0) throw new Error('there are not enough program headers')
  return Buffer.concat([...rows, Buffer.alloc(room * programHeader.size)])
}

/** Whether an address is in memory that the engine writes to. */
const isWritten = (elf: Elf, address: bigint): boolean =>
  elf.segments.some(
    ({ p_type, p_flags, p_vaddr, p_memsz }) =>
      p_type === PT.values.PT_LOAD &&
      (p_flags & PF.bits.PF_W) !== 0n &&
      address >= p_vaddr - (p_vaddr % SMALLEST_PAGE) &&
      address < p_vaddr + p_memsz,
  )

/** Whether the engine has at this address what every process of it has, for it is only read. */
export function isKept(executable: Uint8Array): (address: bigint) => boolean {
  const segments = new Elf(executable).segments.filter(row => isOnlyRead(row) && row.p_vaddr < GUARD_ADDRESS)
  return address =>
    segments.some(
      ({ p_vaddr, p_memsz }) => address >= p_vaddr - (p_vaddr % LARGEST_PAGE) && address < p_vaddr + p_memsz,
    )
}

function interpreterOf(elf: Elf): string {
  const header = elf.segments.find(({ p_type }) => p_type === PT.values.PT_INTERP)
  if (header === undefined) throw new Error('the executable has no dynamic loader')
  const [from, to] = [Number(header.p_offset), Number(header.p_offset + header.p_filesz) - 1]
  return Buffer.from(elf.bytes.subarray(from, to)).toString()
}

/** As they were, for the dynamic loader; but the header of the headers would give them another place. */
const shownHeaders = (elf: Elf): Uint8Array =>
  Buffer.concat(
    elf.segments.map(row =>
      programHeader.encode(row.p_type === PT.values.PT_PHDR ? { ...row, p_type: PT.values.PT_NULL } : row),
    ),
  )

const loaded = ({ offset, address, size }: Place, p_flags: bigint, p_align: bigint): Uint8Array =>
  programHeader.encode({
    p_offset: offset,
    p_vaddr: address,
    p_paddr: address,
    p_type: PT.values.PT_LOAD,
    p_flags,
    p_filesz: size,
    p_memsz: size,
    p_align,
  })

interface NewSection extends Place {
  readonly name: string
  readonly flags: bigint
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
