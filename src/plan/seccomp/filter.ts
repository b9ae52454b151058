// The ops that load a filter: seccomp(2) with the program of compile.ts. The descriptor of a listener goes to the host
// by its number alone: a message with write(2), the one call that a filter may not hand to its listener, as under runc.
// The host takes its own copy with pidfd_getfd(2) and gives it to the agent; only then can a call of ours wait for it.
import { SECCOMP, SECCOMP_FILTER_FLAG, sockFprog } from '../../abi/seccomp.ts'
import { type Origin, UnsupportedError } from '../../errors.ts'
import { bytes, type DataOperand, fail, type Op, slot, syscall } from '../../program/op.ts'
import type { Seccomp } from '../../spec/gen/types.ts'
import { borrowsAdmin, returnAdmin } from '../capabilities.ts'
import { type Filter, type PlanContext, pointer, say, waitForGo } from '../context.ts'
import { HOOK_CLONE } from '../hooks.ts'
import { type CompiledFilter, compileSeccomp } from './compile.ts'
import { allows, type Call, checkCalls } from './forbidden.ts'

/** Of the op after which the filter is in force: how a program that hands over a listener is recognised. */
const HAND_OVER: Origin = { pointer: '/linux/seccomp/listenerPath', intent: 'hand the listener of the filter over' }

/** `known` are the SECCOMP_FILTER_FLAG_* of the kernel, where a config asks for flags. */
export function planFilter(context: PlanContext, known?: bigint): Filter {
  const { seccomp } = context.spec.linux ?? {}
  if (seccomp === undefined) throw new Error('a filter is planned that nobody asked for')
  const { architecture } = context.facts
  const compiled = compileSeccomp(seccomp, architecture)
  const flags = checkedFlags(seccomp, compiled, known)
  const borrows = borrowsAdmin(context)
  const allowsAll = borrows && allows(compiled, architecture, callsOf(context))
  const isEarly = compiled.notifies || allowsAll
  const loaded = compiled.notifies ? loadWithListener(context, compiled, flags) : [load(compiled, flags)]
  const returns = borrows && allows(compiled, architecture, ['capset'])
  const early = isEarly ? [...loaded, ...(returns ? returnAdmin(context) : [])] : []
  return {
    early,
    late: isEarly ? [] : loaded,
    allowsAll,
    afterExec: AFTER_EXEC,
    check: ops => checkCalls(compiled, architecture, callsBehind(ops, early)),
  }
}

/**
 * What init calls while it waits for `start` and behind that: with a filter that surely lets all of it through
 * CAP_SYS_ADMIN need not be kept for so long (capabilities.ts).
 */
const callsOf = ({ spec }: PlanContext): readonly Call[] =>
  spec.hooks?.startContainer?.length ? [...CALLS, ...HOOK_CALLS] : CALLS
const CALLS: readonly Call[] = [
  'capset',
  'close',
  'execve',
  'exit_group',
  'madvise',
  'openat',
  'prlimit64',
  'read',
  'write',
]
const HOOK_CALLS: readonly Call[] = [
  ['clone', HOOK_CLONE],
  'close_range',
  'dup3',
  'lseek',
  'pidfd_send_signal',
  'ppoll',
  'waitid',
]

const FAKED: Origin = {
  pointer: '/linux/seccomp',
  intent: 'execve was answered by the seccomp filter, or by its listener, as if it had succeeded: nothing is executed',
}
/** A filter can answer a call with 0 without making it, and behind execve nothing of ours may follow. */
const AFTER_EXEC = [fail(0, FAKED)]

/** Whether the program says MESSAGE.LISTENER. */
export const handsListenerOver = (ops: readonly Op[]): boolean =>
  ops.some(op => op.kind !== 'label' && op.origin === HAND_OVER)

const ORIGIN: Origin = { pointer: '/linux/seccomp', intent: 'load the seccomp filter' }

function load({ program, length }: CompiledFilter, flags: bigint, rest?: Parameters<typeof syscall>[3]): Op {
  return syscall('seccomp', [SECCOMP.values.SECCOMP_SET_MODE_FILTER, flags, fprog(program, length)], ORIGIN, rest)
}

/** struct sock_fprog: the length as a word, little endian, then the address. */
function fprog(program: Uint8Array, length: number): DataOperand {
  const instructions = bytes(program)
  const head = sockFprog.encode({ len: length }).subarray(0, sockFprog.offset('filter'))
  return { kind: 'data', parts: [head, instructions], text: `{len=${length}, filter=<${length} instructions>}` }
}

function loadWithListener(context: PlanContext, compiled: CompiledFilter, flags: bigint): Op[] {
  const listener = slot('listener of the filter')
  return [
    load(compiled, flags, { result: listener }),
    ...say(context, 'LISTENER', listener, HAND_OVER),
    ...waitForGo(context, HAND_OVER),
    // an agent that ends must be the last to have it: calls then fail instead of waiting for ever
    syscall('close', [listener], HAND_OVER, { on: { errnos: 'any' } }),
  ]
}

const { SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV } =
  SECCOMP_FILTER_FLAG.bits

/** Without those that change nothing: init has one thread, and without a listener nobody waits for one. */
function checkedFlags(seccomp: Seccomp, { flags, notifies }: CompiledFilter, known?: bigint): bigint {
  const listening = notifies ? 0n : SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
  const used = flags & ~SECCOMP_FILTER_FLAG_TSYNC & ~listening
  const missing = used & ~(known ?? used)
  if (missing === 0n) return used
  const index = seccomp.flags?.findIndex(flag => (SECCOMP_FILTER_FLAG.bits[flag] & missing) !== 0n) ?? -1
  throw new UnsupportedError(`linux.seccomp: this kernel has no ${SECCOMP_FILTER_FLAG.format(missing)}`, {
    where: index < 0 ? '/linux/seccomp' : pointer('linux', 'seccomp', 'flags', index),
    hint: 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs Linux 5.19, and every filter CONFIG_SECCOMP_FILTER',
  })
}

/** What init calls under the filter, whose failure would end it. */
function callsBehind(ops: readonly Op[], early: readonly Op[]): Set<Extract<Op, { kind: 'syscall' }>['name']> {
  const [first] = early
  if (first === undefined) return new Set(['execve'])
  const behind = ops.slice(ops.indexOf(first) + 1)
  return new Set(behind.flatMap(op => (op.kind === 'syscall' && op.on?.errnos !== 'any' ? [op.name] : [])))
}
