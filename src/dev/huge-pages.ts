// Lays an executable out so that the kernel can map it by huge pages. The engine has tens of MiB of instructions and
// constants; with small pages a command of milliseconds takes hundreds of page faults, a seventh of its time. A page of
// the page table's next level needs address and offset in the file to agree below 2 MiB; the kernel must also hold the
// file in such pieces, which ext4, XFS and tmpfs do, and elsewhere nothing is lost.
import { elfHeader, PF, PT, programHeader, sectionHeader } from '../abi/elf.ts'
import { Elf, type Segment } from './elf-file.ts'

const HUGE_PAGE = 1n << 21n

/** Segments that are written to are none: the first write would take the huge page apart. */
export const isOnlyRead = ({ p_type, p_flags }: Segment): boolean =>
  p_type === PT.values.PT_LOAD && (p_flags & PF.bits.PF_W) === 0n

/** How far what begins at `from` moves. */
interface Shift {
  readonly from: bigint
  readonly by: bigint
}

function shiftsOf(segments: readonly Segment[]): Shift[] {
  const shifts: Shift[] = []
  let by = 0n
  for (const { p_offset, p_vaddr } of segments.filter(isOnlyRead)) {
    by += BigInt.asUintN(21, p_vaddr - p_offset - by)
    shifts.push({ from: p_offset, by })
  }
  return shifts
}

/** The file with room before each segment that is only read. */
export function withHugePages(bytes: Uint8Array): Uint8Array {
  const elf = new Elf(bytes)
  const shifts = shiftsOf(elf.segments)
  const moved = (offset: bigint): bigint => offset + (shifts.findLast(({ from }) => offset >= from)?.by ?? 0n)
  const parts = shifts.flatMap(({ from, by }, i) => {
    const before = shifts[i - 1] ?? { from: 0n, by: 0n }
    return [bytes.subarray(Number(before.from), Number(from)), new Uint8Array(Number(by - before.by))]
  })
  const file = Buffer.concat([...parts, bytes.subarray(Number(shifts.at(-1)?.from ?? 0n))])

  const { e_phoff, e_shoff } = elf.header
  file.set(elfHeader.encode({ ...elf.header, e_shoff: moved(e_shoff) }))
  elf.segments.forEach((segment, i) => {
    const row = { ...segment, p_offset: moved(segment.p_offset), ...(isOnlyRead(segment) && { p_align: HUGE_PAGE }) }
    file.set(programHeader.encode(row), Number(e_phoff) + i * programHeader.size)
  })
  elf.sections.forEach((section, i) => {
    const row = { ...section, sh_offset: moved(section.sh_offset) }
    file.set(sectionHeader.encode(row), Number(moved(e_shoff)) + i * sectionHeader.size)
  })
  return file
}
