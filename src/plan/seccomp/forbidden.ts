// Whether a filter lets init get as far as the program: without execve there is none. The filter is asked as the kernel
// would ask it, only that the arguments of a call are not known here: a verdict that depends on them is left to the
// kernel. So a profile that cannot work is refused by create, with the call to be allowed, instead of a container that
// ends without a word.
import { type Architecture, column } from '../../abi/architecture.ts'
import { AUDIT_ARCH, FILTER_OP, INSTRUCTION_SIZE, SECCOMP_DATA, SECCOMP_RET } from '../../abi/seccomp-filter.ts'
import { SYSCALLS, type SyscallName } from '../../abi/syscalls.ts'
import { type Problem, SpecError } from '../../errors.ts'
import type { CompiledFilter } from './compile.ts'

const MACHINE: Readonly<Record<Architecture, number>> = {
  x86_64: AUDIT_ARCH.AUDIT_ARCH_X86_64,
  aarch64: AUDIT_ARCH.AUDIT_ARCH_AARCH64,
}

/** As a profile calls them. A call that is traced may be allowed by the tracer, and one that is notified by the agent. */
const FORBIDS: ReadonlyMap<number, string> = new Map([
  [SECCOMP_RET.SECCOMP_RET_ERRNO, 'SCMP_ACT_ERRNO'],
  [SECCOMP_RET.SECCOMP_RET_TRAP, 'SCMP_ACT_TRAP'],
  [SECCOMP_RET.SECCOMP_RET_KILL_THREAD, 'SCMP_ACT_KILL_THREAD'],
  [SECCOMP_RET.SECCOMP_RET_KILL_PROCESS, 'SCMP_ACT_KILL_PROCESS'],
])

/** Throws SpecError for the calls that the filter forbids. */
export function checkCalls(filter: CompiledFilter, architecture: Architecture, calls: Iterable<SyscallName>): void {
  const problems: Problem[] = []
  for (const name of calls) {
    const number = SYSCALLS[name][column(architecture)]
    const returned = number === null ? undefined : verdict(filter.program, MACHINE[architecture], number)
    const action = returned === undefined ? undefined : FORBIDS.get(withoutData(returned))
    if (action === undefined) continue
    problems.push({
      pointer: '/linux/seccomp',
      message: `${name} is blocked by the container's own seccomp filter (${action}), and init needs it`,
      hint: `allow ${name} in /linux/seccomp/syscalls`,
    })
  }
  if (problems.length > 0) throw new SpecError('config.json', problems)
}

const withoutData = (returned: number): number => (returned & ~0xffff) >>> 0

/** A call, and its first argument where that is known. */
export type Call = SyscallName | readonly [SyscallName, bigint]

/** Whether the filter surely lets all of the calls through, without asking anybody. */
export function allows(filter: CompiledFilter, architecture: Architecture, calls: Iterable<Call>): boolean {
  for (const call of calls) {
    const [name, first] = typeof call === 'string' ? [call] : call
    const number = SYSCALLS[name][column(architecture)]
    const returned = number === null ? undefined : verdict(filter.program, MACHINE[architecture], number, first)
    if (returned === undefined || !LETS_THROUGH.includes(withoutData(returned))) return false
  }
  return true
}

const LETS_THROUGH: readonly number[] = [SECCOMP_RET.SECCOMP_RET_ALLOW, SECCOMP_RET.SECCOMP_RET_LOG]

/** What a filter returns for a call; undefined when that depends on arguments that are not known. */
export function verdict(program: Uint8Array, machine: number, number: number, first?: bigint): number | undefined {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  let accumulator: number | undefined
  for (let at = 0; at < program.length; at += INSTRUCTION_SIZE) {
    const code = view.getUint16(at, true)
    const k = view.getUint32(at + 4, true)
    if (code === FILTER_OP.RETURN) return k
    if (code === FILTER_OP.LOAD)
      accumulator = k === SECCOMP_DATA.nr ? number : k === SECCOMP_DATA.arch ? machine : halfOf(first, k)
    else if (code === FILTER_OP.AND) accumulator = accumulator === undefined ? undefined : (accumulator & k) >>> 0
    else if (code === FILTER_OP.JUMP) at += k * INSTRUCTION_SIZE
    else {
      const holds = accumulator === undefined ? undefined : compare(code, accumulator, k)
      if (holds === undefined) return undefined
      at += view.getUint8(at + (holds ? 2 : 3)) * INSTRUCTION_SIZE
    }
  }
  return undefined
}

/** The half of the first argument that lies at an offset of struct seccomp_data. */
function halfOf(first: bigint | undefined, offset: number): number | undefined {
  const at = BigInt(offset - SECCOMP_DATA.args)
  if (first === undefined || (at !== 0n && at !== 4n)) return undefined
  return Number((first >> (8n * at)) & 0xffff_ffffn)
}

/** Undefined for what is no comparison with a constant. */
function compare(code: number, value: number, k: number): boolean | undefined {
  switch (code) {
    case FILTER_OP.IF_EQUAL:
      return value === k
    case FILTER_OP.IF_GREATER:
      return value > k
    case FILTER_OP.IF_NOT_LESS:
      return value >= k
    default:
      return undefined
  }
}
