// The five capability sets of process.capabilities. Without them the program has none, as under runc.
// The bounding set is cut while the runtime still has CAP_SETPCAP, the rest is set after the switch of user.
// What this kernel does not know, or would not grant, is left out with a warning: config.md#linux-process.
// See capabilities(7), "Transformation of capabilities during execve()", and credentials(7).
import { CAP, CAPABILITY_VERSION_3, capabilityName, capData, capHeader } from '../abi/capability.ts'
import { AMBIENT, PR } from '../abi/prctl.ts'
import type { Origin } from '../errors.ts'
import { type DataOperand, type Op, struct, syscall } from '../program/op.ts'
import type { CapabilitySet, CapabilitySets, PlanContext } from './context.ts'

/** What of each set can be granted; says once what cannot. */
export function capabilitySets(context: PlanContext): CapabilitySets {
  context.capabilities ??= new Grants(context).sets()
  return context.capabilities
}

/** Names that cannot be granted, by the reason. */
class Grants {
  readonly #context: PlanContext
  readonly #refused = new Map<string, Set<string>>()

  constructor(context: PlanContext) {
    this.#context = context
  }

  sets(): CapabilitySets {
    const bounding = this.#asked('bounding')
    const permitted = this.#asked('permitted')
    const within = (set: CapabilitySet, other: readonly number[], reason: string): number[] =>
      this.#asked(set).filter(number => other.includes(number) || this.#refuse(number, reason))
    const effective = within('effective', permitted, 'effective, but not permitted')
    const inheritable = within('inheritable', bounding, 'inheritable, but not in the bounding set')
    const both = inheritable.filter(number => permitted.includes(number))
    const ambient = within('ambient', both, 'ambient, but not permitted and inheritable')
    for (const [reason, names] of this.#refused) {
      const message = `ignoring ${[...names].join(', ')} of process.capabilities: ${reason}`
      this.#context.warnings.push({ pointer: '/process/capabilities', message })
    }
    return { bounding, effective, inheritable, permitted, ambient }
  }

  #asked(set: CapabilitySet): number[] {
    const { lastCapability, capabilities: held } = this.#context.facts
    const numbers: number[] = []
    for (const name of this.#context.spec.process.capabilities?.[set] ?? []) {
      const number = numberOf(name)
      if (number === undefined || number > lastCapability) this.#refuse(name, 'unknown or unavailable capabilities')
      else if (held?.includes(number) === false) this.#refuse(number, 'tsrunc does not have them itself')
      else if (!numbers.includes(number)) numbers.push(number)
    }
    return numbers.sort((a, b) => a - b)
  }

  #refuse(capability: number | string, reason: string): false {
    const name = typeof capability === 'string' ? capability : named([capability])
    const names = this.#refused.get(reason)
    if (names === undefined) this.#refused.set(reason, new Set([name]))
    else names.add(name)
    return false
  }
}

const numberOf = (name: string): number | undefined =>
  name.startsWith('CAP_') ? (CAP as Readonly<Record<string, number>>)[name] : undefined // nothing else begins so

const prctl = (option: keyof typeof PR.values, second: bigint | number, third: bigint | number, origin: Origin): Op =>
  syscall('prctl', [PR.values[option], second, third, 0, 0], origin)

export function planBoundingSet(context: PlanContext): Op[] {
  const origin = { pointer: '/process/capabilities/bounding', intent: 'cut the bounding set' }
  const kept = capabilitySets(context).bounding
  const ops: Op[] = []
  for (let number = 0; number <= context.facts.lastCapability; number++)
    if (!kept.includes(number)) ops.push(prctl('PR_CAPBSET_DROP', number, 0, origin))
  return ops
}

/** Root that becomes another user would lose all sets; execve takes the setting back. */
export function planKeepCapabilities(context: PlanContext): Op[] {
  if (context.spec.process.user.uid === 0) return []
  const origin = { pointer: '/process/capabilities', intent: 'keep capabilities across the switch of user' }
  return [prctl('PR_SET_KEEPCAPS', 1, 0, origin)]
}

export function planCapabilities(context: PlanContext): Op[] {
  return [capset(context, borrowsAdmin(context) ? [CAP.CAP_SYS_ADMIN] : []), ...planAmbientSet(context)]
}

/**
 * To load a seccomp filter takes CAP_SYS_ADMIN where new privileges are not forbidden. The program does not get it in
 * any case: execve makes its permitted and effective sets from the inheritable, ambient and bounding ones alone
 * (capabilities(7)). Yet whoever may trace processes of the container could use it meanwhile.
 */
export function borrowsAdmin(context: PlanContext): boolean {
  const { linux, process } = context.spec
  if (linux?.seccomp === undefined || process.noNewPrivileges) return false
  return !capabilitySets(context).effective.includes(CAP.CAP_SYS_ADMIN)
}

export const returnAdmin = (context: PlanContext): Op[] => [capset(context, [])]

function capset(context: PlanContext, borrowed: readonly number[]): Op {
  const origin = { pointer: '/process/capabilities', intent: 'set the capabilities' }
  const header = struct(
    capHeader,
    { version: CAPABILITY_VERSION_3, pid: 0 },
    '{version=_LINUX_CAPABILITY_VERSION_3, pid=0}',
  )
  return syscall('capset', [header, capsetData(context, borrowed)], origin)
}

const WORD = 32

function capsetData(context: PlanContext, borrowed: readonly number[]): DataOperand {
  const words: Partial<Record<keyof typeof capData.fields, number>> = {}
  const texts: (() => string)[] = []
  for (const set of ['effective', 'permitted', 'inheritable'] as const) {
    const asked = capabilitySets(context)[set]
    const more = set === 'inheritable' ? [] : borrowed.filter(number => !asked.includes(number))
    const numbers = more.length === 0 ? asked : [...asked, ...more].sort((a, b) => a - b)
    let [low, high] = [0, 0]
    for (const number of numbers)
      if (number < WORD) low += 2 ** number
      else high += 2 ** (number - WORD)
    words[`${set}_low`] = low
    words[`${set}_high`] = high
    texts.push(() => `${set}=${named(numbers)}`)
  }
  return struct(capData, words, () => `{${texts.map(text => text()).join(', ')}}`)
}

const named = (numbers: readonly number[]): string =>
  numbers.map(number => capabilityName(number) ?? String(number)).join('|') || '0'

/** Securebits of the caller may forbid all of them: accepted, as runc does. */
function planAmbientSet(context: PlanContext): Op[] {
  const origin = { pointer: '/process/capabilities/ambient', intent: 'set the ambient capabilities' }
  const { PR_CAP_AMBIENT_CLEAR_ALL, PR_CAP_AMBIENT_RAISE } = AMBIENT.values
  const raise = capabilitySets(context).ambient.map((number): Op => {
    const args = [PR.values.PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0]
    return syscall('prctl', args, origin, { on: { errnos: ['EPERM', 'EINVAL'] } })
  })
  return [prctl('PR_CAP_AMBIENT', PR_CAP_AMBIENT_CLEAR_ALL, 0, origin), ...raise]
}
