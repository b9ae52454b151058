// A program as text: one line an op, its call decoded, what happens on an error, and why it is there. The numbers are
// those of the records, which error messages name too. Also the same as JSON, and one call alone for an error.
import type { Architecture } from '../abi/architecture.ts'
import { printConstant } from './calls.ts'
import {
  type Cell,
  type Condition,
  type FailOp,
  type Label,
  type Op,
  type Operand,
  type Slot,
  type SyscallOp,
  wordsOf,
} from './op.ts'

type Numbered = Exclude<Op, Label>

/** Names of labels and cells; of several of one name, the later ones get a number. */
class Names {
  readonly #names = new Map<Cell | Label, string>()
  readonly #counts = new Map<string, number>()

  of(thing: Cell | Label): string {
    const known = this.#names.get(thing)
    if (known !== undefined) return known
    const plain = wordsOf(thing.name)
    const key = `${thing.kind} ${plain}`
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    const name = count === 1 ? plain : `${plain}#${count}`
    this.#names.set(thing, name)
    return name
  }

  /** "pid", "message+8" */
  place(cell: Cell, offset: number): string {
    return offset === 0 ? this.of(cell) : `${this.of(cell)}+${offset}`
  }

  slot(slot: Slot): string {
    return this.place(slot.cell, slot.offset)
  }
}

function operandText(operand: Operand, names: Names, constant: (value: bigint) => string): string {
  if (typeof operand === 'string') return JSON.stringify(operand)
  if (typeof operand !== 'object') return constant(BigInt(operand))
  switch (operand.kind) {
    case 'slot':
      return names.slot(operand)
    case 'data':
      return wordsOf(operand.text)
    case 'address':
      return `&${names.place(operand.cell, operand.offset)}`
    case 'image':
      return operand.part === 'start' ? '<image>' : '<up to here>'
    default:
      return operand satisfies never
  }
}

type Call = Pick<SyscallOp, 'name' | 'args'>

function callArguments(op: Call, architecture: Architecture, names: Names): string[] {
  const constants = op.args.map(arg => (typeof arg === 'number' || typeof arg === 'bigint' ? BigInt(arg) : undefined))
  return op.args.map((arg, index) =>
    operandText(arg, names, value => printConstant(op.name, index, value, { architecture, constants })),
  )
}

/** What an op does, in the listing's words. */
function action(op: Numbered, architecture: Architecture, names: Names): string {
  switch (op.kind) {
    case 'syscall': {
      const call = `${op.name}(${callArguments(op, architecture, names).join(', ')})`
      return op.result === undefined ? call : `${call} = ${names.slot(op.result)}`
    }
    case 'jump':
      return `goto ${names.of(op.to)}${op.when === undefined ? '' : ` if ${conditionText(op.when, names)}`}`
    case 'set':
      return `${names.slot(op.slot)} = ${operandText(op.value, names, String)}`
    case 'fail':
      return failText(op, architecture, names)
    default:
      return op satisfies never
  }
}

function failText(op: FailOp, architecture: Architecture, names: Names): string {
  const { status, when, inPlaceOf } = op
  const text = `fail ${operandText(status, names, String)}`
  if (inPlaceOf !== undefined) return `${text} in place of ${action(inPlaceOf, architecture, names)}`
  return when === undefined ? text : `${text} if ${conditionText(when, names)}`
}

const COMPARISON = { eq: '==', ne: '!=', lt: '<', ge: '>=' } as const satisfies Record<Condition['is'], string>
const ALL_BITS = 0xffffffffffffffffn

function conditionText({ slot, mask, is, value, text }: Condition, names: Names): string {
  if (text !== undefined) return wordsOf(text)
  const whole = BigInt.asUintN(64, mask) === ALL_BITS
  const left = whole ? names.slot(slot) : `${names.slot(slot)} & 0x${mask.toString(16)}`
  return `${left} ${COMPARISON[is]} ${value}`
}

/** "ENOENT|ENOTDIR → missing", "ignore EPERM", "success → done, ignore EEXIST", "again after EAGAIN" */
function policyText({ on, success, again }: SyscallOp, names: Names): string {
  const parts = success === undefined ? [] : [`success → ${names.of(success)}`]
  if (on !== undefined) {
    const errnos = on.errnos === 'any' ? 'any error' : on.errnos.join('|')
    parts.push(on.to === undefined ? `ignore ${errnos}` : `${errnos} → ${names.of(on.to)}`)
  }
  if (again) parts.push('again after EAGAIN')
  return parts.join(', ')
}

const COMMENT_COLUMN = 72

/** One line an op; a label has a line of its own, before the op that it names. */
export function listing(ops: readonly Op[], architecture: Architecture): string {
  const names = new Names()
  const width = Math.max(3, String(ops.length).length)
  let number = 0
  const lines = ops.map(op => {
    if (op.kind === 'label') return `${names.of(op)}:`
    const policy = op.kind === 'syscall' ? policyText(op, names) : ''
    const call = `${String(number++).padStart(width)}  ${action(op, architecture, names)}`
    const text = policy === '' ? call : `${call}  ${policy}`
    const { pointer, intent } = op.origin
    return `${text.padEnd(COMMENT_COLUMN)}  # ${pointer === undefined ? '' : `${pointer}: `}${intent}`
  })
  return `${lines.join('\n')}\n`
}

/** An op as `tsrunc plan --format json` prints it. */
export interface ListedOp {
  readonly op: number
  readonly labels?: readonly string[]
  readonly kind: Numbered['kind']
  readonly syscall?: string
  readonly args?: readonly string[]
  readonly result?: string
  readonly on?: { readonly errnos: readonly string[] | 'any'; readonly to?: string }
  /** Where a success goes on. */
  readonly success?: string
  /** Made again after EAGAIN. */
  readonly again?: true
  /** What a control op does, as in the text. */
  readonly action?: string
  readonly pointer?: string
  readonly intent: string
}

export function listingJson(ops: readonly Op[], architecture: Architecture): ListedOp[] {
  const names = new Names()
  const listed: ListedOp[] = []
  let labels: string[] = []
  for (const op of ops)
    if (op.kind === 'label') labels.push(names.of(op))
    else {
      const place = labels.length === 0 ? { op: listed.length } : { op: listed.length, labels }
      listed.push({ ...place, kind: op.kind, ...details(op, architecture, names), ...op.origin })
      labels = []
    }
  return listed
}

function details(op: Numbered, architecture: Architecture, names: Names): Partial<ListedOp> {
  if (op.kind !== 'syscall') return { action: action(op, architecture, names) }
  const { result, on, success, again } = op
  return {
    syscall: op.name,
    args: callArguments(op, architecture, names),
    ...(result === undefined ? {} : { result: names.slot(result) }),
    ...(on === undefined
      ? {}
      : { on: on.to === undefined ? { errnos: on.errnos } : { errnos: on.errnos, to: names.of(on.to) } }),
    ...(success === undefined ? {} : { success: names.of(success) }),
    ...(again ? { again } : {}),
  }
}

/** One call alone, as an error prints it. */
export function describe(op: Call, architecture: Architecture): { syscall: string; args: string[] } {
  return { syscall: op.name, args: callArguments(op, architecture, new Names()) }
}
