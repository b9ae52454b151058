// How a snapshot lies in the executable: a segment that is only read, with a head of words, a table of mappings, and
// the pages that they map. resume.ts is what reads it.
import { MAP } from '../../abi/mman.ts'
import { type Area, type Frozen, REGISTERS } from './frozen.ts'

const PAGE = 4096
const WORD = 8

/** Offsets in the segment. */
export const HEAD = {
  registers: 0,
  /** struct epoll_event of x86_64, which has no padding. */
  epollEvent: REGISTERS.length * WORD,
  mappings: 128,
} as const

/** One call of mmap(2): what its arguments are, in words. The offset is from the segment's beginning. */
export const MAPPING = { address: 0, length: 8, protection: 16, flags: 24, offset: 32 } as const
export const MAPPING_SIZE = 40

export interface Segment {
  readonly bytes: Uint8Array
  /** Mappings that touch nothing which is there; and after them those that take the place of the engine's own memory. */
  readonly harmless: number
  readonly total: number
}

interface Mapping extends Area {
  readonly flags: bigint
  readonly content?: Uint8Array
}

/** `isOurs`: whether the executable itself has memory at this address, which has to go. */
export function layOut(frozen: Frozen, isOurs: (address: bigint) => boolean): Segment {
  const { MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE, MAP_FIXED_NOREPLACE } = MAP.bits
  const place = ({ address }: Area): bigint => (isOurs(address) ? MAP_FIXED : MAP_FIXED_NOREPLACE)
  const full = new Set(frozen.areas.flatMap(area => frozen.contents.find(content => covers(content, area)) ?? []))
  const mappings: Mapping[] = [
    ...[...full].map(({ bytes, ...area }) => ({ ...area, flags: MAP_PRIVATE | place(area), content: bytes })),
    ...frozen.areas
      .filter(area => ![...full].some(content => covers(content, area)))
      .map(area => ({ ...area, flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | place(area) })),
    ...frozen.contents
      .filter(content => !full.has(content))
      .map(({ bytes, ...area }) => ({ ...area, flags: MAP_PRIVATE | MAP_FIXED, content: bytes })),
  ]
  const harmless = mappings.filter(({ address }) => !isOurs(address))
  const ordered = [...harmless, ...mappings.filter(({ address }) => isOurs(address))]

  const head = Buffer.alloc(roundUp(HEAD.mappings + ordered.length * MAPPING_SIZE))
  REGISTERS.forEach((name, i) => {
    head.writeBigUInt64LE(frozen.registers[name], HEAD.registers + i * WORD)
  })
  head.writeUInt32LE(frozen.eventLoop.events, HEAD.epollEvent)
  head.writeBigUInt64LE(frozen.eventLoop.data, HEAD.epollEvent + 4)
  const parts: Uint8Array[] = [head]
  let offset = head.length
  ordered.forEach(({ address, length, protection, flags, content }, i) => {
    const at = HEAD.mappings + i * MAPPING_SIZE
    head.writeBigUInt64LE(address, at + MAPPING.address)
    head.writeBigUInt64LE(length, at + MAPPING.length)
    head.writeBigUInt64LE(protection, at + MAPPING.protection)
    head.writeBigUInt64LE(flags, at + MAPPING.flags)
    head.writeBigUInt64LE(BigInt(offset), at + MAPPING.offset)
    if (content === undefined) return
    parts.push(content)
    offset += content.length
  })
  return { bytes: Buffer.concat(parts), harmless: harmless.length, total: ordered.length }
}

const covers = (content: Area, { address, length }: Area): boolean =>
  content.address === address && content.length === length

const roundUp = (size: number): number => Math.ceil(size / PAGE) * PAGE
