// Random programs: every op must be found again in its record.
import t from 'tap'
import { SYSCALLS, type SyscallName } from '../abi/syscalls.ts'
import { assemble } from './assemble.ts'
import { CONDITION, type Fields, FLAG, KIND, RECORD_SIZE, readRecord } from './encode.ts'
import type { Cell, Label, Op, Operand, Slot } from './op.ts'
import { address, cell, fail, jump, label, set, slotIn, syscall } from './op.ts'

const origin = { intent: 'test' }
const DATA = 0x20000
const RECORDS = 0x30000
const layout = { initialized: 0x1000, zeroed: 0x8000, constants: DATA, records: RECORDS }

const CELLS: readonly Cell[] = [
  cell('a', 8),
  cell('b', 32),
  cell('c', 16, [new Uint8Array(16).fill(9)]),
  cell('d', 4096),
]
const CALLS = ['getpid', 'mount', 'openat2', 'close', 'prctl'] as const satisfies SyscallName[]

t.test('programs of random ops are in the records what they were as ops', t => {
  for (let seed = 1; seed <= 40; seed++) {
    const ops = [...randomOps(seed), syscall('exit_group', [0], origin)]
    const { constants: data, records } = assemble(ops, 'x86_64', 3, layout)
    const view = new DataView(records.buffer)
    const seen: Seen = { ops, data, cells: new Map() }
    const numbered = ops.filter(op => op.kind !== 'label')
    const wrong = numbered.findIndex((op, i) => !isRecordOf(op, readRecord(view, i * RECORD_SIZE), seen))
    t.equal(wrong, -1, `seed ${seed}: ${numbered.length} ops`)
    t.ok(apart(seen.cells), `seed ${seed}: no two cells overlap`)
  }
  t.end()
})

/** Numbers that look random and are the same each time (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) % below
  }
}

function randomOps(seed: number): Op[] {
  const random = generator(seed)
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T // not empty
  const labels = Array.from({ length: 4 }, (_, i) => label(`l${i}`))
  const anySlot = (): Slot => {
    const of = pick(CELLS)
    return slotIn(of, random(of.size - 7))
  }
  const operand = (): Operand => {
    const makers: (() => Operand)[] = [
      () => BigInt(random(2 ** 32)) << BigInt(random(32)),
      () => -BigInt(random(5000)),
      () => 'x'.repeat(random(20)),
      () => anySlot(),
      () => address(pick(CELLS), random(8)),
      () => ({ kind: 'image', part: pick(['start', 'length']) }),
    ]
    return pick(makers)()
  }
  const operands = (): Operand[] => Array.from({ length: random(7) }, operand)
  const makers: (() => Op)[] = [
    () => syscall(pick(CALLS), operands(), origin),
    () =>
      syscall(pick(CALLS), operands(), origin, {
        result: anySlot(),
        on: { errnos: ['EIO', 'EPERM'], to: pick(labels) },
      }),
    () => syscall(pick(CALLS), operands(), origin, { on: { errnos: 'any' } }),
    () => jump(pick(labels), origin, { slot: anySlot(), mask: 0xffn, is: pick(['eq', 'ne', 'lt', 'ge']), value: 3n }),
    () => set(anySlot(), operand(), origin),
    () => fail(operand(), origin),
    () => fail(operand(), origin, { slot: anySlot(), mask: 0xffn, is: 'eq', value: 3n }),
    () => syscall(pick(CALLS), operands(), origin, { on: { errnos: ['EIO'] }, success: pick(labels), again: true }),
  ]
  const ops = Array.from({ length: 30 }, () => pick(makers)())
  for (const one of labels) ops.splice(random(ops.length), 0, one)
  return ops
}

// ---- a record read back against its op ----

interface Seen {
  readonly ops: readonly Op[]
  readonly data: Uint8Array
  /** Where each cell was found. */
  readonly cells: Map<Cell, number>
}

function isRecordOf(op: Exclude<Op, Label>, got: Fields, seen: Seen): boolean {
  const operandsAre = (operands: readonly Operand[]): boolean =>
    operands.every((operand, i) => isOperand(operand, i, got, seen))
  switch (op.kind) {
    case 'syscall':
      return (
        got.kind === KIND.SYSCALL &&
        got.number === SYSCALLS[op.name][0] &&
        got.flags >> FLAG.SUCCESS === (op.success === undefined ? 0 : 1) + (op.again ? 2 : 0) &&
        got.target === recordOf(op.success ?? op.on?.to, seen) &&
        (op.result === undefined ? got.result === 0 : isAt(op.result, got.result, seen)) &&
        operandsAre(op.args)
      )
    case 'jump':
      return got.target === recordOf(op.to, seen) && got.number === CONDITION[op.when?.is ?? 'always']
    case 'set':
      return isAt(op.slot, got.result, seen) && operandsAre([op.value])
    case 'fail':
      return (
        got.kind === KIND.JUMP &&
        got.target === 0 &&
        got.number === CONDITION[op.when?.is ?? 'always'] &&
        isOperand(op.status, 3, got, seen)
      )
    default:
      return op satisfies never
  }
}

function isOperand(operand: Operand, index: number, got: Fields, seen: Seen): boolean {
  const value = BigInt(got.operands[index] ?? 0)
  const loaded = ((got.flags >> index) & 1) === 1
  if (typeof operand === 'string') return !loaded && textAt(seen.data, Number(value) - DATA) === operand
  if (typeof operand !== 'object') return !loaded && BigInt.asUintN(64, BigInt(operand)) === value
  switch (operand.kind) {
    case 'slot':
      return loaded && isAt(operand, Number(value), seen)
    case 'address':
      return !loaded && isAt(operand, Number(value), seen)
    case 'data':
      return !loaded && textAt(seen.data, Number(value) - DATA) === operand.text
    case 'image':
      return !loaded && Number(value) % 0x1000 === 0
    default:
      return operand satisfies never
  }
}

/** Up to the NUL. */
function textAt(data: Uint8Array, start: number): string {
  return Buffer.from(data.subarray(start, data.indexOf(0, start))).toString()
}

function recordOf(to: Label | undefined, { ops }: Seen): number {
  if (to === undefined) return 0
  const before = ops.slice(0, ops.indexOf(to)).filter(op => op.kind !== 'label')
  return RECORDS + before.length * RECORD_SIZE
}

/** The same cell lies at the same place each time. */
function isAt({ cell, offset }: { cell: Cell; offset: number }, at: number, { cells }: Seen): boolean {
  const known = cells.get(cell) ?? at - offset
  cells.set(cell, known)
  return known === at - offset
}

function apart(cells: ReadonlyMap<Cell, number>): boolean {
  const sorted = [...cells].sort(([, a], [, b]) => a - b)
  return sorted.every(([cell, at], i) => at + cell.size <= (sorted[i + 1]?.[1] ?? Number.POSITIVE_INFINITY))
}
