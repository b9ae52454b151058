// aarch64 machine code for the instructions of machine.ts. Encodings: Arm Architecture Reference Manual (DDI 0487),
// chapter C6; registers of a system call: syscall(2). Every instruction has 32 bits.
import { Code, type Comparison, type Machine, type Register, type Width } from './machine.ts'

const NUMBERS: Record<Register, number> = {
  record: 19,
  loads: 10,
  temp: 9,
  value: 11,
  number: 8,
  result: 0,
  arg0: 0,
  arg1: 1,
  arg2: 2,
  arg3: 3,
  arg4: 4,
  arg5: 5,
}
/** As an operand, register 31 is zero; as a destination, the result is dropped. */
const ZERO = 31

const CONDITION: Record<Comparison, number> = { eq: 0, ne: 1, ge: 2, lt: 3 }

/** With an unsigned offset, counted in units of the width. */
const LOAD: Record<Width, number> = { 1: 0x39400000, 2: 0x79400000, 4: 0xb9400000, 8: 0xf9400000 }
const STORE: Record<4 | 8, number> = { 4: 0xb9000000, 8: 0xf9000000 }

export class Arm64 implements Machine {
  readonly #code = new Code()

  load(width: Width, to: Register, base: Register, offset: number): void {
    this.#memory(LOAD[width], width, to, base, offset)
  }

  store(width: 4 | 8, from: Register, base: Register, offset: number): void {
    this.#memory(STORE[width], width, from, base, offset)
  }

  constant(to: Register, value: number): void {
    this.#emit(0xd2800000 | ((value & 0xffff) << 5) | NUMBERS[to]) // movz
    if (value > 0xffff) this.#emit(0xf2a00000 | ((value >>> 16) << 5) | NUMBERS[to]) // movk, lsl 16
  }

  move(to: Register, from: Register): void {
    this.#emit(0xaa0003e0 | (NUMBERS[from] << 16) | NUMBERS[to]) // orr with zero
  }

  negate(to: Register, from: Register): void {
    this.#emit(0xcb000000 | (NUMBERS[from] << 16) | (ZERO << 5) | NUMBERS[to]) // sub from zero
  }

  increase(to: Register, by: number): void {
    if (by < 0 || by > 127) throw new RangeError(`increase by ${by}`)
    this.#emit(0x91000000 | (by << 10) | (NUMBERS[to] << 5) | NUMBERS[to])
  }

  subtract(to: Register, from: Register): void {
    this.#emit(0xcb000000 | (NUMBERS[from] << 16) | (NUMBERS[to] << 5) | NUMBERS[to])
  }

  and(to: Register, from: Register): void {
    this.#emit(0x8a000000 | (NUMBERS[from] << 16) | (NUMBERS[to] << 5) | NUMBERS[to])
  }

  shiftRight(to: Register, bits: number): void {
    this.#emit(0xd340fc00 | (bits << 16) | (NUMBERS[to] << 5) | NUMBERS[to]) // ubfm to, to, bits, 63
  }

  label(name: string): void {
    this.#code.label(name)
  }

  jump(to: string): void {
    this.#branch(0x14000000, to, distance => field(distance >> 2, 26))
  }

  jumpIf(left: Register, is: Comparison, right: Register | number, to: string): void {
    const base = (NUMBERS[left] << 5) | ZERO
    if (typeof right !== 'number')
      this.#emit(0xeb000000 | (NUMBERS[right] << 16) | base) // subs
    else if (right >= 0)
      this.#emit(0xf1000000 | (right << 10) | base) // subs with a constant
    else this.#emit(0xb1000000 | (-right << 10) | base) // adds: the flags are those of the comparison
    this.#branch(0x54000000 | CONDITION[is], to, distance => field(distance >> 2, 19) << 5)
  }

  jumpIfBitClear(register: Register, bit: number, to: string): void {
    if (bit > 31) throw new RangeError(`bit ${bit}`)
    this.#branch(0x36000000 | (bit << 19) | NUMBERS[register], to, distance => field(distance >> 2, 14) << 5) // tbz
  }

  syscall(): void {
    this.#emit(0xd4000001) // svc 0
  }

  finish(): Uint8Array {
    return this.#code.finish()
  }

  #emit(word: number): void {
    this.#code.emit32(word)
  }

  #memory(opcode: number, width: number, register: Register, base: Register, offset: number): void {
    if (offset < 0 || offset % width !== 0) throw new RangeError(`offset ${offset}`)
    this.#emit(opcode | ((offset / width) << 10) | (NUMBERS[base] << 5) | NUMBERS[register])
  }

  /** An instruction with room for a distance in bytes from itself to the label. */
  #branch(opcode: number, label: string, encode: (distance: number) => number): void {
    this.#code.whenPlaced(label, this.#code.length, (code, at, target) =>
      code.write32(at, code.read32(at) | encode(target - at)),
    )
    this.#emit(opcode)
  }
}

/** The low bits of a signed number. */
const field = (value: number, bits: number): number => value & ((1 << bits) - 1)
