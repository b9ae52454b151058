// The instructions that the interpreter is written in: few, and such that both architectures have each of them in one
// or two of their own. x64.ts and arm64.ts say how each is encoded; no instruction changes a register that it does
// not name, and none keeps anything on a stack.

/** `number` and `result` are where the kernel wants a call's number and leaves its result; `arg0` may be `result`. */
export type Register =
  | 'record'
  | 'loads'
  | 'temp'
  | 'value'
  | 'number'
  | 'result'
  | 'arg0'
  | 'arg1'
  | 'arg2'
  | 'arg3'
  | 'arg4'
  | 'arg5'

/** Unsigned. */
export type Comparison = 'eq' | 'ne' | 'lt' | 'ge'

/** Bytes; what is loaded is extended with zeros. */
export type Width = 1 | 2 | 4 | 8

export interface Machine {
  /** to = the word at base + offset */
  load(width: Width, to: Register, base: Register, offset: number): void
  /** the word at base + offset = from */
  store(width: 4 | 8, from: Register, base: Register, offset: number): void
  /** to = an unsigned constant of 32 bits */
  constant(to: Register, value: number): void
  move(to: Register, from: Register): void
  /** to = -from */
  negate(to: Register, from: Register): void
  /** to += a constant from 0 to 127 */
  increase(to: Register, by: number): void
  /** to -= from */
  subtract(to: Register, from: Register): void
  /** to &= from */
  and(to: Register, from: Register): void
  shiftRight(to: Register, bits: number): void

  label(name: string): void
  jump(to: string): void
  /** The constant is from -4095 to 4095, compared as a word of 64 bits. */
  jumpIf(left: Register, is: Comparison, right: Register | number, to: string): void
  jumpIfBitClear(register: Register, bit: number, to: string): void
  syscall(): void

  /** The machine code; throws RangeError for a label that is nowhere or in two places. */
  finish(): Uint8Array
}

/** Bytes under construction with places that wait for a label: what both assemblers share. */
export class Code {
  readonly #bytes: number[] = []
  readonly #labels = new Map<string, number>()
  readonly #waiting: { at: number; label: string; patch: (code: Code, at: number, target: number) => void }[] = []

  get length(): number {
    return this.#bytes.length
  }

  emit(...bytes: readonly number[]): void {
    for (const byte of bytes) this.#bytes.push(byte & 0xff)
  }

  emit32(word: number): void {
    this.emit(word, word >> 8, word >> 16, word >> 24)
  }

  read32(at: number): number {
    const byte = (i: number): number => this.#bytes[at + i] ?? 0
    return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)
  }

  write32(at: number, word: number): void {
    for (let i = 0; i < 4; i++) this.#bytes[at + i] = (word >> (8 * i)) & 0xff
  }

  label(name: string): void {
    if (this.#labels.has(name)) throw new RangeError(`label ${name} is placed twice`)
    this.#labels.set(name, this.length)
  }

  /** `patch` is called once the target is known, with both as offsets into the code. */
  whenPlaced(label: string, at: number, patch: (code: Code, at: number, target: number) => void): void {
    this.#waiting.push({ at, label, patch })
  }

  finish(): Uint8Array {
    for (const { at, label, patch } of this.#waiting) {
      const target = this.#labels.get(label)
      if (target === undefined) throw new RangeError(`label ${label} is not placed`)
      patch(this, at, target)
    }
    return Uint8Array.from(this.#bytes)
  }
}
