// process.rlimits. Two steps, because they have different needs: to raise a hard limit takes CAP_SYS_RESOURCE of the
// host, so with a user namespace it happens before that namespace is there; the exact values come as late as possible,
// since the set-up may need more (processes, descriptors) than the program gets. To lower a limit takes nothing.
// See prlimit(2), getrlimit(2).
import { RLIM_INFINITY, RLIMIT, rlimit64 } from '../abi/resource.ts'
import type { Origin } from '../errors.ts'
import { address, cell, jump, label, NULL, type Op, set, slotIn, struct, syscall } from '../program/op.ts'
import type { Rlimit } from '../spec/gen/types.ts'
import { hasNamespace, type PlanContext, pointer } from './context.ts'
import { field } from './memory.ts'

const SELF = 0
/** Descriptors that init opens between planLimits and execve at most: exec.fifo, /dev/null, a hook's pidfd, and some more. */
const SPARE = 16

interface Limit extends Rlimit {
  readonly origin: Origin
}

/** The one of open descriptors as the caller had it, unless the config has another: the engine has raised ours. */
function limits(context: PlanContext): Limit[] {
  const asked = askedLimits(context)
  const { descriptorLimit } = context.facts
  if (descriptorLimit === undefined || asked.some(({ type }) => type === 'RLIMIT_NOFILE')) return asked
  const intent = `give back the caller's RLIMIT_NOFILE of ${named(descriptorLimit.soft)}`
  return [...asked, { type: 'RLIMIT_NOFILE', ...descriptorLimit, origin: { intent } }]
}

const askedLimits = (context: PlanContext): Limit[] =>
  (context.spec.process.rlimits ?? []).map((limit, index) => ({
    ...limit,
    origin: {
      pointer: pointer('process', 'rlimits', index),
      intent: `set ${limit.type} to ${named(limit.soft)}:${named(limit.hard)}`,
    },
  }))

const named = (value: number | bigint): string => (value === RLIM_INFINITY ? 'unlimited' : String(value))

/** Raises the hard limits while the privileges of the host are there; nothing is lowered. */
export function planHostLimits(context: PlanContext): Op[] {
  return hasNamespace(context, 'user') ? askedLimits(context).flatMap(raise) : []
}

/** All but a RLIMIT_NOFILE that would leave init itself without descriptors: that one is only made possible here. */
export function planLimits(context: PlanContext): Op[] {
  const privileged = !hasNamespace(context, 'user')
  return limits(context).flatMap(limit => {
    if (!isTooTight(context, limit)) return [exactly(limit)]
    return privileged ? raise(limit) : []
  })
}

/** The rest, right before execve, which needs no descriptor. */
export const planLastLimits = (context: PlanContext): Op[] =>
  limits(context)
    .filter(limit => isTooTight(context, limit))
    .map(exactly)

const isTooTight = (context: PlanContext, { type, soft }: Limit): boolean =>
  type === 'RLIMIT_NOFILE' && soft < context.numbers.end + SPARE

const exactly = ({ type, soft, hard, origin }: Limit): Op => {
  const value = struct(
    rlimit64,
    { rlim_cur: soft, rlim_max: hard },
    `{rlim_cur=${named(soft)}, rlim_max=${named(hard)}}`,
  )
  return syscall('prlimit64', [SELF, RLIMIT.values[type], value, NULL], origin)
}

function raise({ type, hard, origin }: Limit): Op[] {
  const resource = RLIMIT.values[type]
  const current = cell(type, rlimit64.size)
  const enough = label(`${type} is high enough`)
  return [
    syscall('prlimit64', [SELF, resource, NULL, address(current)], origin),
    jump(enough, origin, field(current, rlimit64, 'rlim_max', 'ge', BigInt(hard), { named: named(hard) })),
    set(slotIn(current, rlimit64.offset('rlim_max')), hard, origin),
    syscall('prlimit64', [SELF, resource, address(current), NULL], origin),
    enough,
  ]
}
