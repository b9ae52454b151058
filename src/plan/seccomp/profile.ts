// What a profile says of each system call, by name and before any number: rules of one name are put together here as
// libseccomp does it. An unconditional rule beats conditional ones, wherever they stand; of several unconditional ones
// the first counts; so does the first conditional one that holds. Rules that do what is done anyway are passed over.
// Document: config-linux.md, "Seccomp".
import { ERRNO } from '../../abi/errno.ts'
import { SECCOMP_RET } from '../../abi/seccomp-filter.ts'
import { SpecError } from '../../errors.ts'
import type { Seccomp, SyscallArg, SyscallRule } from '../../spec/gen/types.ts'
import { pointer } from '../../spec/pointer.ts'

export interface Rule {
  /** A value of SECCOMP_RET_* with its number. */
  readonly verdict: number
  /** All must hold. */
  readonly conditions: readonly SyscallArg[]
}

/** What is done about a call. Calls with the same rules share the object. */
export interface Call {
  /** Without a look at arguments; the default where no rule applies, absent where it takes that look. */
  readonly verdict?: number
  readonly rules: readonly Rule[]
}

const { SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE } = SECCOMP_RET
const VERDICTS: Readonly<Record<SyscallRule['action'], number>> = {
  SCMP_ACT_KILL: SECCOMP_RET.SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_THREAD: SECCOMP_RET.SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_PROCESS: SECCOMP_RET.SECCOMP_RET_KILL_PROCESS,
  SCMP_ACT_TRAP: SECCOMP_RET.SECCOMP_RET_TRAP,
  SCMP_ACT_ERRNO: SECCOMP_RET_ERRNO,
  SCMP_ACT_TRACE: SECCOMP_RET_TRACE,
  SCMP_ACT_ALLOW: SECCOMP_RET.SECCOMP_RET_ALLOW,
  SCMP_ACT_LOG: SECCOMP_RET.SECCOMP_RET_LOG,
  SCMP_ACT_NOTIFY: SECCOMP_RET.SECCOMP_RET_USER_NOTIF,
}

/** SECCOMP_RET_*, with the number where the action has one. */
export function verdictOf(action: SyscallRule['action'], errnoRet: number = ERRNO.EPERM[0]): number {
  const verdict = VERDICTS[action]
  return verdict === SECCOMP_RET_ERRNO || verdict === SECCOMP_RET_TRACE ? verdict | (errnoRet & 0xffff) : verdict
}

/** Name → what the profile says of it. Names that only repeat the default are there too: the profile knows them. */
export function callsOf(seccomp: Seccomp, byDefault: number): Map<string, Call> {
  const calls = new Map<string, Call>()
  const rules = seccomp.syscalls ?? []
  const nothing: Call = { verdict: byDefault, rules: [] }
  for (let at = 0; at < rules.length; at++) {
    const rule = rules[at]
    if (rule === undefined) continue
    const verdict = verdictOf(rule.action, rule.errnoRet)
    const added = verdict === byDefault ? nothing : callOf(rule, verdict)
    const merged = new Map<Call, Call>()
    for (const name of rule.names) {
      const known = calls.get(name)
      if (known === undefined) calls.set(name, added)
      else if (known === nothing) calls.set(name, added)
      else if (added !== nothing && known.verdict === undefined) {
        let both = merged.get(known)
        if (both === undefined) {
          both = together(known, added, at)
          merged.set(known, both)
        }
        calls.set(name, both)
      }
    }
  }
  return calls
}

/** Several conditions on one argument are one rule each: all runtimes read a profile so. */
function callOf({ args = [] }: SyscallRule, verdict: number): Call {
  if (args.length === 0) return { verdict, rules: [] }
  const distinct = args.length === 1 || new Set(args.map(({ index }) => index)).size === args.length
  if (distinct) return { rules: [{ verdict, conditions: args }] }
  return { rules: args.map(condition => ({ verdict, conditions: [condition] })) }
}

function together(known: Call, added: Call, at: number): Call {
  if (added.verdict !== undefined) return added
  for (const rule of added.rules)
    for (const other of known.rules)
      if (rule.verdict !== other.verdict && conditionsText(rule) === conditionsText(other))
        throw new SpecError('config.json', [
          {
            pointer: pointer('linux', 'seccomp', 'syscalls', at),
            message: 'has the conditions of an earlier rule for the same call, but another action',
            hint: 'remove one of the two rules',
          },
        ])
  return { rules: [...known.rules, ...added.rules] }
}

const conditionsText = ({ conditions }: Rule): string =>
  conditions
    .map(({ index, op, value, valueTwo }) => `${index} ${op} ${value} ${op === 'SCMP_CMP_MASKED_EQ' ? valueTwo : ''}`)
    .sort()
    .join()
