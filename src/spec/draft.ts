// What the checks look at: a Spec of which any part may be missing, since one mistake must not hide the others.
// The parts that the schema refuses are cut out before the checks run.
import type { Problem } from '../errors.ts'
import { pointer, pointerParts } from './pointer.ts'

export type Draft<T> = T extends readonly (infer Item)[]
  ? readonly (Draft<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Draft<T[Key]> | undefined }
    : T

/** Every item that is there, with its pointer. */
export function* each<Item>(
  items: readonly (Item | undefined)[] | undefined,
  ...parent: readonly (string | number)[]
): Generator<[Item, string]> {
  for (const [index, item] of (items ?? []).entries()) {
    if (item !== undefined) yield [item, pointer(...parent, index)]
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

/** The problem, when the condition does not hold. */
export const unless = (holds: boolean, place: string, message: string, hint?: string): Problem[] =>
  holds ? [] : [{ pointer: place, message, ...(hint === undefined ? {} : { hint }) }]
