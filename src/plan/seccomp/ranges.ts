// From names to numbers: which calls of an architecture share a verdict, as ranges in the order of the numbers. Names
// that an architecture does not know are passed over, as other runtimes do: profiles name more than a kernel has.
import { ERRNO } from '../../abi/errno.ts'
import {
  AARCH64_CALLS,
  ARM_CALLS,
  ARM_PRIVATE_CALLS,
  I386_CALLS,
  NOT_X32_CALLS,
  X32_CALLS,
  X86_64_CALLS,
} from '../../abi/seccomp-calls.ts'
import {
  ARM_PRIVATE,
  AUDIT_ARCH,
  IPC_CALLS,
  SECCOMP_RET,
  SOCKET_CALLS,
  X32_BIT,
  X32_FIRST,
} from '../../abi/seccomp-filter.ts'
import type { Call, Rule } from './profile.ts'

export type Verdict = number | Call

/** The calls of one architecture as the kernel tells them apart. */
export interface Ranges {
  readonly audit: number
  /** The first number of each range; the first is 0. */
  readonly starts: number[]
  readonly verdicts: Verdict[]
}

/** What holds for all architectures of a filter. */
export interface Policy {
  readonly calls: Map<string, Call>
  readonly byDefault: number
  /** What calls newer than any that the profile names get. */
  readonly newer: number
}

export const ENOSYS: number = SECCOMP_RET.SECCOMP_RET_ERRNO | ERRNO.ENOSYS[0]
const LAST_NUMBER = 0xffff_ffff

/** x86_64 and, on request, x32, which is the same to the kernel but for a bit of the number. */
export function x86Ranges(policy: Policy, withX32: boolean): Ranges {
  const ranges: Ranges = { audit: AUDIT_ARCH.AUDIT_ARCH_X86_64, starts: [], verdicts: [] }
  add(ranges, policy, 0, X86_64_CALLS)
  if (withX32) {
    const others = new Set(NOT_X32_CALLS.split(' '))
    add(ranges, policy, X32_BIT, `${X86_64_CALLS} ${X32_CALLS}`, others)
  } else {
    put(ranges, X32_BIT, SECCOMP_RET.SECCOMP_RET_KILL_THREAD)
    // -1 is how a tracer skips a call, and no call of x32.
    put(ranges, LAST_NUMBER, policy.byDefault)
  }
  return ranges
}

export function i386Ranges(policy: Policy): Ranges {
  const ranges: Ranges = { audit: AUDIT_ARCH.AUDIT_ARCH_I386, starts: [], verdicts: [] }
  multiplex(policy, 'socketcall', SOCKET_CALLS, 0xffff_ffff)
  multiplex(policy, 'ipc', IPC_CALLS, 0xffff)
  add(ranges, policy, 0, I386_CALLS)
  return ranges
}

export function aarch64Ranges(policy: Policy): Ranges {
  const ranges: Ranges = { audit: AUDIT_ARCH.AUDIT_ARCH_AARCH64, starts: [], verdicts: [] }
  add(ranges, policy, 0, AARCH64_CALLS)
  return ranges
}

/** The calls of ARM's own are older than their numbers look. */
export function armRanges(policy: Policy): Ranges {
  const ranges: Ranges = { audit: AUDIT_ARCH.AUDIT_ARCH_ARM, starts: [], verdicts: [] }
  add(ranges, policy, 0, ARM_CALLS)
  add(ranges, { ...policy, newer: policy.byDefault }, ARM_PRIVATE, ARM_PRIVATE_CALLS)
  return ranges
}

/** The ranges from number `base` on. */
function add(
  ranges: Ranges,
  { calls, byDefault, newer }: Policy,
  base: number,
  names: string,
  not?: Set<string>,
): void {
  let next = base
  numbered(names, (name, index) => {
    const call = calls.get(name)
    if (call === undefined || (index < X32_FIRST && not?.has(name))) return
    const number = base + index
    if (number > next) put(ranges, next, byDefault)
    put(ranges, number, call.verdict ?? (call.rules.length === 0 ? byDefault : call))
    next = number + 1
  })
  put(ranges, next, next === base ? byDefault : newer)
}

/** In the form of seccomp-calls.ts. */
function numbered(names: string, visit: (name: string, number: number) => void): void {
  let number = 0
  for (const word of names.split(' '))
    if (word < ':') number = Number(word)
    else visit(word, number++)
}

/** Ranges come in order; neighbours with one verdict are one. */
function put(ranges: Ranges, start: number, verdict: Verdict): void {
  if (ranges.verdicts.at(-1) === verdict) return
  ranges.starts.push(start)
  ranges.verdicts.push(verdict)
}

/**
 * i386 has a second way to calls of sockets and of System V IPC: one call whose first argument says which. A rule for
 * one of them counts for that way, too. The arguments are out of sight there: where a rule has conditions, the strictest
 * of what it could come to is done, so that nobody gets around it.
 */
function multiplex({ calls, byDefault }: Policy, by: string, names: string, mask: number): void {
  const own = calls.get(by)
  if (own?.verdict !== undefined) return
  const rules: Rule[] = own === undefined ? [] : [...own.rules]
  numbered(names, (name, number) => {
    const call = calls.get(name)
    if (call === undefined) return
    const verdict = call.verdict ?? strictest(call, byDefault)
    const conditions = [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: mask, valueTwo: number }] as const
    if (verdict !== byDefault) rules.push({ verdict, conditions })
  })
  if (rules.length > 0) calls.set(by, { rules })
}

/** The kernel's order: as signed numbers, the strictest is the least. */
const strictest = ({ rules }: Call, byDefault: number): number =>
  rules.reduce((least, { verdict }) => ((verdict | 0) < (least | 0) ? verdict : least), byDefault)
