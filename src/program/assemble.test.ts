import t from 'tap'
import type { SyscallName } from '../abi/syscalls.ts'
import { type Assembled, assemble, FIXED } from './assemble.ts'
import { type Fields, FLAG, RECORD_SIZE, readRecord } from './encode.ts'
import type { Layout } from './memory.ts'
import type { CallRest, Op, Operand } from './op.ts'
import { address, bytes, cell, fail, jump, label, pointers, release, set, slot, slotIn, syscall } from './op.ts'
import { ProgramError } from './records.ts'

const origin = { intent: 'test' }
const exit: Op = syscall('exit_group', [0], origin)
const CELLS = 0x1000
const ZEROED = 0x8000
const DATA = 0x20000
const RECORDS = 0x30000
const layout: Layout = { initialized: CELLS, zeroed: ZEROED, constants: DATA, records: RECORDS }

const assembled = (ops: readonly Op[], architecture: 'x86_64' | 'aarch64' = 'x86_64'): Assembled =>
  assemble(ops, architecture, 7, layout)

const decoded = ({ records }: Assembled, count: number): Fields[] => {
  const view = new DataView(records.buffer)
  return Array.from({ length: count }, (_, i) => readRecord(view, i * RECORD_SIZE))
}

/** What lies at an address behind the records. */
const dataAt = ({ constants }: Assembled, at: number | bigint | undefined, length: number): string => {
  const start = Number(at) - DATA
  return Buffer.from(constants.subarray(start, start + length)).toString('latin1')
}

t.test('labels become addresses of records', t => {
  const [start, end] = [label('start'), label('end')]
  const on = { errnos: ['ENOENT', 'EPERM'], to: end } as const
  const image = assembled([start, syscall('getpid', [], origin, { on }), jump(start, origin), end, exit])
  const [call, back] = decoded(image, 3)
  t.equal(call?.target, RECORDS + 2 * RECORD_SIZE)
  t.same(call?.errnos, [2, 1, 0, 0])
  t.equal(back?.target, RECORDS)
  t.end()
})

t.test('cells lie in the order of first use, those with contents apart', t => {
  const [zero, other] = [cell('zero', 3), slot('other')]
  const text = cell('text', 16, [new Uint8Array([1, 2, 3]), 'abc'])
  const image = assembled([
    set(other, address(zero), origin),
    set(slotIn(text, 8), other, origin),
    syscall('exit_group', [address(text, 4)], origin),
  ])
  const [first, second, third] = decoded(image, 3)
  const textAt = CELLS + FIXED.failure + 16
  t.same([first?.operands[0], first?.result], [BigInt(ZEROED), ZEROED + 8])
  t.same([second?.result, second?.flags, second?.operands[0]], [textAt + 8, 1, BigInt(ZEROED + 8)])
  t.equal(third?.operands[0], BigInt(textAt + 4))
  t.equal(image.initialized[FIXED.errorChannel], 7, 'the error channel has its first value')
  t.same([...image.initialized.subarray(24, 30)], [1, 2, 3, DATA & 0xff, (DATA >> 8) & 0xff, DATA >> 16])
  t.same([image.initialized.length, image.zeroedBytes], [24 + 16, 8 + 8])
  t.end()
})

t.test('equal texts have one place, arrays point at their texts', t => {
  const argv = pointers(['sh', '-c', 'sh'])
  const image = assembled([syscall('execve', ['sh', argv, 'sh', bytes(new Uint8Array([1])), 'é'], origin)])
  const [path, array, same, constant, last] = decoded(image, 1)[0]?.operands ?? []
  t.equal(path, same)
  t.equal(dataAt(image, path, 3), 'sh\0')
  const view = new DataView(image.constants.buffer, Number(array) - DATA)
  t.same([Number(array) % 8, Number(constant) % 8], [0, 0])
  const items = [0, 8, 16, 24].map(at => view.getBigUint64(at, true))
  t.same([items[0], items[2], items[3]], [path, path, 0n])
  t.equal(dataAt(image, items[1], 3), '-c\0')
  t.equal(Buffer.from(dataAt(image, last, 3), 'latin1').toString(), 'é\0')
  t.end()
})

t.test('many and long texts', t => {
  const texts = Array.from({ length: 500 }, (_, i) => `${i}${'x'.repeat(i)}`)
  const image = assembled([syscall('execve', ['sh', pointers(texts), pointers(texts)], origin)])
  const [, array] = decoded(image, 1)[0]?.operands ?? []
  const view = new DataView(image.constants.buffer, Number(array) - DATA)
  texts.forEach((text, i) => {
    const at = view.getBigUint64(8 * i, true)
    if (dataAt(image, at, text.length + 1) !== `${text}\0`) t.fail(`text ${i}`)
  })
  t.end()
})

t.test('a call that goes on elsewhere after a success, or is made again', t => {
  const end = label('end')
  const image = assembled([
    syscall('getpid', [], origin, { on: { errnos: ['EIO'] }, success: end, again: true }),
    end,
    exit,
  ])
  const [call] = decoded(image, 1)
  t.same([call?.target, call?.errnos], [RECORDS + RECORD_SIZE, [5, 0, 0, 0]])
  t.equal(call?.flags, (1 << FLAG.SUCCESS) | (1 << FLAG.AGAIN))
  t.end()
})

t.test('a program ends as by a jump to nowhere', t => {
  const status = slot('status')
  const image = assembled([fail(5, origin, { slot: status, mask: 3n, is: 'ne', value: 1n }), fail(status, origin)])
  const [when, always] = decoded(image, 2)
  t.match(when, { kind: 1, number: 2, target: 0, flags: 1, operands: [BigInt(ZEROED), 3n, 1n, 5n] })
  t.match(always, { kind: 1, number: 0, target: 0, flags: 8, operands: [0n, 0n, 0n, BigInt(ZEROED)] })
  t.end()
})

t.test('a release covers whole pages of the records before it', t => {
  const filler = Array.from({ length: 200 }, () => syscall('getpid', [], origin))
  const image = assembled([release(origin), ...filler, release(origin), exit])
  const all = decoded(image, 202)
  t.same(all[0]?.operands.slice(0, 3), [BigInt(RECORDS), 0n, 4n], 'nothing yet')
  const [start, length] = all[201]?.operands ?? []
  const own = RECORDS + 201 * RECORD_SIZE
  t.equal(start, BigInt(RECORDS))
  t.equal(Number(start) + Number(length), own - (own % 4096))
  t.end()
})

t.test('what could not run is refused, and the message says which op', t => {
  const [there, lost] = [label('there'), label('lost')]
  const call = (name: SyscallName, args: Operand[], rest: CallRest = {}): Op => syscall(name, args, origin, rest)
  const five = ['EPERM', 'ENOENT', 'EIO', 'EINTR', 'EBADF'] as const
  const cases: [string, Op[], RegExp][] = [
    ['empty', [], /empty program/],
    ['only a label', [there], /empty program/],
    ['lost label', [jump(lost, origin)], /op 0 \(test\): label lost is not in the program/],
    ['label twice', [there, exit, there, exit], /label there is placed twice/],
    ['label at the end', [exit, there], /label there has no op to go to/],
    ['seven arguments', [call('getpid', Array(7).fill(0)), exit], /op 0 .*7 arguments/],
    ['five errnos', [call('getpid', [], { on: { errnos: five } }), exit], /op 0 .*5 errnos/],
    ['no errno', [exit, call('getpid', [], { on: { errnos: [] } }), exit], /op 1 .*0 errnos/],
    ['falls off', [call('getpid', [])], /falls off its end after op 0/],
    [
      'falls off after a jump',
      [there, exit, jump(there, origin, { slot: slot('x'), mask: 1n, is: 'eq', value: 0n })],
      /off/,
    ],
    ['falls off after a condition', [fail(1, origin, { slot: slot('x'), mask: 1n, is: 'eq', value: 0n })], /falls off/],
    ['two ways on', [call('getpid', [], { on: { errnos: 'any', to: there }, success: there }), there, exit], /both/],
    ['a NUL in a text', [call('chdir', ['a\0b']), exit], /op 0 .*holds a NUL/],
    ['half a number', [call('exit_group', [0.5])], /op 0/],
    ['falls off after a failed execve', [call('execve', [], { on: { errnos: 'any' } })], /falls off/],
    ['too large', [call('exit_group', [2n ** 64n])], /18446744073709551616 does not fit/],
    ['too small', [call('exit_group', [-(2n ** 63n) - 1n])], /does not fit/],
    ['slot outside', [set(slotIn(cell('small', 4)), 0, origin), exit], /8 bytes at 0 of cell small, which has 4/],
    ['cell overfull', [call('exit_group', [address(cell('c', 2, [new Uint8Array(3)]))])], /cell c has 2 bytes/],
  ]
  for (const [name, ops, message] of cases) {
    t.throws(() => assembled(ops), message, name)
    t.throws(() => assembled(ops), ProgramError, name)
  }
  t.throws(() => assembled([call('open', []), exit], 'aarch64'), /aarch64 has no system call open/)
  t.end()
})
