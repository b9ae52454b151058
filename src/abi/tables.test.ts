// What the tables must be without any header at hand: makers that format, encode and refuse; names there and back.
import t from 'tap'
import { CAP, capabilityName } from './capability.ts'
import { defineEnum, defineFlags, defineStruct } from './define.ts'
import { openFlags } from './fcntl.ts'
import { MS } from './mount.ts'
import { SIG, signalName, signalNumber } from './signal.ts'
import { SYSCALLS } from './syscalls.ts'

t.test('flags are printed by name, combinations before their parts', t => {
  t.equal(MS.format(MS.bits.MS_NOSUID | MS.bits.MS_BIND | (1n << 40n)), 'MS_NOSUID|MS_BIND|0x10000000000')
  t.equal(MS.format(0n), '0')
  const both = defineFlags('test', { A: 1n, B: 2n, AB: 3n })
  t.equal(both.format(3n), 'AB')
  t.equal(both.format(2n), 'B')
  t.end()
})

t.test('an enumeration prints the first name of a value, or the number', t => {
  const table = defineEnum('test', { A: 1n, ALIAS: 1n, MINUS: -3n })
  t.same([1n, -3n, 7n].map(table.format), ['A', 'MINUS', '7'])
  t.end()
})

t.test('a struct has natural alignment and refuses what does not fit', t => {
  const layout = defineStruct('test', { a: 'u8', b: 'u32', c: 'i64', d: 'u16' })
  t.same([layout.offset('b'), layout.offset('c'), layout.offset('d'), layout.size], [4, 8, 16, 24])
  t.same(layout.decode(layout.encode({ a: 255, c: -2n, d: 7 })), { a: 255n, b: 0n, c: -2n, d: 7n })
  t.throws(() => layout.encode({ a: 256 }), RangeError)
  t.throws(() => layout.encode({ b: -1 }), RangeError)
  t.end()
})

t.test('open flags differ by architecture', t => {
  const differing = ['O_DIRECT', 'O_DIRECTORY', 'O_NOFOLLOW'] as const
  const values = (architecture: 'x86_64' | 'aarch64') => differing.map(name => openFlags(architecture).bits[name])
  t.same(values('x86_64'), [0x4000n, 0x10000n, 0x20000n])
  t.same(values('aarch64'), [0x10000n, 0x4000n, 0x8000n])
  t.equal(openFlags('aarch64').format(0x84000n), 'O_DIRECTORY|O_CLOEXEC')
  t.end()
})

t.test('signals by name, number and distance', t => {
  const cases: [string, number | undefined][] = [
    ['SIGTERM', 15],
    ['term', 15],
    ['SigKill', 9],
    ['IOT', 6],
    ['64', 64],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['0', undefined],
    ['65', undefined],
    ['RTMIN+31', undefined],
    ['RTMAX-31', undefined],
    ['SIGNOPE', undefined],
    ['', undefined],
    ['-9', undefined],
    ['constructor', undefined],
  ]
  for (const [text, number] of cases) t.equal(signalNumber(text), number, JSON.stringify(text))
  for (const [name, number] of Object.entries(SIG)) t.equal(signalNumber(name), number, name)
  t.same([15, 36, 64, 32, 65].map(signalName), ['SIGTERM', 'SIGRTMIN+2', 'SIGRTMAX', undefined, undefined])
  t.end()
})

t.test('capabilities have every number from 0 to 40 once', t => {
  t.same(
    Object.values(CAP),
    Array.from({ length: 41 }, (_, number) => number),
  )
  t.equal(capabilityName(21), 'CAP_SYS_ADMIN')
  t.equal(capabilityName(41), undefined)
  t.end()
})

t.test('no system call number is there twice', t => {
  for (const column of [0, 1] as const) {
    const numbers = Object.values(SYSCALLS).flatMap(row => row[column] ?? [])
    t.equal(new Set(numbers).size, numbers.length)
  }
  t.end()
})
