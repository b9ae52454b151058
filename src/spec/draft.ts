// What the checks look at: a Spec of which any part may be missing, since one mistake must not hide the others.
// The parts that the schema refuses are cut out before the checks run.
import type { Spec } from './gen/types.ts'
import { pointerParts } from './pointer.ts'

export type Draft<T> = T extends readonly (infer Item)[]
  ? readonly (Draft<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Draft<T[Key]> | undefined }
    : T

/** Takes down a breach: its place, what is wrong, what to do about it. */
export type Report = (place: string, message: string, hint?: string) => void

/** A rule for the whole document. */
export type Check = (spec: Draft<Spec>, report: Report) => void

/** A rule for one item of a list; places are below the item. */
export type Rule<Item> = (item: Draft<Item>, report: Report) => void

/** Every rule for every item that is there; nothing is put into words as long as nothing is wrong. */
export function each<Item>(
  items: readonly (Draft<Item> | undefined)[] | undefined,
  path: string,
  rules: readonly Rule<Item>[],
  report: Report,
): void {
  if (items === undefined) return
  let index = 0
  const reportBelow: Report = (place, message, hint) => report(`${path}/${index}${place}`, message, hint)
  for (; index < items.length; index++) {
    const item = items[index]
    if (item !== undefined) for (const rule of rules) rule(item, reportBelow)
  }
}

/** A copy of the document without the values at these pointers. */
export function without(document: unknown, pointers: readonly string[]): unknown {
  const copy: unknown = structuredClone(document)
  for (const text of pointers) {
    const parts = pointerParts(text)
    const last = parts.pop()
    // The whole document is wrong: nothing is left to look at.
    if (last === undefined) return {}
    let holder = copy as Record<string, unknown> | undefined
    for (const part of parts) holder = holder?.[part] as Record<string, unknown> | undefined
    if (Array.isArray(holder)) holder[Number(last)] = undefined
    else if (typeof holder === 'object' && holder !== null) delete holder[last]
  }
  return copy
}
