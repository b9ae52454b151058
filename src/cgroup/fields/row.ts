// What a row of the resource table is made of, and the makers that several rows share. The rows are in this folder,
// one file a subject; resources.ts puts them in order.
import { SpecError, UnsupportedError } from '../../errors.ts'
import type { Resources } from '../../spec/gen/types.ts'
import { orMax } from '../conversions.ts'
import type { Write } from '../write.ts'

/** 64-bit values of config.json are bigint where a number would round them. */
export type Integer = number | bigint

export type Maker<T> = (value: T, pointer: string, resources: Resources) => readonly Write[]

/** What a property means for one cgroup version: writes, or in words why there are none. */
export type Rule<T> =
  | Maker<T>
  /** Honoured, but not by a write of its own. */
  | { readonly elsewhere: string }
  /** Accepted without effect, since the effect is there anyway or is no longer wanted by anybody. */
  | { readonly ignored: string }
  /** Can not be honoured, so create fails. */
  | { readonly refused: string }

export interface Asked<T> {
  /** Values that ask for nothing: for many numbers that is 0, as runc has it. */
  readonly unset?: (value: T) => boolean
  /** Inclusive; checked here because v2 values are computed from it. */
  readonly range?: readonly [number, number]
}

export interface Row<T = unknown> extends Asked<T> {
  /** Path of the property below linux.resources. */
  readonly field: string
  /** Its controller's name in v1; "" for what has none. */
  readonly controller: string
  readonly value: (resources: Resources) => T | undefined
  readonly v1: Rule<T>
  readonly v2: Rule<T>
}

type Property<T> = readonly [field: string, controller: string, value: (resources: Resources) => T | undefined]

/** A row of the table. The cast is safe: a rule is only ever called with the value of its own row. */
export const row = <T>(property: Property<T>, asked: Asked<T>, v1: Rule<T>, v2: Rule<T>): Row => {
  const [field, controller, value] = property
  return { field, controller, value, ...asked, v1, v2 } as Row
}

type Extra = Partial<Pick<Write, 'needs' | 'together' | 'readBack' | 'late'>>

/** The value as it is, or as `format` has it, into one file. */
export function file<T>(controller: string, name: string, extra: Extra = {}, format = String as Format<T>): Maker<T> {
  return (value, pointer) => [{ controller, file: name, value: format(value), pointer, ...extra }]
}
type Format<T> = (value: T) => string

/** Writes for each entry of a list, under the pointer of that entry. */
export const each =
  <T>(make: (item: T, pointer: string) => readonly Write[]): Maker<readonly T[]> =>
  (items, pointer) =>
    items.flatMap((item, index) => make(item, `${pointer}/${index}`))

export const max = (value: Integer): string => orMax(BigInt(value))
export const isZero = (value: Integer): boolean => BigInt(value) === 0n
export const isEmpty = (value: { readonly length: number }): boolean => value.length === 0
export const hasNoKeys = (value: object): boolean => Object.keys(value).length === 0

export const onlyV1 = (what: string): { readonly refused: string } => ({ refused: `cgroup v2 has no ${what}` })

/** A key as a part of a JSON Pointer (RFC 6901). */
export const asToken = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

export function inRange(value: Integer, [least, most]: readonly [number, number], pointer: string): void {
  if (value < least || value > most) throw invalid(pointer, `found ${value}, allowed is ${least} to ${most}`)
}

export const invalid = (pointer: string, message: string): SpecError =>
  new SpecError('config.json is not valid', [{ pointer, message }])

export const refused = (why: string, pointer: string): UnsupportedError => new UnsupportedError(why, { where: pointer })
