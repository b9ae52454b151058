// From `linux.seccomp` to the program that seccomp(2) loads. What loads it, and who listens, is the runtime's business.
// The program looks up the architecture, then the number of the call by halves, then arguments where rules ask for it.
// Documents: config-linux.md, "Seccomp"; seccomp(2); Documentation/userspace-api/seccomp_filter.rst.
import type { Architecture } from '../../abi/architecture.ts'
import { SECCOMP_FILTER_FLAG } from '../../abi/seccomp.ts'
import { FILTER_OP, MAX_INSTRUCTIONS, SECCOMP_DATA, SECCOMP_RET } from '../../abi/seccomp-filter.ts'
import { SpecError } from '../../errors.ts'
import type { Seccomp } from '../../spec/gen/types.ts'
import { Decision } from './decision.ts'
import { callsOf, verdictOf } from './profile.ts'
import { Program } from './program.ts'
import { aarch64Ranges, armRanges, ENOSYS, i386Ranges, type Policy, type Ranges, x86Ranges } from './ranges.ts'

export interface CompiledFilter {
  /** struct sock_filter[], little endian: 8 bytes an instruction. */
  readonly program: Uint8Array
  /** Instructions in the program. */
  readonly length: number
  /** SECCOMP_FILTER_FLAG_* for seccomp(2); SECCOMP_FILTER_FLAG_NEW_LISTENER is among them when the filter notifies. */
  readonly flags: bigint
  /** Whether a rule hands calls to a listener. */
  readonly notifies: boolean
}

interface Known {
  readonly seccomp: Seccomp
  readonly architecture: Architecture
  readonly filter: CompiledFilter
  /** The profile as text; only made when there is another to compare it with: a command compiles just one. */
  text?: string
}

/** Filters made before, the latest last. Engines give most of their containers the same profile. */
const known: Known[] = []
const KEPT = 8

/**
 * The filter of a valid profile for a machine: for its own architecture, and for those of the profile that it runs
 * beside it. Throws SpecError, with the place in config.json, for rules that contradict each other and for a filter
 * longer than the kernel takes. The same profile is compiled once; its filter must not be changed.
 */
export function compileSeccomp(seccomp: Seccomp, architecture: Architecture): CompiledFilter {
  let text: string | undefined
  for (const entry of known) {
    if (entry.architecture !== architecture) continue
    if (entry.seccomp === seccomp) return entry.filter
    entry.text ??= textOf(entry.seccomp)
    text ??= textOf(seccomp)
    if (entry.text === text) return entry.filter
  }
  const filter = compiled(seccomp, architecture)
  if (known.length === KEPT) known.shift()
  known.push(text === undefined ? { seccomp, architecture, filter } : { seccomp, architecture, filter, text })
  return filter
}

const textOf = (seccomp: Seccomp): string =>
  JSON.stringify(seccomp, (_, value) => (typeof value === 'bigint' ? value.toString() : value))

function compiled(seccomp: Seccomp, architecture: Architecture): CompiledFilter {
  const program = new Program()
  const policy = policyOf(seccomp)
  write(program, policy.byDefault, sections(policy, architecture, seccomp.architectures ?? []))
  if (program.length > MAX_INSTRUCTIONS)
    throw new SpecError('config.json', [
      {
        pointer: '/linux/seccomp/syscalls',
        message: `takes a filter of ${program.length} instructions; the kernel has room for ${MAX_INSTRUCTIONS}`,
        hint: 'use fewer rules with conditions on arguments, or fewer architectures',
      },
    ])
  const notifies = seccomp.syscalls?.some(({ action }) => action === 'SCMP_ACT_NOTIFY') ?? false
  return { program: program.bytes(), length: program.length, flags: flagsOf(seccomp, notifies), notifies }
}

/** These let calls pass, or leave it to somebody who knows new calls: nothing is to be said about calls unheard of. */
const LENIENT: readonly number[] = [
  SECCOMP_RET.SECCOMP_RET_ALLOW,
  SECCOMP_RET.SECCOMP_RET_LOG,
  SECCOMP_RET.SECCOMP_RET_TRACE,
]

function policyOf(seccomp: Seccomp): Policy {
  const action = verdictOf(seccomp.defaultAction, 0)
  const byDefault = verdictOf(seccomp.defaultAction, seccomp.defaultErrnoRet)
  // C libraries try a new call and fall back to an older one on ENOSYS, but give up on EPERM. As runc does it.
  const newer = LENIENT.includes(action) ? byDefault : ENOSYS
  return { calls: callsOf(seccomp, byDefault), byDefault, newer }
}

/** The machine's own architecture first; those that it cannot run need no part of the filter. */
function sections(policy: Policy, machine: Architecture, named: NonNullable<Seccomp['architectures']>): Ranges[] {
  if (machine === 'aarch64')
    return named.includes('SCMP_ARCH_ARM') ? [aarch64Ranges(policy), armRanges(policy)] : [aarch64Ranges(policy)]
  const own = x86Ranges(policy, named.includes('SCMP_ARCH_X32'))
  return named.includes('SCMP_ARCH_X86') ? [own, i386Ranges(policy)] : [own]
}

/** From the end: the calls of each architecture, the choice of the architecture. Others are killed, as by libseccomp. */
function write(program: Program, byDefault: number, sections: readonly Ranges[]): void {
  const lookUp = new Decision(program, byDefault)
  const parts = sections.toReversed().map(({ audit, starts, verdicts }) => {
    program.follow(lookUp.between(starts, verdicts, 0, starts.length))
    return { audit, label: program.step(FILTER_OP.LOAD, SECCOMP_DATA.nr) }
  })
  let next = program.returns(SECCOMP_RET.SECCOMP_RET_KILL_THREAD)
  for (const { audit, label } of parts) next = program.branch(FILTER_OP.IF_EQUAL, audit, label, next)
  program.step(FILTER_OP.LOAD, SECCOMP_DATA.arch)
}

/** Without any named, a filter leaves speculation alone: runc's default. */
function flagsOf({ flags }: Seccomp, notifies: boolean): bigint {
  const { bits } = SECCOMP_FILTER_FLAG
  let word = notifies ? bits.SECCOMP_FILTER_FLAG_NEW_LISTENER : 0n
  if (flags === undefined) word |= bits.SECCOMP_FILTER_FLAG_SPEC_ALLOW
  else
    for (const flag of flags) {
      // The one thread that loads the filter has no other to take along, and nobody waits without a listener: with these
      // the kernel would refuse what is no mistake.
      if (flag === 'SECCOMP_FILTER_FLAG_TSYNC') continue
      if (flag === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' && !notifies) continue
      word |= bits[flag]
    }
  return word
}
