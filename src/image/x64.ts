// x86_64 machine code for the instructions of machine.ts. Encodings: Intel SDM, volume 2; registers of a system call:
// syscall(2). Jumps always have 32-bit distances: the interpreter is small, and one form is easier to read than two.
import { Code, type Comparison, type Machine, type Register, type Width } from './machine.ts'

// rcx and r11 are missing: the kernel overwrites them. rsp and r12 can not be a base without a further byte.
const NUMBERS: Record<Register, number> = {
  record: 3, // rbx
  temp: 5, // rbp
  value: 12, // r12, never a base
  loads: 13, // r13
  number: 0, // rax
  result: 0, // rax
  arg0: 7, // rdi
  arg1: 6, // rsi
  arg2: 2, // rdx
  arg3: 10, // r10
  arg4: 8, // r8
  arg5: 9, // r9
}

/** Second byte of the long conditional jumps. */
const JUMP_IF: Record<Comparison, number> = { eq: 0x84, ne: 0x85, lt: 0x82, ge: 0x83 }

/** The opcodes of loads; the two narrow ones extend with zeros. */
const LOAD: Record<Width, readonly number[]> = { 1: [0x0f, 0xb6], 2: [0x0f, 0xb7], 4: [0x8b], 8: [0x8b] }

export class X64 implements Machine {
  readonly #code = new Code()

  load(width: Width, to: Register, base: Register, offset: number): void {
    this.#memory(width === 8, LOAD[width], NUMBERS[to], NUMBERS[base], offset)
  }

  store(width: 4 | 8, from: Register, base: Register, offset: number): void {
    this.#memory(width === 8, [0x89], NUMBERS[from], NUMBERS[base], offset)
  }

  constant(to: Register, value: number): void {
    const register = NUMBERS[to]
    if (register >= 8) this.#code.emit(0x41)
    this.#code.emit(0xb8 | (register & 7)) // mov r32, imm32: the upper half becomes 0
    this.#code.emit32(value)
  }

  move(to: Register, from: Register): void {
    this.#registers(0x89, NUMBERS[from], NUMBERS[to])
  }

  negate(to: Register, from: Register): void {
    if (to !== from) this.move(to, from)
    this.#registers(0xf7, 3, NUMBERS[to])
  }

  increase(to: Register, by: number): void {
    if (by < 0 || by > 127) throw new RangeError(`increase by ${by}`)
    this.#registers(0x83, 0, NUMBERS[to])
    this.#code.emit(by)
  }

  subtract(to: Register, from: Register): void {
    this.#registers(0x29, NUMBERS[from], NUMBERS[to])
  }

  and(to: Register, from: Register): void {
    this.#registers(0x21, NUMBERS[from], NUMBERS[to])
  }

  shiftRight(to: Register, bits: number): void {
    this.#registers(0xc1, 5, NUMBERS[to])
    this.#code.emit(bits)
  }

  label(name: string): void {
    this.#code.label(name)
  }

  jump(to: string): void {
    this.#code.emit(0xe9)
    this.#distance(to)
  }

  jumpIf(left: Register, is: Comparison, right: Register | number, to: string): void {
    if (typeof right === 'number') {
      this.#registers(0x81, 7, NUMBERS[left]) // cmp r64, imm32 with its sign extended
      this.#code.emit32(right)
    } else this.#registers(0x39, NUMBERS[right], NUMBERS[left])
    this.#code.emit(0x0f, JUMP_IF[is])
    this.#distance(to)
  }

  jumpIfBitClear(register: Register, bit: number, to: string): void {
    const base = NUMBERS[register]
    this.#code.emit(rex(true, 0, base), 0x0f, 0xba, 0xe0 | (base & 7), bit) // bt r64, imm8: the bit is the carry
    this.#code.emit(0x0f, JUMP_IF.ge)
    this.#distance(to)
  }

  syscall(): void {
    this.#code.emit(0x0f, 0x05)
  }

  /** What machine.ts has no words for, as bytes. */
  instructions(bytes: readonly number[]): void {
    this.#code.emit(...bytes)
  }

  finish(): Uint8Array {
    return this.#code.finish()
  }

  /** opcode with a register and [base + disp8] */
  #memory(wide: boolean, opcode: readonly number[], register: number, base: number, offset: number): void {
    if ((base & 7) === 4) throw new RangeError('rsp and r12 can not be a base')
    if (offset < 0 || offset > 127) throw new RangeError(`offset ${offset}`)
    this.#code.emit(rex(wide, register, base), ...opcode, 0x40 | ((register & 7) << 3) | (base & 7), offset)
  }

  /** opcode with two registers, or with an extension of the opcode (in the place of `register`) and one */
  #registers(opcode: number, register: number, operand: number): void {
    this.#code.emit(rex(true, register, operand), opcode, 0xc0 | ((register & 7) << 3) | (operand & 7))
  }

  /** The last four bytes of an instruction: how far it is from its end to the label. */
  #distance(label: string): void {
    this.#code.whenPlaced(label, this.#code.length, (code, at, target) => code.write32(at, target - (at + 4)))
    this.#code.emit32(0)
  }
}

/** The prefix for 64-bit operands and the upper eight registers; without effect where neither is used. */
const rex = (wide: boolean, register: number, base: number): number =>
  0x40 | (wide ? 8 : 0) | (register >= 8 ? 4 : 0) | (base >= 8 ? 1 : 0)
