// The record: what one op is in the image. 64 bytes, little endian; written by records.ts word by word, read by the
// interpreter (image/interpreter.ts takes the offsets from this table) and by readRecord.
//
//    0  kind       what to do: KIND
//    1  flags      bit i set: operand i is the address of the word to use; SUCCESS and AGAIN as below
//    2  number     SYSCALL: its number; JUMP: the condition
//    4  target     address of the record to go on with; 0: the next one
//    8  result     address of the word that gets the result; 0: none
//   12  errnos     4 bytes: errors after which the program goes on at target; 0 none, 255 any (in the first byte)
//   16  operands   6 words: SYSCALL its arguments; SET the value;
//                  JUMP value, mask, compared with, and the status with which it ends the program if target is 0
import { defineStruct } from '../abi/define.ts'

export const KIND = { SYSCALL: 0, JUMP: 1, SET: 2 } as const
export const CONDITION = { always: 0, eq: 1, ne: 2, lt: 3, ge: 4 } as const
export const ANY_ERRNO = 255
export const MAX_ERRNOS = 4
export const MAX_OPERANDS = 6

/** Bits of `flags`, by their numbers. */
export const FLAG = {
  /** It is a success that goes on at target; an expected error goes on with the next record. */
  SUCCESS: 6,
  /** After EAGAIN the call is made again. */
  AGAIN: 7,
} as const

export const record = defineStruct('tsrunc record', {
  kind: 'u8',
  flags: 'u8',
  number: 'u16',
  target: 'u32',
  result: 'u32',
  errno_0: 'u8',
  errno_1: 'u8',
  errno_2: 'u8',
  errno_3: 'u8',
  operand_0: 'u64',
  operand_1: 'u64',
  operand_2: 'u64',
  operand_3: 'u64',
  operand_4: 'u64',
  operand_5: 'u64',
})

/** What follows from that, at hand: every start would have to lay it out. */
export const RECORD_SIZE = 64
export const AT = { kind: 0, flags: 1, number: 2, target: 4, result: 8, errnos: 12, operands: 16 } as const

export interface Fields {
  readonly kind: number
  readonly flags: number
  readonly number: number
  readonly target: number
  readonly result: number
  readonly errnos: readonly number[]
  readonly operands: readonly bigint[]
}

/** All four errnos and all six operands, the operands as unsigned words. */
export function readRecord(view: DataView, at: number): Fields {
  return {
    kind: view.getUint8(at + AT.kind),
    flags: view.getUint8(at + AT.flags),
    number: view.getUint16(at + AT.number, true),
    target: view.getUint32(at + AT.target, true),
    result: view.getUint32(at + AT.result, true),
    errnos: Array.from({ length: MAX_ERRNOS }, (_, i) => view.getUint8(at + AT.errnos + i)),
    operands: Array.from({ length: MAX_OPERANDS }, (_, i) => view.getBigUint64(at + AT.operands + 8 * i, true)),
  }
}
