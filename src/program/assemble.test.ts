import t from 'tap'
import type { SyscallName } from '../abi/syscalls.ts'
import { type Assembled, assemble, FIXED, type Layout, ProgramError } from './assemble.ts'
import { type Fields, RECORD_SIZE, readRecord } from './encode.ts'
import type { Op, Operand, SyscallOp } from './op.ts'
import {
  address,
  bytes,
  cell,
  int,
  jump,
  label,
  load,
  pointers,
  release,
  set,
  slot,
  slotIn,
  str,
  syscall,
} from './op.ts'

const origin = { intent: 'test' }
const exit: Op = syscall('exit_group', [int(0)], origin)
const CELLS = 0x1000
const DATA = 0x20000
const RECORDS = 0x30000
const layout: Layout = { cells: CELLS, data: () => DATA, records: () => RECORDS }

const assembled = (ops: readonly Op[], architecture: 'x86_64' | 'aarch64' = 'x86_64'): Assembled =>
  assemble(ops, architecture, 7, layout)

const decoded = ({ records }: Assembled, count: number): Fields[] => {
  const view = new DataView(records.buffer)
  return Array.from({ length: count }, (_, i) => readRecord(view, i * RECORD_SIZE))
}

/** What lies at an address behind the records. */
const dataAt = ({ data }: Assembled, at: number | bigint | undefined, length: number): string => {
  const start = Number(at) - DATA
  return Buffer.from(data.subarray(start, start + length)).toString('latin1')
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

t.test('cells lie in the order of first use, those with contents first', t => {
  const [zero, other] = [cell('zero', 3), slot('other')]
  const text = cell('text', 16, [new Uint8Array([1, 2, 3]), str('abc')])
  const image = assembled([
    set(other, address(zero), origin),
    set(slotIn(text, 8), load(other), origin),
    syscall('exit_group', [address(text, 4)], origin),
  ])
  const [first, second, third] = decoded(image, 3)
  const textAt = CELLS + FIXED.failure + 16
  t.same([first?.result, first?.operands[0]], [textAt + 16, BigInt(textAt + 16 + 8)])
  t.same([second?.result, second?.loads, second?.operands[0]], [textAt + 8, 1, BigInt(textAt + 16)])
  t.equal(third?.operands[0], BigInt(textAt + 4))
  t.equal(image.initial[FIXED.errorChannel], 7, 'the error channel has its first value')
  t.same([...image.initial.subarray(24, 28)], [1, 2, 3, DATA & 0xff])
  t.equal(image.memoryBytes, 24 + 16 + 8 + 8)
  t.end()
})

t.test('equal constants have one place, arrays point at their strings', t => {
  const argv = pointers([str('sh'), str('-c'), str('sh')])
  const image = assembled([syscall('execve', [str('sh'), argv, bytes(new Uint8Array([0x73, 0x68, 0]))], origin)])
  const [path, array, same] = decoded(image, 1)[0]?.operands ?? []
  t.equal(path, same)
  t.equal(dataAt(image, path, 3), 'sh\0')
  const view = new DataView(image.data.buffer, Number(array) - DATA)
  t.equal(Number(array) % 8, 0)
  const items = [0, 8, 16, 24].map(at => view.getBigUint64(at, true))
  t.same([items[0], items[2], items[3]], [path, path, 0n])
  t.equal(dataAt(image, items[1], 3), '-c\0')
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
  const call = (name: SyscallName, args: Operand[], rest: Pick<SyscallOp, 'on' | 'result'> = {}): Op =>
    syscall(name, args, origin, rest)
  const five = ['EPERM', 'ENOENT', 'EIO', 'EINTR', 'EBADF'] as const
  const cases: [string, Op[], RegExp][] = [
    ['empty', [], /empty program/],
    ['only a label', [there], /empty program/],
    ['lost label', [jump(lost, origin)], /op 0 \(test\): label lost is not in the program/],
    ['label twice', [there, exit, there, exit], /label there is placed twice/],
    ['label at the end', [exit, there], /label there has no op to go to/],
    ['seven arguments', [call('getpid', Array(7).fill(int(0))), exit], /op 0 .*7 arguments/],
    ['five errnos', [call('getpid', [], { on: { errnos: five } }), exit], /op 0 .*5 errnos/],
    ['no errno', [exit, call('getpid', [], { on: { errnos: [] } }), exit], /op 1 .*0 errnos/],
    ['falls off', [call('getpid', [])], /falls off its end after op 0/],
    [
      'falls off after a jump',
      [there, exit, jump(there, origin, { slot: slot('x'), mask: 1n, is: 'eq', value: 0n })],
      /off/,
    ],
    ['falls off after a failed execve', [call('execve', [], { on: { errnos: 'any' } })], /falls off/],
    ['too large', [call('exit_group', [int(2n ** 64n)])], /18446744073709551616 does not fit/],
    ['too small', [call('exit_group', [int(-(2n ** 63n) - 1n)])], /does not fit/],
    ['slot outside', [set(slotIn(cell('small', 4)), int(0), origin), exit], /8 bytes at 0 of cell small, which has 4/],
    ['cell overfull', [call('exit_group', [address(cell('c', 2, [new Uint8Array(3)]))])], /cell c has 2 bytes/],
  ]
  for (const [name, ops, message] of cases) {
    t.throws(() => assembled(ops), message, name)
    t.throws(() => assembled(ops), ProgramError, name)
  }
  t.throws(() => assembled([call('open', []), exit], 'aarch64'), /aarch64 has no system call open/)
  t.end()
})
