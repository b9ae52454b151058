import t from 'tap'
import { AT, type Fields, RECORD_SIZE, readRecord, record } from './encode.ts'

t.test('a record has the layout that is drawn', t => {
  t.equal(record.size, RECORD_SIZE)
  const { errnos, operands, ...same } = AT
  for (const name of Object.keys(same) as (keyof typeof same)[]) t.equal(record.offset(name), AT[name], name)
  t.same([record.offset('errno_0'), record.offset('operand_0')], [errnos, operands])
  t.end()
})

t.test('the reader and the struct of the table agree', t => {
  const bytes = record.encode({ kind: 2, flags: 3, number: 4, target: 5, result: 6, errno_3: 7, operand_5: 8 })
  const operands = [0n, 0n, 0n, 0n, 0n, 8n]
  const fields: Fields = { kind: 2, flags: 3, number: 4, target: 5, result: 6, errnos: [0, 0, 0, 7], operands }
  t.same(readRecord(new DataView(bytes.buffer), 0), fields)
  t.end()
})
