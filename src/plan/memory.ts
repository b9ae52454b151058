// Conditions on what the kernel has written into a struct, and the struct that statx(2) fills.
// The image compares whole words only, so a narrower field is reached by the mask of its bits in the word around it.
import type { FieldType, Struct } from '../abi/define.ts'
import { S, STATX, statx } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import {
  address,
  type CallRest,
  type Cell,
  type Condition,
  cell,
  type Op,
  type Operand,
  slotIn,
  syscall,
  type Text,
  wordsOf,
} from '../program/op.ts'
import { ALL_BITS } from './context.ts'

const BITS: Record<FieldType, bigint> = { u8: 8n, u16: 16n, u32: 32n, u64: 64n, i32: 32n, i64: 64n }

const SIGN: Record<Condition['is'], string> = { eq: '==', ne: '!=', lt: '<', ge: '>=' }

interface FieldRest {
  readonly mask?: bigint
  /** What the value is called. */
  readonly named?: Text
}

/** (memory.field & mask) compared with value; the field is read as unsigned. */
export function field<Name extends string>(
  memory: Cell,
  layout: Struct<Name>,
  name: Name,
  is: Condition['is'],
  value: bigint,
  { mask, named }: FieldRest = {},
): Condition {
  const offset = layout.offset(name)
  const shift = BigInt(offset % 8) * 8n
  const all = (1n << BITS[layout.fields[name]]) - 1n
  return {
    slot: slotIn(memory, offset - (offset % 8)),
    mask: (mask ?? all) << shift,
    is,
    value: value << shift,
    text: () => `${name} ${SIGN[is]} ${named === undefined ? value : wordsOf(named)}`,
  }
}

/** What statx(2) says of a file: the op that asks, and conditions on the answer. */
interface Looked {
  readonly op: Op
  readonly memory: Cell
}

/** `path` below `directory`; the empty path with AT_EMPTY_PATH is the descriptor itself. */
export function look(directory: Operand, path: string, flags: bigint, origin: Origin, rest?: CallRest): Looked {
  const memory = cell('statx', statx.size)
  const args = [directory, path, flags, STATX.bits.STATX_BASIC_STATS, address(memory)]
  return { op: syscall('statx', args, origin, rest), memory }
}

/** The file is (or with 'ne' is not) of this kind: S_IFCHR, S_IFDIR, … */
export const kindIs = (looked: Looked, is: 'eq' | 'ne', kind: bigint): Condition =>
  field(looked.memory, statx, 'stx_mode', is, kind, { mask: S.bits.S_IFMT, named: () => S.format(kind) })

/** The numbers of a device node; both stand in one word. */
export const deviceIs = (looked: Pick<Looked, 'memory'>, is: 'eq' | 'ne', major: number, minor: number): Condition => ({
  slot: slotIn(looked.memory, statx.offset('stx_rdev_major')),
  mask: ALL_BITS,
  is,
  value: BigInt(major) | (BigInt(minor) << 32n),
  text: () => `stx_rdev ${SIGN[is]} ${major}:${minor}`,
})
