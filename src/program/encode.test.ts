import t from 'tap'
import { AT, type Fields, RECORD_SIZE, readRecord, record } from './encode.ts'

t.test('a record has the layout that is drawn', t => {
  t.equal(RECORD_SIZE, 64)
  t.same(AT, { kind: 0, flags: 1, number: 2, target: 4, result: 8, errnos: 12, operands: 16 })
  t.end()
})

t.test('the reader and the struct of the table agree', t => {
  const bytes = record.encode({ kind: 2, flags: 3, number: 4, target: 5, result: 6, errno_3: 7, operand_5: 8 })
  const operands = [0n, 0n, 0n, 0n, 0n, 8n]
  const fields: Fields = { kind: 2, flags: 3, number: 4, target: 5, result: 6, errnos: [0, 0, 0, 7], operands }
  t.same(readRecord(new DataView(bytes.buffer), 0), fields)
  t.end()
})
