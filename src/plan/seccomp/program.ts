// An assembler for the classic BPF of seccomp(2). Jumps only go forward, so a program is written from its end: whatever
// a jump leads to is there already, and its distance is known. What a filter decides is for its maker.
// Document: Documentation/networking/filter.rst; Documentation/userspace-api/seccomp_filter.rst.
import { FILTER_OP, INSTRUCTION_SIZE } from '../../abi/seccomp-filter.ts'

/** An instruction of the program, counted from the end. */
export type Label = number

/** The distances of a conditional jump are of 8 bits. */
const FARTHEST = 255

export class Program {
  /** Without the distances: the opcode. The last instruction comes first. */
  readonly #heads: number[] = []
  readonly #operands: number[] = []
  /** What is returned → the last place that returns it. */
  readonly #returns = new Map<number, Label>()

  /** How many instructions there are. */
  get length(): number {
    return this.#heads.length
  }

  /** An instruction that goes on with the one written before. */
  step(head: number, operand: number): Label {
    this.#operands.push(operand)
    return this.#heads.push(head) - 1
  }

  /** The end of the program with a value of SECCOMP_RET_*. */
  returns(value: number): Label {
    let label = this.#returns.get(value)
    if (label === undefined) {
      label = this.step(FILTER_OP.RETURN, value)
      this.#returns.set(value, label)
    }
    return label
  }

  /** A comparison of A with the operand. */
  branch(op: number, operand: number, then: Label, otherwise: Label): Label {
    if (then === otherwise) return then
    // The second may need a step of its own, which the first has to get over as well.
    const yes = this.#near(then, FARTHEST - 1)
    const no = this.#near(otherwise, FARTHEST)
    const last = this.#heads.length - 1
    return this.step(op | ((last - yes) << 16) | ((last - no) << 24), operand)
  }

  /** Makes the next instruction, a step, go on there. */
  follow(label: Label): void {
    this.#near(label, 0)
  }

  /** The label, or a stand-in no farther from the next instruction than that. */
  #near(label: Label, farthest: number): Label {
    const last = this.#heads.length - 1
    if (last - label <= farthest) return label
    if (this.#heads[label] !== FILTER_OP.RETURN) return this.step(FILTER_OP.JUMP, last - label)
    const value = this.#operands[label] ?? 0
    const known = this.#returns.get(value) ?? label
    if (last - known <= farthest) return known
    const copy = this.step(FILTER_OP.RETURN, value)
    this.#returns.set(value, copy)
    return copy
  }

  /** struct sock_filter[], in the byte order of the machine: both architectures are little endian. */
  bytes(): Uint8Array {
    const count = this.#heads.length
    const words = new Uint32Array((count * INSTRUCTION_SIZE) / 4)
    for (let at = 0; at < count; at++) {
      const from = count - 1 - at
      words[2 * at] = this.#heads[from] ?? 0
      words[2 * at + 1] = this.#operands[from] ?? 0
    }
    return new Uint8Array(words.buffer)
  }
}
