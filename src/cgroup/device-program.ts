// Device rules → an eBPF program for a v2 group. It looks at the rules from the last to the first: the first match
// decides, for each kind of access by itself, which is the same as applying them in order.
// Before Linux asks for a device it calls the program with {access << 16 | type, major, minor}; 1 lets it pass.
import { BPF_DEVCG_DEV, bpfCgroupDevCtx } from '../abi/bpf.ts'
import { ALL_ACCESS, type CheckedRule, isTotal } from './devices.ts'
import type { Instruction, Register } from './ebpf.ts'

const SCRATCH: Register = 0
const CONTEXT: Register = 1
/** Kinds of access that no rule has allowed yet. */
const OPEN: Register = 2
const TYPE: Register = 3
const MAJOR: Register = 4
const MINOR: Register = 5

const DEVICE = {
  b: Number(BPF_DEVCG_DEV.values.BPF_DEVCG_DEV_BLOCK),
  c: Number(BPF_DEVCG_DEV.values.BPF_DEVCG_DEV_CHAR),
} as const

const field = (to: Register, name: 'access_type' | 'major' | 'minor'): Instruction => ({
  kind: 'load',
  to,
  from: CONTEXT,
  offset: bpfCgroupDevCtx.offset(name),
})
const answer = (allow: boolean): Instruction[] => [{ kind: 'set', to: 0, value: allow ? 1 : 0 }, { kind: 'exit' }]

export function deviceProgram(rules: readonly CheckedRule[]): Instruction[] {
  // what stands before the last total rule can not matter, and the verifier refuses code that is never reached
  const base = rules.findLastIndex(isTotal)
  const program: Instruction[] = [
    field(OPEN, 'access_type'),
    { kind: 'copy', to: TYPE, from: OPEN },
    { kind: 'and', to: TYPE, value: 0xffff },
    { kind: 'shift right', to: OPEN, value: 16 },
    field(MAJOR, 'major'),
    field(MINOR, 'minor'),
  ]
  for (let index = rules.length - 1; index > base; index--) {
    const rule = rules[index]
    if (rule !== undefined) program.push(...compile(rule, `before ${index}`))
  }
  return [...program, ...answer(rules[base]?.allow ?? false)]
}

function compile(rule: CheckedRule, next: string): Instruction[] {
  const unless = (left: Register, right: number | undefined): Instruction[] =>
    right === undefined ? [] : [{ kind: 'jump', when: '!=', left, right, label: next }]
  return [
    ...unless(TYPE, rule.type === undefined ? undefined : DEVICE[rule.type]),
    ...unless(MAJOR, rule.major),
    ...unless(MINOR, rule.minor),
    ...verdict(rule, next),
    { kind: 'label', name: next },
  ]
}

/** A match: ends the program when it settles all kinds that are still open, else goes on with the rest. */
function verdict(rule: CheckedRule, next: string): Instruction[] {
  if (rule.access === ALL_ACCESS) return answer(rule.allow)
  if (rule.allow)
    return [
      { kind: 'and', to: OPEN, value: ALL_ACCESS & ~rule.access },
      { kind: 'jump', when: '!=', left: OPEN, right: 0, label: next },
      ...answer(true),
    ]
  return [
    { kind: 'copy', to: SCRATCH, from: OPEN },
    { kind: 'and', to: SCRATCH, value: rule.access },
    { kind: 'jump', when: '==', left: SCRATCH, right: 0, label: next },
    ...answer(false),
  ]
}
