// The five capability sets of process.capabilities. Without them the program has none, as under runc.
// The bounding set is cut while the runtime still has CAP_SETPCAP, the rest is set after the switch of user.
// A capability that this kernel does not know yet is left out; one that the caller does not hold lets capset fail.
// See capabilities(7) and credentials(7).
import { CAP, CAPABILITY_VERSION_3, capabilityName, capData, capHeader } from '../abi/capability.ts'
import { AMBIENT, PR } from '../abi/prctl.ts'
import { type Origin, UnsupportedError } from '../errors.ts'
import { type DataOperand, type Op, struct, syscall } from '../program/op.ts'
import { type PlanContext, pointer } from './context.ts'

const SETS = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'] as const
export type CapabilitySet = (typeof SETS)[number]

/** Numbers of the capabilities in a set that this kernel knows, in their order. */
export function capabilitySet(context: PlanContext, set: CapabilitySet): number[] {
  const names = context.spec.process.capabilities?.[set] ?? []
  const numbers: number[] = []
  for (const [index, name] of names.entries()) {
    const number = numberOf(name)
    if (number === undefined)
      throw new UnsupportedError(`process.capabilities.${set}: ${JSON.stringify(name)} is not a capability`, {
        where: pointer('process', 'capabilities', set, index),
        hint: 'the names are those of capabilities(7), such as CAP_CHOWN',
      })
    if (number <= context.facts.lastCapability && !numbers.includes(number)) numbers.push(number)
  }
  return numbers.sort((a, b) => a - b)
}

const numberOf = (name: string): number | undefined =>
  name.startsWith('CAP_') ? (CAP as Readonly<Record<string, number>>)[name] : undefined // nothing else begins so

const prctl = (option: keyof typeof PR.values, second: bigint | number, third: bigint | number, origin: Origin): Op =>
  syscall('prctl', [PR.values[option], second, third, 0, 0], origin)

export function planBoundingSet(context: PlanContext): Op[] {
  const origin = { pointer: '/process/capabilities/bounding', intent: 'cut the bounding set' }
  const kept = capabilitySet(context, 'bounding')
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
  const origin = { pointer: '/process/capabilities', intent: 'set the capabilities' }
  const header = struct(
    capHeader,
    { version: CAPABILITY_VERSION_3, pid: 0 },
    '{version=_LINUX_CAPABILITY_VERSION_3, pid=0}',
  )
  return [syscall('capset', [header, capsetData(context)], origin), ...planAmbientSet(context)]
}

const WORD = 32

function capsetData(context: PlanContext): DataOperand {
  const words: Partial<Record<keyof typeof capData.fields, number>> = {}
  const texts: (() => string)[] = []
  for (const set of ['effective', 'permitted', 'inheritable'] as const) {
    const numbers = capabilitySet(context, set)
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

/** A capability that is not also inheritable and permitted cannot be ambient: left out without an error, as runc does. */
function planAmbientSet(context: PlanContext): Op[] {
  const origin = { pointer: '/process/capabilities/ambient', intent: 'set the ambient capabilities' }
  const { PR_CAP_AMBIENT_CLEAR_ALL, PR_CAP_AMBIENT_RAISE } = AMBIENT.values
  const raise = capabilitySet(context, 'ambient').map((number): Op => {
    const args = [PR.values.PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0]
    return syscall('prctl', args, origin, { on: { errnos: ['EPERM', 'EINVAL'] } })
  })
  return [prctl('PR_CAP_AMBIENT', PR_CAP_AMBIENT_CLEAR_ALL, 0, origin), ...raise]
}
