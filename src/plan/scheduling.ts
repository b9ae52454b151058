// When and where the program runs: CPU affinity, process.scheduler, process.ioPriority, linux.memoryPolicy.
// Set late, so that the set-up runs like its caller (and may fork, which SCHED_DEADLINE forbids), but before the switch
// of user, which gives CAP_SYS_NICE away. A user namespace does so much earlier: the kernel wants that capability of
// the first one. There the properties are set before it is made, and inherited by the fork.
// Documents: sched(7), sched_setattr(2), ioprio_set(2), set_mempolicy(2).
import {
  IOPRIO_CLASS,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_WHO,
  MPOL,
  MPOL_F,
  SCHED,
  SCHED_FLAG,
  schedAttr,
} from '../abi/scheduling.ts'
import { type Origin, UnsupportedError } from '../errors.ts'
import { bytes, type DataOperand, NULL, type Op, struct, syscall } from '../program/op.ts'
import type { IoPriority, MemoryPolicy, Scheduler } from '../spec/gen/types.ts'
import { numbersOf } from '../spec/number-list.ts'
import { hasNamespace, type PlanContext } from './context.ts'

const SELF = 0

/** What takes a privilege, before a user namespace is made or joined. */
export function planHostScheduling(context: PlanContext): Op[] {
  if (!hasNamespace(context, 'user')) return []
  const { scheduler, ioPriority } = context.spec.process
  return [
    ...(scheduler === undefined ? [] : earlyScheduler(scheduler)),
    ...(ioPriority?.class === 'IOPRIO_CLASS_RT' ? setIoPriority(ioPriority) : []),
  ]
}

export function planScheduling(context: PlanContext): Op[] {
  const { scheduler, ioPriority } = context.spec.process
  const hadPrivilege = hasNamespace(context, 'user') && ioPriority?.class === 'IOPRIO_CLASS_RT'
  return [
    useAllCpus(),
    ...(scheduler === undefined ? [] : [setScheduler(scheduler, scheduler.flags ?? [])]),
    ...(ioPriority === undefined || hadPrivilege ? [] : setIoPriority(ioPriority)),
    ...planMemoryPolicy(context),
  ]
}

/** The largest NR_CPUS that a kernel can be built with, in bytes; what the machine has not got is ignored. */
const CPU_MASK_BYTES = 8192 / 8

/**
 * The caller's own affinity is none of the container's business, but since Linux 6.2 it would be kept beside the
 * cpuset. Also those CPUs are asked for that the cpuset does not have: it may grow. As runc does it; a kernel or
 * sandbox that does not let us is accepted.
 */
function useAllCpus(): Op {
  const mask = bytes(new Uint8Array(CPU_MASK_BYTES).fill(0xff), '<all CPUs>')
  const origin = { intent: 'run on every CPU of the cpuset' }
  return syscall('sched_setaffinity', [SELF, CPU_MASK_BYTES, mask], origin, { on: { errnos: 'any' } })
}

// ---- scheduler ----

const schedulerOrigin = (policy: string): Origin => ({
  pointer: '/process/scheduler',
  intent: `set the scheduling policy ${policy}`,
})

/**
 * Without the flag that init, which is forked off, would lose the policy by. It sets it again with it, which takes no
 * privilege any more. A deadline cannot be inherited, and is refused to everybody in a user namespace.
 */
function earlyScheduler(scheduler: Scheduler): Op[] {
  const { policy, nice = 0, flags = [] } = scheduler
  if (policy === 'SCHED_DEADLINE')
    throw new UnsupportedError('the kernel gives SCHED_DEADLINE to no process in a user namespace', {
      where: '/process/scheduler/policy',
      hint: 'take the user namespace out of /linux/namespaces, or use SCHED_FIFO or SCHED_RR',
    })
  if (policy !== 'SCHED_FIFO' && policy !== 'SCHED_RR' && nice >= 0) return []
  const lasting = flags.filter(flag => flag !== 'SCHED_FLAG_RESET_ON_FORK')
  return [setScheduler(scheduler, lasting)]
}

function setScheduler(scheduler: Scheduler, names: readonly (keyof typeof SCHED_FLAG.bits)[]): Op {
  const { policy, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler
  let flags = 0n
  for (const name of names) flags |= SCHED_FLAG.bits[name]
  const values = {
    size: schedAttr.size,
    sched_policy: SCHED.values[policy],
    sched_flags: flags,
    sched_nice: nice,
    sched_priority: priority,
    sched_runtime: runtime,
    sched_deadline: deadline,
    sched_period: period,
  }
  const attr = struct(schedAttr, values, () => attributeText(policy, flags, values))
  return syscall('sched_setattr', [SELF, attr, 0], schedulerOrigin(policy))
}

/** Policy and flags by name, and of the rest what is not 0. */
function attributeText(policy: string, flags: bigint, values: Readonly<Record<string, number | bigint>>): string {
  const words = [`sched_policy=${policy}`, ...(flags === 0n ? [] : [`sched_flags=${SCHED_FLAG.format(flags)}`])]
  for (const name of ['nice', 'priority', 'runtime', 'deadline', 'period'].map(name => `sched_${name}`))
    if (values[name] && BigInt(values[name]) !== 0n) words.push(`${name}=${values[name]}`)
  return `{${words.join(', ')}}`
}

// ---- I/O ----

/** Of this one process: whatever it starts inherits it, and there is no other yet. */
function setIoPriority({ class: name, priority }: IoPriority): Op[] {
  const origin = { pointer: '/process/ioPriority', intent: `set the I/O priority ${name} ${priority}` }
  const value = (IOPRIO_CLASS.values[name] << IOPRIO_CLASS_SHIFT) | BigInt(priority)
  return [syscall('ioprio_set', [IOPRIO_WHO.values.IOPRIO_WHO_PROCESS, SELF, value], origin)]
}

// ---- memory nodes ----

/** MAX_NUMNODES of a kernel with the largest NODES_SHIFT. */
const MAX_NODES = 1024

function planMemoryPolicy({ spec, facts }: PlanContext): Op[] {
  const policy = spec.linux?.memoryPolicy
  if (policy === undefined) return []
  const nodes = numbersOf(policy.nodes ?? '', MAX_NODES - 1) ?? []
  const { flags = [], mode } = policy
  refuseMissingNodes(policy, nodes, facts.memoryNodes)
  let word = MPOL.values[mode]
  for (const flag of flags) word |= MPOL_F.bits[flag]
  const origin = { pointer: '/linux/memoryPolicy', intent: `set the memory policy ${mode}` }
  // the kernel takes one away from the number of bits that it is told
  const mask = nodes.length === 0 ? [NULL, 0] : [nodeMask(nodes), maskBits(nodes) + 1]
  return [syscall('set_mempolicy', [word, ...mask], origin)]
}

/** The kernel ignores those that are not there, and says EINVAL when none is left. Relative ones are counted anew. */
function refuseMissingNodes({ flags, nodes: list }: MemoryPolicy, nodes: readonly number[], found = ''): void {
  if (found === '' || nodes.length === 0 || flags?.includes('MPOL_F_RELATIVE_NODES')) return
  const present = numbersOf(found, MAX_NODES - 1) ?? []
  if (nodes.some(node => present.includes(node))) return
  throw new UnsupportedError(`this machine has none of the memory nodes ${list}`, {
    where: '/linux/memoryPolicy/nodes',
    hint: `it has ${found} (/sys/devices/system/node/has_memory)`,
  })
}

const WORD = 64
const maskBits = (nodes: readonly number[]): number => WORD * (Math.floor(Math.max(...nodes) / WORD) + 1)

function nodeMask(nodes: readonly number[]): DataOperand {
  const mask = new Uint8Array(maskBits(nodes) / 8)
  for (const node of nodes) mask[node >> 3] = (mask[node >> 3] ?? 0) | (1 << (node & 7))
  return bytes(mask, `<nodes ${nodes.join(', ')}>`)
}
