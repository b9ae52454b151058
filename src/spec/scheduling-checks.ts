// Rules of what says when and where the program runs: `process.scheduler`, `process.execCPUAffinity`,
// `linux.memoryPolicy` and `linux.personality`. Those of the kernel are sched_setattr(2), sched(7), set_mempolicy(2):
// its own answer to a breach of any of them is a bare EINVAL.
import type { Check, Draft, Report } from './draft.ts'
import type { Scheduler } from './gen/types.ts'
import { numbersOf } from './number-list.ts'

const SCHEDULER = '/process/scheduler'

/** A nice value is allowed with every policy, as under runc: the kernel ignores it where it has no meaning. */
export const schedulerFitsPolicy: Check = ({ process }, report) => {
  const scheduler = process?.scheduler
  if (scheduler?.policy === undefined) return
  const { policy, priority, runtime, deadline, period } = scheduler
  const only = (value: number | bigint | undefined, name: string, ...policies: string[]): void => {
    // Zero is what an absent one means.
    if (!value || policies.includes(policy)) return
    report(`${SCHEDULER}/${name}`, `is only for ${policies.join(' and ')}; the policy is ${policy}`)
  }
  only(priority, 'priority', 'SCHED_FIFO', 'SCHED_RR')
  only(runtime, 'runtime', 'SCHED_DEADLINE')
  only(deadline, 'deadline', 'SCHED_DEADLINE')
  only(period, 'period', 'SCHED_DEADLINE')
  policyIsKnown(scheduler, report)
}

/** With these flags the kernel takes what the process has, and not what the config says. */
const keepsOwn = ({ flags }: Draft<Scheduler>): boolean =>
  flags?.some(flag => flag === 'SCHED_FLAG_KEEP_POLICY' || flag === 'SCHED_FLAG_KEEP_PARAMS') ?? false

function policyIsKnown(scheduler: Draft<Scheduler>, report: Report): void {
  const { policy, priority } = scheduler
  if (policy === 'SCHED_ISO') report(`${SCHEDULER}/policy`, 'SCHED_ISO is reserved: no kernel has this policy')
  if (keepsOwn(scheduler)) return
  if ((policy === 'SCHED_FIFO' || policy === 'SCHED_RR') && !priority)
    report(`${SCHEDULER}/priority`, `must be from 1 to 99 with ${policy}; found ${priority ?? 'none'}`)
  if (policy === 'SCHED_DEADLINE') deadlineIsSound(scheduler, report)
}

/** sched_setattr(2): "at least 1024 [ns], that is, just over one microsecond, and less than 2^63". */
const [LEAST_TIME, TIME_END] = [1024n, 2n ** 63n]

function deadlineIsSound(scheduler: Draft<Scheduler>, report: Report): void {
  const [runtime, deadline, period] = (['runtime', 'deadline', 'period'] as const).map(name => {
    const time = BigInt(scheduler[name] ?? 0)
    if (time >= TIME_END) report(`${SCHEDULER}/${name}`, `must be below 2^63 nanoseconds; found ${time}`)
    return time
  }) as [bigint, bigint, bigint] // as many as there are names
  if (runtime < LEAST_TIME)
    report(`${SCHEDULER}/runtime`, `must be at least ${LEAST_TIME} nanoseconds with SCHED_DEADLINE; found ${runtime}`)
  if (deadline < runtime)
    report(`${SCHEDULER}/deadline`, `must not be before the end of the runtime of ${runtime}; found ${deadline}`)
  if (period !== 0n && period < deadline)
    report(`${SCHEDULER}/period`, `must not be shorter than the deadline of ${deadline}; found ${period}`)
}

/** The largest NR_CPUS and MAX_NUMNODES that a kernel can be built with. */
const [LAST_CPU, LAST_NODE] = [8191, 1023]

function listIsSound(list: string | undefined, last: number, place: string, report: Report): number | undefined {
  if (list === undefined) return 0
  const numbers = numbersOf(list, last)
  if (numbers === undefined)
    report(place, `must be a list such as "0-3,7" of numbers up to ${last}; found ${JSON.stringify(list)}`)
  return numbers?.length
}

export const affinitySound: Check = ({ process }, report) => {
  const { execCPUAffinity } = process ?? {}
  if (execCPUAffinity === undefined) return
  for (const name of ['initial', 'final'] as const)
    listIsSound(execCPUAffinity[name], LAST_CPU, `/process/execCPUAffinity/${name}`, report)
}

const POLICY = '/linux/memoryPolicy'

/** Modes without nodes; of the others only MPOL_PREFERRED may do without. */
const NODELESS = ['MPOL_DEFAULT', 'MPOL_LOCAL']

export const memoryPolicySound: Check = ({ linux }, report) => {
  const { mode, nodes, flags = [] } = linux?.memoryPolicy ?? {}
  if (mode === undefined) return
  const count = listIsSound(nodes, LAST_NODE, `${POLICY}/nodes`, report)
  if (count === undefined) return
  if (NODELESS.includes(mode)) {
    if (count > 0) report(`${POLICY}/nodes`, `${mode} takes no nodes; found ${JSON.stringify(nodes)}`)
  } else if (count === 0 && mode !== 'MPOL_PREFERRED') report(`${POLICY}/nodes`, `${mode} needs at least one node`)
  const has = (flag: (typeof flags)[number]): boolean => flags.includes(flag)
  const counted = has('MPOL_F_STATIC_NODES') || has('MPOL_F_RELATIVE_NODES')
  if (has('MPOL_F_STATIC_NODES') && has('MPOL_F_RELATIVE_NODES'))
    report(`${POLICY}/flags`, 'MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other')
  else if (counted && count === 0 && mode !== 'MPOL_DEFAULT')
    report(`${POLICY}/flags`, 'say how nodes are counted, but there are no nodes')
  if (has('MPOL_F_NUMA_BALANCING') && mode !== 'MPOL_BIND' && mode !== 'MPOL_PREFERRED_MANY')
    report(`${POLICY}/flags`, `MPOL_F_NUMA_BALANCING is only for MPOL_BIND and MPOL_PREFERRED_MANY; found ${mode}`)
}

/** config-linux.md: "Currently no flag values are supported", and config.md demands an error for every other value. */
export const personalityWithoutFlags: Check = ({ linux }, report) => {
  const [flag] = linux?.personality?.flags ?? []
  if (flag !== undefined)
    report('/linux/personality/flags/0', `no flags are supported; found ${JSON.stringify(flag)}`, 'leave them out')
}
