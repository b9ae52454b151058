// An assembler for eBPF, as far as device rules need it: instructions are plain values, jumps name labels, and one
// place turns labels into offsets. What a program is for is its maker's business; loading it is host/bpf.ts's.
// Comparisons and arithmetic are 32 bits wide (JMP32 since Linux 5.1), so any u32 is an immediate.
// Document: Documentation/bpf/standardization/instruction-set.rst.
import { BPF_ALU_OP, BPF_CLASS, BPF_JMP_OP, BPF_MODE, BPF_SIZE, BPF_SOURCE, bpfInsn } from '../abi/bpf.ts'

export type Register = 0 | 1 | 2 | 3 | 4 | 5

export type Instruction =
  | { readonly kind: 'load'; readonly to: Register; readonly from: Register; readonly offset: number }
  | { readonly kind: 'copy'; readonly to: Register; readonly from: Register }
  | { readonly kind: 'set' | 'and' | 'shift right'; readonly to: Register; readonly value: number }
  | {
      readonly kind: 'jump'
      readonly when: '!=' | '=='
      readonly left: Register
      readonly right: number
      readonly label: string
    }
  | { readonly kind: 'exit' }
  | { readonly kind: 'label'; readonly name: string }

const { BPF_LDX, BPF_ALU, BPF_ALU64, BPF_JMP, BPF_JMP32 } = BPF_CLASS.values
const { BPF_K, BPF_X } = BPF_SOURCE.values

interface Encoded {
  readonly code: bigint
  readonly to?: number
  readonly from?: number
  readonly off?: number
  readonly imm?: number
}

const ALU = {
  set: BPF_ALU | BPF_ALU_OP.values.BPF_MOV | BPF_K,
  and: BPF_ALU | BPF_ALU_OP.values.BPF_AND | BPF_K,
  'shift right': BPF_ALU | BPF_ALU_OP.values.BPF_RSH | BPF_K,
} as const
const COMPARE = {
  '!=': BPF_JMP32 | BPF_JMP_OP.values.BPF_JNE | BPF_K,
  '==': BPF_JMP32 | BPF_JMP_OP.values.BPF_JEQ | BPF_K,
} as const

/** The bytes of a program. Throws RangeError for an unknown or doubled label and for a jump that is too far. */
export function assemble(program: readonly Instruction[]): Uint8Array {
  const places = labels(program)
  const instructions = program.filter(step => step.kind !== 'label')
  const bytes = new Uint8Array(instructions.length * bpfInsn.size)
  for (const [at, step] of instructions.entries()) {
    const { code, to = 0, from = 0, off = 0, imm = 0 } = encode(step, name => distance(places, name, at))
    const regs = to | (from << 4)
    bytes.set(bpfInsn.encode({ code, regs, off: off & 0xffff, imm: imm | 0 }), at * bpfInsn.size)
  }
  return bytes
}

/** Label → number of the instruction behind it. */
function labels(program: readonly Instruction[]): Map<string, number> {
  const places = new Map<string, number>()
  let at = 0
  for (const step of program) {
    if (step.kind !== 'label') at++
    else if (places.has(step.name)) throw new RangeError(`eBPF label ${step.name} is defined twice`)
    else places.set(step.name, at)
  }
  return places
}

function distance(places: ReadonlyMap<string, number>, name: string, from: number): number {
  const place = places.get(name)
  if (place === undefined) throw new RangeError(`eBPF label ${name} at instruction ${from} is not defined`)
  const off = place - from - 1
  if (off < 0 || off > 0x7fff) throw new RangeError(`eBPF jump from ${from} to ${name} is ${off} instructions long`)
  return off
}

function encode(step: Exclude<Instruction, { kind: 'label' }>, offsetTo: (label: string) => number): Encoded {
  switch (step.kind) {
    case 'load':
      return {
        code: BPF_LDX | BPF_SIZE.values.BPF_W | BPF_MODE.values.BPF_MEM,
        to: step.to,
        from: step.from,
        off: step.offset,
      }
    case 'copy':
      return { code: BPF_ALU64 | BPF_ALU_OP.values.BPF_MOV | BPF_X, to: step.to, from: step.from }
    case 'set':
    case 'and':
    case 'shift right':
      return { code: ALU[step.kind], to: step.to, imm: step.value }
    case 'jump':
      return { code: COMPARE[step.when], to: step.left, imm: step.right, off: offsetTo(step.label) }
    case 'exit':
      return { code: BPF_JMP | BPF_JMP_OP.values.BPF_EXIT }
    default:
      return step satisfies never
  }
}

/** The program as text, one line an instruction; labels stand at the margin. */
export const listing = (program: readonly Instruction[]): string => program.map(line).join('\n')

function line(step: Instruction): string {
  switch (step.kind) {
    case 'load':
      return `  r${step.to} = u32 r${step.from}[${step.offset}]`
    case 'copy':
      return `  r${step.to} = r${step.from}`
    case 'set':
      return `  r${step.to} = ${step.value}`
    case 'and':
      return `  r${step.to} &= 0x${(step.value >>> 0).toString(16)}`
    case 'shift right':
      return `  r${step.to} >>= ${step.value}`
    case 'jump':
      return `  if r${step.left} ${step.when} ${step.right} goto ${step.label}`
    case 'exit':
      return '  exit'
    case 'label':
      return `${step.name}:`
    default:
      return step satisfies never
  }
}
