// Device rules of linux.resources.devices as a model that both cgroup versions are compiled from: everything is denied
// at first, then the rules of config.json apply in their order, then those that every container gets. A later rule wins
// for each kind of access by itself. The v2 program is device-program.ts's, the v1 lines are at the end of this file.
// Document: config-linux.md "Device allow list"; the kernel's side of v1: security/device_cgroup.c.
import { BPF_DEVCG_ACC } from '../abi/bpf.ts'
import { UnsupportedError } from '../errors.ts'
import type { DeviceRule } from '../spec/gen/types.ts'
import type { Write } from './write.ts'

/** Kinds of access as bits, the kernel's own (include/uapi/linux/bpf.h). */
export const ACCESS = {
  m: Number(BPF_DEVCG_ACC.bits.BPF_DEVCG_ACC_MKNOD),
  r: Number(BPF_DEVCG_ACC.bits.BPF_DEVCG_ACC_READ),
  w: Number(BPF_DEVCG_ACC.bits.BPF_DEVCG_ACC_WRITE),
} as const
export const ALL_ACCESS = ACCESS.m | ACCESS.r | ACCESS.w

export type DeviceType = 'b' | 'c'

/** A rule without defaults: undefined is "any". */
export interface CheckedRule {
  readonly allow: boolean
  readonly type: DeviceType | undefined
  readonly major: number | undefined
  readonly minor: number | undefined
  readonly access: number
  /** Place in config.json; undefined for a rule that every container gets. */
  readonly pointer: string | undefined
}

/** [type, major, minor, access]; what a container can not do without, appended as runc does. */
const DEFAULTS: readonly (readonly [DeviceType, number | undefined, number | undefined, string])[] = [
  ['c', undefined, undefined, 'm'], // making a node gives no access to the device behind it
  ['b', undefined, undefined, 'm'],
  ['c', 1, 3, 'rwm'], // null
  ['c', 1, 5, 'rwm'], // zero
  ['c', 1, 7, 'rwm'], // full
  ['c', 1, 8, 'rwm'], // random
  ['c', 1, 9, 'rwm'], // urandom
  ['c', 5, 0, 'rwm'], // tty
  ['c', 5, 2, 'rwm'], // ptmx
  ['c', 136, undefined, 'rwm'], // pts/*
  ['c', 10, 200, 'rwm'], // net/tun
]

const POINTER = '/linux/resources/devices'

/** All rules of a container in the order of their application; the state before the first is "deny everything". */
export function deviceRules(asked: readonly DeviceRule[] | undefined): CheckedRule[] {
  const own = (asked ?? []).map((rule, index) => checked(rule, `${POINTER}/${index}`))
  const defaults = DEFAULTS.map(([type, major, minor, access]) => ({
    ...{ allow: true, type, major, minor },
    access: accessBits(access),
    pointer: undefined,
  }))
  return [...own, ...defaults]
}

function checked(rule: DeviceRule, pointer: string): CheckedRule {
  const number = (value: number | undefined): number | undefined => (value === -1 ? undefined : value)
  return {
    allow: rule.allow,
    type: rule.type === 'a' ? undefined : rule.type,
    major: number(rule.major),
    minor: number(rule.minor),
    access: rule.access ? accessBits(rule.access) : ALL_ACCESS, // absent and "" are all kinds, as for runc
    pointer,
  }
}

function accessBits(text: string): number {
  let bits = 0
  for (const [letter, bit] of Object.entries(ACCESS)) if (text.includes(letter)) bits |= bit
  return bits
}

/** True when a rule decides every access to every device, so that what came before is forgotten. */
export const isTotal = (rule: CheckedRule): boolean =>
  rule.type === undefined && rule.major === undefined && rule.minor === undefined && rule.access === ALL_ACCESS

// ---- cgroup v1: a default and a list of exceptions from it ----

interface Exception {
  readonly type: DeviceType
  readonly major: number | undefined
  readonly minor: number | undefined
  readonly pointer: string | undefined
  access: number
}

type Place = Pick<Exception, 'type' | 'major' | 'minor'>

const part = (outer: number | undefined, inner: number | undefined): boolean => outer === undefined || outer === inner
const covers = (outer: Place, inner: Place): boolean =>
  outer.type === inner.type && part(outer.major, inner.major) && part(outer.minor, inner.minor)
const meets = (a: Place, b: Place): boolean =>
  a.type === b.type &&
  (part(a.major, b.major) || part(b.major, a.major)) &&
  (part(a.minor, b.minor) || part(b.minor, a.minor))

/** Writes that bring a devices group into the state of the rules, whatever it held before. */
export function deviceWrites(rules: readonly CheckedRule[]): Write[] {
  let allow = false
  let exceptions: Exception[] = []
  for (const rule of rules)
    if (isTotal(rule)) {
      allow = rule.allow
      exceptions = []
    } else {
      const types: readonly DeviceType[] = rule.type === undefined ? ['b', 'c'] : [rule.type]
      for (const type of types) exceptions = change(exceptions, { ...rule, type }, rule.allow !== allow)
    }
  const to = (verb: boolean): string => (verb ? 'devices.allow' : 'devices.deny')
  const write = (verb: boolean, value: string, pointer: string | undefined): Write => ({
    ...{ controller: 'devices', file: to(verb), value, late: true, pointer: pointer ?? POINTER },
    ...(pointer === undefined && verb && value !== 'a' ? { whenDenied: 'skip' as const } : {}),
  })
  const lines = exceptions.map(each => write(!allow, exceptionText(each, exceptions), each.pointer))
  return [write(allow, 'a', undefined), ...lines]
}

/** A rule against the default makes an exception; one in its favour takes away from those that it covers. */
function change(exceptions: Exception[], rule: CheckedRule & Place, against: boolean): Exception[] {
  if (against) {
    const same = exceptions.find(each => covers(each, rule) && covers(rule, each))
    if (same === undefined) return [...exceptions, { ...rule }]
    same.access |= rule.access
    return exceptions
  }
  for (const each of exceptions) {
    if ((each.access & rule.access) === 0 || !meets(each, rule)) continue
    if (!covers(rule, each)) throw inexpressible(rule, each)
    each.access &= ~rule.access
  }
  return exceptions.filter(each => each.access !== 0)
}

/** The kernel wants one exception to hold all kinds of an access, so a narrow one carries those of the wide ones. */
function exceptionText(exception: Exception, all: readonly Exception[]): string {
  let access = 0
  for (const wide of all) if (covers(wide, exception)) access |= wide.access
  return `${place(exception)} ${accessText(access)}`
}

const place = ({ type, major, minor }: Place): string => `${type} ${major ?? '*'}:${minor ?? '*'}`
const accessText = (bits: number): string =>
  [...'rwm'].filter(kind => bits & ACCESS[kind as keyof typeof ACCESS]).join('')

const inexpressible = (rule: CheckedRule & Place, from: Exception): UnsupportedError =>
  new UnsupportedError(`cgroup v1 can not take device ${place(rule)} out of an earlier rule for ${place(from)}`, {
    where: rule.pointer ?? from.pointer,
    hint: 'put the narrower rule first or name the devices one by one; cgroup v2 has no such limit',
  })
