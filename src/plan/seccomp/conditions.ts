// The part of a filter that looks at arguments. They are compared as unsigned numbers of 64 bits on every architecture:
// the kernel hands them over like that, with zeros above what a machine of 32 bits has. (libseccomp cuts numbers of the
// profile to 32 bits there, so that what can never be equal is.) The filter's one register has 32 bits, so a comparison
// looks at the upper half, then at the lower one.
import { FILTER_OP, SECCOMP_DATA } from '../../abi/seccomp-filter.ts'
import type { SyscallArg } from '../../spec/gen/types.ts'
import type { Rule } from './profile.ts'
import type { Label, Program } from './program.ts'

const { LOAD, AND, IF_EQUAL, IF_GREATER, IF_NOT_LESS } = FILTER_OP
const ALL = 0xffff_ffff

/** The verdict of the first rule whose conditions all hold, or otherwise. */
export function firstOf(program: Program, rules: readonly Rule[], otherwise: Label): Label {
  let next = otherwise
  for (let at = rules.length - 1; at >= 0; at--) {
    const rule = rules[at]
    if (rule === undefined) continue
    const failed = next
    next = program.returns(rule.verdict)
    for (let part = rule.conditions.length - 1; part >= 0; part--) {
      const condition = rule.conditions[part]
      if (condition !== undefined) next = holds(program, condition, next, failed)
    }
  }
  return next
}

function holds(program: Program, condition: SyscallArg, then: Label, otherwise: Label): Label {
  const offset = SECCOMP_DATA.args + 8 * condition.index
  const { value } = condition
  switch (condition.op) {
    case 'SCMP_CMP_EQ':
      return equals(program, offset, value, undefined, then, otherwise)
    case 'SCMP_CMP_NE':
      return equals(program, offset, value, undefined, otherwise, then)
    case 'SCMP_CMP_MASKED_EQ':
      return equals(program, offset, condition.valueTwo ?? 0, value, then, otherwise)
    case 'SCMP_CMP_GE':
      return exceeds(program, IF_NOT_LESS, offset, value, then, otherwise)
    case 'SCMP_CMP_GT':
      return exceeds(program, IF_GREATER, offset, value, then, otherwise)
    case 'SCMP_CMP_LT':
      return exceeds(program, IF_NOT_LESS, offset, value, otherwise, then)
    case 'SCMP_CMP_LE':
      return exceeds(program, IF_GREATER, offset, value, otherwise, then)
    default:
      return condition.op satisfies never
  }
}

const low = (value: number | bigint): number =>
  typeof value === 'bigint' ? Number(BigInt.asUintN(32, value)) : value >>> 0
const high = (value: number | bigint): number =>
  typeof value === 'bigint' ? Number(BigInt.asUintN(64, value) >> 32n) : Math.floor(value / 2 ** 32)

function equals(
  program: Program,
  offset: number,
  value: number | bigint,
  mask: number | bigint | undefined,
  then: Label,
  otherwise: Label,
): Label {
  const upperMask = mask === undefined ? ALL : high(mask)
  const upper = half(program, offset + 4, upperMask, high(value), then, otherwise)
  return half(program, offset, mask === undefined ? ALL : low(mask), low(value), upper, otherwise)
}

function half(program: Program, offset: number, mask: number, value: number, then: Label, otherwise: Label): Label {
  if (mask === 0 || then === otherwise) return then
  // The mask is for both sides, as in libseccomp.
  program.branch(IF_EQUAL, (value & mask) >>> 0, then, otherwise)
  if (mask !== ALL) program.step(AND, mask)
  return program.step(LOAD, offset)
}

/** The comparison of the lower half decides where the upper ones are equal. */
function exceeds(
  program: Program,
  comparison: number,
  offset: number,
  value: number | bigint,
  then: Label,
  otherwise: Label,
): Label {
  if (then === otherwise) return then
  program.branch(comparison, low(value), then, otherwise)
  const lower = program.step(LOAD, offset)
  const equal = program.branch(IF_EQUAL, high(value), lower, otherwise)
  program.branch(IF_GREATER, high(value), then, equal)
  return program.step(LOAD, offset + 4)
}
