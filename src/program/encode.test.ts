import t from 'tap'
import { ANY_ERRNO, AT, type Fields, KIND, RECORD_SIZE, readRecord, record, writeRecord } from './encode.ts'

const none: Fields = { kind: 0, loads: 0, number: 0, target: 0, result: 0, errnos: [], operands: [] }

function roundTrip(fields: Fields): Fields {
  const bytes = new Uint8Array(3 * RECORD_SIZE)
  writeRecord(new DataView(bytes.buffer), RECORD_SIZE, fields)
  t.ok(
    bytes.every((byte, i) => byte === 0 || (i >= RECORD_SIZE && i < 2 * RECORD_SIZE)),
    'writes nothing outside of its place',
  )
  return readRecord(new DataView(bytes.buffer), RECORD_SIZE)
}

/** What readRecord gives back: all places, operands as unsigned words. */
const full = (fields: Fields): Fields => ({
  ...fields,
  errnos: [0, 1, 2, 3].map(i => fields.errnos[i] ?? 0),
  operands: [0, 1, 2, 3, 4, 5].map(i => BigInt.asUintN(64, BigInt(fields.operands[i] ?? 0))),
})

t.test('a record has the layout that is drawn', t => {
  t.equal(RECORD_SIZE, 64)
  t.same(AT, { kind: 0, loads: 1, number: 2, target: 4, result: 8, errnos: 12, operands: 16 })
  t.end()
})

t.test('every kind there and back', t => {
  const call: Fields = {
    kind: Number(KIND.values.SYSCALL),
    loads: 0b101,
    number: 437,
    target: 0x410200,
    result: 0xfffffff8,
    errnos: [2, 20, 40, 133],
    operands: [-100n, 0x400108, 0n, 2n ** 64n - 1n, 1n, -1n],
  }
  const kinds: Fields[] = [
    call,
    { ...call, errnos: [ANY_ERRNO], operands: [] },
    { ...none, kind: Number(KIND.values.JUMP), loads: 1, number: 4, target: 64, operands: [8, 2n ** 63n, 7n] },
    { ...none, kind: Number(KIND.values.SET), result: 0x400120, operands: [0xffffffff] },
    { ...none, kind: Number(KIND.values.FAIL), operands: [2n ** 40n] },
  ]
  for (const fields of kinds) t.same(roundTrip(fields), full(fields))
  t.end()
})

t.test('the reader and the struct of the table agree', t => {
  const bytes = record.encode({ kind: 2, loads: 3, number: 4, target: 5, result: 6, errno_3: 7, operand_5: 8 })
  const fields: Fields = { kind: 2, loads: 3, number: 4, target: 5, result: 6, errnos: [0, 0, 0, 7], operands: [] }
  t.same(readRecord(new DataView(bytes.buffer), 0), full({ ...fields, operands: [0, 0, 0, 0, 0, 8] }))
  t.end()
})
