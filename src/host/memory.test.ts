import t from 'tap'
import { terminated, withMemory } from './memory.ts'

const read = (bytes: Uint8Array, at = 0): bigint => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true)

t.test('memory is zeroed, aligned, nested and given back', t => {
  const first = withMemory(memory => {
    const a = memory.reserve(3)
    a.bytes.fill(0xff)
    const b = memory.reserve(8)
    t.equal(b.address - a.address, 16n)
    withMemory(inner => t.equal(inner.reserve(1).address - b.address, 16n))
    t.equal(memory.reserve(1).address - b.address, 16n, 'the inner part is free again')
    return a.address
  })
  withMemory(memory => {
    const again = memory.reserve(3)
    t.equal(again.address, first)
    t.same([...again.bytes], [0, 0, 0])
  })
  t.end()
})

t.test('it is given back after an error too', t => {
  const address = withMemory(memory => memory.reserve(1).address)
  t.throws(() => withMemory(memory => memory.string('a\0b')), /NUL byte/)
  t.equal(
    withMemory(memory => memory.reserve(1).address),
    address,
  )
  t.end()
})

t.test('more than the arena holds', t => {
  withMemory(memory => {
    const large = memory.reserve(1_000_000)
    t.equal(large.bytes.length, 1_000_000)
    t.ok(large.bytes.every(byte => byte === 0))
    const small = memory.reserve(16)
    large.bytes.fill(1)
    t.ok(small.bytes.every(byte => byte === 0))
  })
  t.end()
})

t.test('an array of strings is an array of their addresses', t => {
  withMemory(memory => {
    const start = memory.reserve(1)
    const address = memory.strings(['init', 'ä'])
    t.equal(address - start.address, 16n)
    const all = new Uint8Array(start.bytes.buffer, start.bytes.byteOffset)
    const text = (pointer: bigint): string => {
      const at = Number(pointer - start.address)
      return Buffer.from(all.subarray(at, all.indexOf(0, at))).toString()
    }
    t.equal(text(read(all, 16)), 'init')
    t.equal(text(read(all, 24)), 'ä')
    t.equal(read(all, 32), 0n)
  })
  t.same([...terminated('ab')], [97, 98, 0])
  t.end()
})
