// The record: what one op is in the image. 64 bytes, little endian; written here, read by the interpreter
// (image/interpreter.ts takes the offsets from this table) and by readRecord.
//
//    0  kind       what to do: KIND
//    1  loads      bit i set: operand i is the address of the word to use
//    2  number     SYSCALL: its number; JUMP: the condition
//    4  target     address of the record to go on with; 0: the next one
//    8  result     address of the word that gets the result; 0: none
//   12  errnos     4 bytes: errors after which the program goes on at target; 0 none, 255 any (in the first byte)
//   16  operands   6 words: SYSCALL its arguments; JUMP value, mask, compared with; SET, FAIL the value
import { defineEnum, defineStruct } from '../abi/define.ts'

export const KIND = defineEnum('tsrunc record', { SYSCALL: 0n, JUMP: 1n, SET: 2n, FAIL: 3n })
export const CONDITION = defineEnum('tsrunc record', { always: 0n, eq: 1n, ne: 2n, lt: 3n, ge: 4n })
export const ANY_ERRNO = 255
export const MAX_ERRNOS = 4
export const MAX_OPERANDS = 6

export const record = defineStruct('tsrunc record', {
  kind: 'u8',
  loads: 'u8',
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

export const RECORD_SIZE = record.size
export const AT = {
  kind: record.offset('kind'),
  loads: record.offset('loads'),
  number: record.offset('number'),
  target: record.offset('target'),
  result: record.offset('result'),
  errnos: record.offset('errno_0'),
  operands: record.offset('operand_0'),
} as const

export interface Fields {
  readonly kind: number
  readonly loads: number
  readonly number: number
  readonly target: number
  readonly result: number
  readonly errnos: readonly number[]
  /** Addresses are numbers, constants are bigint; a negative one is written as its two's complement. */
  readonly operands: readonly (number | bigint)[]
}

/** The place must hold zeros. Written field by field instead of with record.encode: this is the hot loop of a build. */
export function writeRecord(view: DataView, at: number, fields: Fields): void {
  view.setUint8(at + AT.kind, fields.kind)
  view.setUint8(at + AT.loads, fields.loads)
  view.setUint16(at + AT.number, fields.number, true)
  view.setUint32(at + AT.target, fields.target, true)
  view.setUint32(at + AT.result, fields.result, true)
  for (let i = 0; i < fields.errnos.length; i++) view.setUint8(at + AT.errnos + i, fields.errnos[i] ?? 0)
  for (let i = 0; i < fields.operands.length; i++) {
    const value = fields.operands[i] ?? 0
    if (typeof value === 'number') view.setUint32(at + AT.operands + 8 * i, value, true)
    else view.setBigUint64(at + AT.operands + 8 * i, value, true)
  }
}

/** All four errnos and all six operands, the operands as unsigned words. */
export function readRecord(view: DataView, at: number): Fields {
  return {
    kind: view.getUint8(at + AT.kind),
    loads: view.getUint8(at + AT.loads),
    number: view.getUint16(at + AT.number, true),
    target: view.getUint32(at + AT.target, true),
    result: view.getUint32(at + AT.result, true),
    errnos: Array.from({ length: MAX_ERRNOS }, (_, i) => view.getUint8(at + AT.errnos + i)),
    operands: Array.from({ length: MAX_OPERANDS }, (_, i) => view.getBigUint64(at + AT.operands + 8 * i, true)),
  }
}
