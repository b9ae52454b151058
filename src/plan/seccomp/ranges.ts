// From names to numbers: which calls of an architecture share a verdict, as ranges in the order of the numbers. Names
// that an architecture does not know are passed over, as other runtimes do: profiles name more than a kernel has.
import { ERRNO } from '../../abi/errno.ts'
import {
  AARCH64_CALLS,
  ARM_CALLS,
  ARM_PRIVATE_CALLS,
  I386_CALLS,
  X32_CALLS,
  X86_64_CALLS,
} from '../../abi/seccomp-calls.ts'
import { ARM_PRIVATE, AUDIT_ARCH, IPC_CALLS, SECCOMP_RET, SOCKET_CALLS, X32_BIT } from '../../abi/seccomp-filter.ts'
import type { Call, Rule } from './profile.ts'

export type Verdict = number | Call

/** What holds for all architectures of a filter. */
export interface Policy {
  readonly calls: Map<string, Call>
  readonly byDefault: number
  /** What calls newer than any that the profile names get. */
  readonly newer: number
}

/** The calls of one architecture as the kernel tells them apart. Neighbours with the same verdict are one range. */
export class Ranges {
  readonly audit: number
  /** The first number of each range; the first is 0. */
  readonly starts: number[] = []
  readonly verdicts: Verdict[] = []
  readonly #policy: Policy

  constructor(audit: number, policy: Policy) {
    this.audit = audit
    this.#policy = policy
  }

  /** Numbers from `start` on; ranges come in order. */
  put(start: number, verdict: Verdict): void {
    if (this.verdicts.at(-1) === verdict) return
    this.starts.push(start)
    this.verdicts.push(verdict)
  }

  /** The calls from number `base` on, named as in seccomp-calls.ts. A hot loop: a profile names hundreds. */
  add(base: number, names: string, newer: number = this.#policy.newer): void {
    const { calls, byDefault } = this.#policy
    const words = names.split(' ')
    let number = base
    let next = base
    let last: Verdict | undefined
    for (let at = 0; at < words.length; at++) {
      const word = words[at] as string // below the length
      let name = word
      if (word < ':') {
        if (word > '/') {
          number = base + Number(word)
          continue
        }
        if (base === X32_BIT) {
          number++
          continue
        }
        name = word.slice(1)
      }
      const call = calls.get(name)
      if (call !== undefined) {
        const verdict = call.verdict ?? call
        if (number > next) {
          this.put(next, byDefault)
          last = byDefault
        }
        if (verdict !== last) this.put(number, verdict)
        last = verdict
        next = number + 1
      }
      number++
    }
    this.put(next, next === base ? byDefault : newer)
  }
}

export const ENOSYS: number = SECCOMP_RET.SECCOMP_RET_ERRNO | ERRNO.ENOSYS[0]
const LAST_NUMBER = 0xffff_ffff

/** x86_64 and, on request, x32, which is the same to the kernel but for a bit of the number. */
export function x86Ranges(policy: Policy, withX32: boolean): Ranges {
  const ranges = new Ranges(AUDIT_ARCH.AUDIT_ARCH_X86_64, policy)
  ranges.add(0, X86_64_CALLS)
  if (withX32) ranges.add(X32_BIT, `${X86_64_CALLS} ${X32_CALLS}`)
  else {
    ranges.put(X32_BIT, SECCOMP_RET.SECCOMP_RET_KILL_THREAD)
    // -1 is how a tracer skips a call, and no call of x32.
    ranges.put(LAST_NUMBER, policy.byDefault)
  }
  return ranges
}

export function i386Ranges(policy: Policy): Ranges {
  multiplex(policy, 'socketcall', SOCKET_CALLS, 0xffff_ffff)
  multiplex(policy, 'ipc', IPC_CALLS, 0xffff)
  const ranges = new Ranges(AUDIT_ARCH.AUDIT_ARCH_I386, policy)
  ranges.add(0, I386_CALLS)
  return ranges
}

export function aarch64Ranges(policy: Policy): Ranges {
  const ranges = new Ranges(AUDIT_ARCH.AUDIT_ARCH_AARCH64, policy)
  ranges.add(0, AARCH64_CALLS)
  return ranges
}

/** The calls of ARM's own are older than their numbers look. */
export function armRanges(policy: Policy): Ranges {
  const ranges = new Ranges(AUDIT_ARCH.AUDIT_ARCH_ARM, policy)
  ranges.add(0, ARM_CALLS)
  ranges.add(ARM_PRIVATE, ARM_PRIVATE_CALLS, policy.byDefault)
  return ranges
}

/**
 * i386 has a second way to calls of sockets and of System V IPC: one call whose first argument says which. A rule for
 * one of them counts for that way, too. The arguments are out of sight there: where a rule has conditions, the strictest
 * of what it could come to is done, so that nobody gets around it.
 */
function multiplex({ calls, byDefault }: Policy, by: string, names: string, mask: number): void {
  const own = calls.get(by)
  if (own?.verdict !== undefined && own.verdict !== byDefault) return
  const rules: Rule[] = own === undefined ? [] : [...own.rules]
  let number = 0
  for (const word of names.split(' ')) {
    const call = calls.get(word)
    const verdict = call === undefined ? byDefault : (call.verdict ?? strictest(call, byDefault))
    if (verdict !== byDefault)
      rules.push({ verdict, conditions: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: mask, valueTwo: number }] })
    number = word < ':' ? Number(word) : number + 1
  }
  if (rules.length > 0) calls.set(by, { rules })
}

/** The kernel's order: as signed numbers, the strictest is the least. */
const strictest = ({ rules }: Call, byDefault: number): number =>
  rules.reduce((least, { verdict }) => ((verdict | 0) < (least | 0) ? verdict : least), byDefault)
