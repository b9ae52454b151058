// Ops → records, in one pass; only where a label is placed further on, the target is filled in later. The layout of a
// record is encode.ts's. This is the hot loop of a build: records are written as words of 32 bits, the upper half of a
// 64-bit one only where it is not 0.
import { type Architecture, column } from '../abi/architecture.ts'
import { ERRNO, type ErrnoName } from '../abi/errno.ts'
import { SYSCALLS } from '../abi/syscalls.ts'
import { ANY_ERRNO, AT, CONDITION, FLAG, KIND, MAX_ERRNOS, MAX_OPERANDS, RECORD_SIZE } from './encode.ts'
import type { Memory } from './memory.ts'
import type { FailOp, JumpOp, Label, OnErrno, Op, Operand, SyscallOp } from './op.ts'

/** The same places as in encode.ts, in words of 32 bits. */
const WORDS = RECORD_SIZE / 4
const TARGET = AT.target / 4
const RESULT = AT.result / 4
const ERRNOS = AT.errnos / 4
const OPERANDS = AT.operands / 4

/** A program that can not be made into an image: a mistake of a plan, not of a user. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError'
}

export class Records {
  readonly #architecture: Architecture
  readonly #memory: Memory
  readonly #start: number
  readonly #words: Uint32Array
  readonly #labels = new Map<Label, number>()
  /** Records that go on at a label which was not there yet. */
  readonly #open: { readonly number: number; readonly op: SyscallOp | JumpOp; readonly to: Label }[] = []
  #count = 0

  /** `start` is the address of the first record, `most` how many there may be. */
  constructor(architecture: Architecture, memory: Memory, start: number, most: number) {
    this.#architecture = architecture
    this.#memory = memory
    this.#start = start
    this.#words = new Uint32Array(most * WORDS)
  }

  /** How many there are, and so the number of the next one. */
  get count(): number {
    return this.#count
  }

  add(op: Op): void {
    const at = this.#count * WORDS
    switch (op.kind) {
      case 'label':
        this.#place(op)
        return
      case 'syscall':
        this.#addCall(op, at)
        break
      case 'jump':
      case 'fail':
        this.#addJump(op, at)
        break
      case 'set':
        this.#words[at] = KIND.SET | (this.#operand(op.value, at, 0) << 8)
        this.#words[at + RESULT] = this.#memory.cellAddress(op.slot.cell, op.slot.offset, 8)
        break
      default:
        op satisfies never
    }
    this.#count++
  }

  /** All of them, once the last one is added. */
  finish(): Uint8Array {
    for (const { number, op, to } of this.#open) {
      const address = this.#labels.get(to)
      if (address === undefined) throw opError(number, op, `label ${to.name} is not in the program`)
      this.#words[number * WORDS + TARGET] = address
    }
    return new Uint8Array(this.#words.buffer, 0, this.#count * RECORD_SIZE)
  }

  #place(label: Label): void {
    if (this.#labels.has(label)) throw new ProgramError(`label ${label.name} is placed twice`)
    this.#labels.set(label, this.#start + this.#count * RECORD_SIZE)
  }

  #addCall(op: SyscallOp, at: number): void {
    const { name, args, result, on, success } = op
    const number = SYSCALLS[name][column(this.#architecture)]
    if (number === null) throw new ProgramError(`${this.#architecture} has no system call ${name}`)
    if (args.length > MAX_OPERANDS) throw new ProgramError(`${name} with ${args.length} arguments`)
    let flags = 0
    for (let i = 0; i < args.length; i++) flags |= this.#operand(args[i] as Operand, at, i)
    if (success !== undefined) flags |= 1 << FLAG.SUCCESS
    if (op.again) flags |= 1 << FLAG.AGAIN
    this.#words[at] = KIND.SYSCALL | (flags << 8) | (number << 16)
    if (result !== undefined) this.#words[at + RESULT] = this.#memory.cellAddress(result.cell, result.offset, 8)
    if (on !== undefined) this.#words[at + ERRNOS] = errnos(on)
    if (success !== undefined && on?.to !== undefined) throw new ProgramError('success and errors both have a label')
    const to = success ?? on?.to
    if (to !== undefined) this.#goOn(op, to, at)
  }

  /** A program ends as by a jump to nowhere. */
  #addJump(op: JumpOp | FailOp, at: number): void {
    const { kind, when } = op
    let flags = kind === 'fail' ? this.#operand(op.status, at, STATUS) : 0
    if (when !== undefined) {
      flags |= this.#operand(when.slot, at, 0)
      this.#constant(when.mask, at + OPERANDS + 2)
      this.#constant(when.value, at + OPERANDS + 4)
    }
    this.#words[at] = KIND.JUMP | (flags << 8) | (CONDITION[when?.is ?? 'always'] << 16)
    if (kind === 'jump') this.#goOn(op, op.to, at)
  }

  #goOn(op: SyscallOp | JumpOp, to: Label, at: number): void {
    const address = this.#labels.get(to)
    if (address === undefined) this.#open.push({ number: this.#count, op, to })
    else this.#words[at + TARGET] = address
  }

  /** Writes the operand into its place; the bit of `flags` that it takes. */
  #operand(operand: Operand, record: number, index: number): number {
    const at = record + OPERANDS + 2 * index
    if (typeof operand === 'number') {
      if (operand >>> 0 === operand) this.#words[at] = operand
      else this.#constant(BigInt(operand), at)
      return 0
    }
    if (typeof operand === 'string') {
      this.#words[at] = this.#memory.textAddress(operand)
      return 0
    }
    if (typeof operand === 'bigint') {
      this.#constant(operand, at)
      return 0
    }
    this.#words[at] = this.#address(operand)
    return operand.kind === 'slot' ? 1 << index : 0
  }

  #address(operand: Exclude<Operand, number | bigint | string>): number {
    switch (operand.kind) {
      case 'slot':
        return this.#memory.cellAddress(operand.cell, operand.offset, 8)
      case 'address':
        return this.#memory.cellAddress(operand.cell, operand.offset, 0)
      case 'data':
        return this.#memory.dataAddress(operand)
      case 'image': {
        const start = pageOf(this.#start)
        return operand.part === 'start' ? start : pageOf(this.#start + this.#count * RECORD_SIZE) - start
      }
      default:
        return operand satisfies never
    }
  }

  #constant(value: bigint, at: number): void {
    const number = Number(value)
    if (number >= 0 && number <= LARGEST_WORD) this.#words[at] = number
    else {
      if (value < LEAST || value > GREATEST) throw new ProgramError(`${value} does not fit 64 bits`)
      this.#words[at] = Number(BigInt.asUintN(32, value))
      this.#words[at + 1] = Number(BigInt.asUintN(32, value >> 32n))
    }
  }
}

/** Where a jump that ends the program has its status. */
const STATUS = 3

const LARGEST_WORD = 0xffff_ffff
const [LEAST, GREATEST] = [-(2n ** 63n), 2n ** 64n - 1n]

/** The usual size of a page; with larger ones, which aarch64 has too, madvise does nothing. */
const PAGE = 0x1000
const pageOf = (address: number): number => address - (address % PAGE)

/** Four bytes as one word. */
function errnos(on: OnErrno): number {
  if (on.errnos === 'any') return ANY_ERRNO
  if (on.errnos.length === 0 || on.errnos.length > MAX_ERRNOS)
    throw new ProgramError(`${on.errnos.length} errnos to go on after; 1 to ${MAX_ERRNOS} or any`)
  let word = 0
  for (let i = 0; i < on.errnos.length; i++) word |= ERRNO[on.errnos[i] as ErrnoName][0] << (8 * i)
  return word
}

/** What is wrong with one op, by its number. */
export const opError = (number: number, { origin }: Exclude<Op, Label>, what: string, cause?: unknown): ProgramError =>
  new ProgramError(`op ${number} (${origin.intent}): ${what}`, { cause })
