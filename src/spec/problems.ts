// What the generated validator found → problems that a person can act on: where, what was found, what is allowed,
// and which known name was probably meant.
import type { Problem } from '../errors.ts'
import { PROPERTY_NAMES } from './gen/names.ts'
import type { ValidationError } from './gen/validate.js'
import { lookUp, pointer } from './pointer.ts'

/** Texts that callers of runtimes know, in the place of our own. */
const KNOWN_TEXTS: Readonly<Record<string, string>> = {
  'required /process': 'process property must not be empty',
  'required /process/cwd': 'Cwd property must not be empty',
  'required /process/args': 'args must not be empty',
  'minItems /process/args': 'args must not be empty',
  'required /root': 'root must be specified',
}

/** Every pattern of the schema, in words. */
const PATTERNS: Readonly<Record<string, string>> = {
  '[\\s\\S]': 'must not be empty',
  '^[^\\u0000]*$': 'must not hold a NUL character',
  '^[^\\u0000\\n]*$': 'must not hold a NUL or newline character',
  '^MB:[^\\u0000\\n]*$': 'must start with "MB:" and be one line',
  '^[rwm]*$': 'must be made of the letters r, w and m',
  '^[1-9][0-9]*[KMG]B$': 'must be a page size such as 64KB, 2MB or 1GB',
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  integer: 'an integer',
  boolean: 'true or false',
}

const MAX_SHOWN = 60

/** A value as an error shows it: its kind, and as much of it as fits. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'string') {
    const shown = value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value
    return `the string ${JSON.stringify(shown)}`
  }
  return typeof value === 'number' || typeof value === 'bigint' ? `the number ${value}` : String(value)
}

/** Edits that turn one into the other: letters added, removed, changed, or two neighbours swapped. */
export function distance(from: string, to: string): number {
  let before: number[] = []
  let above = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let best = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      )
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        best = Math.min(best, (before[column - 2] ?? 0) + 1)
      }
      current.push(best)
    }
    before = above
    above = current
  }
  return above[to.length] ?? 0
}

/** The candidate that was probably meant, if one is near enough. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_SHOWN) return undefined
  const limit = Math.max(1, Math.floor(name.length / 3))
  let found: string | undefined
  let least = limit + 1
  for (const candidate of candidates) {
    // A difference in upper and lower case only is the nearest of all.
    const edits = distance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < least) [found, least] = [candidate, edits]
  }
  return found
}

function missing(error: ValidationError, document: unknown): Problem {
  const name = String(error.params.missingProperty)
  const place = error.instancePath + pointer(name)
  const holder = lookUp(document, error.instancePath) as object
  const unknown = Object.keys(holder).filter(key => !PROPERTY_NAMES.has(key))
  const meant = nearest(name, unknown)
  return {
    pointer: place,
    message: KNOWN_TEXTS[`required ${place}`] ?? 'is missing, but required',
    ...(meant === undefined
      ? {}
      : { hint: `${JSON.stringify(meant)} stands there: rename it to ${JSON.stringify(name)}` }),
  }
}

function notAllowed(error: ValidationError, found: unknown): Problem {
  const allowed = error.params.allowedValues as readonly string[]
  const list = allowed.map(value => JSON.stringify(value)).join(', ')
  const meant = typeof found === 'string' ? nearest(found, allowed) : undefined
  return {
    pointer: error.instancePath,
    message: `must be one of ${list}; found ${describe(found)}`,
    ...(meant === undefined ? {} : { hint: `did you mean ${JSON.stringify(meant)}?` }),
  }
}

function rule(error: ValidationError): string {
  const { params } = error
  switch (error.keyword) {
    case 'type':
      return `must be ${KINDS[String(params.type)] ?? String(params.type)}`
    case 'minimum':
      return `must be at least ${BigInt(Number(params.limit))}`
    case 'maximum':
      return `must be at most ${BigInt(Number(params.limit))}`
    case 'exclusiveMaximum':
      return `must be at most ${BigInt(Number(params.limit)) - 1n}`
    case 'minItems':
      return `must have at least ${params.limit === 1 ? 'one item' : `${params.limit} items`}`
    case 'pattern':
      return PATTERNS[String(params.pattern)] ?? `must match ${params.pattern}`
    default:
      return `breaks the rule "${error.keyword}"`
  }
}

function problemOf(error: ValidationError, document: unknown): Problem {
  const found = lookUp(document, error.instancePath)
  if (error.keyword === 'required') return missing(error, document)
  if (error.keyword === 'enum') return notAllowed(error, found)
  if (error.keyword === 'propertyNames') {
    const name = String(error.params.propertyName)
    const rule = name === '' ? 'must not be empty' : 'must not hold a NUL character'
    return { pointer: error.instancePath + pointer(name), message: `the name ${rule}` }
  }
  const known = KNOWN_TEXTS[`${error.keyword} ${error.instancePath}`]
  return { pointer: error.instancePath, message: known ?? `${rule(error)}; found ${describe(found)}` }
}

/** In the document's order of validation; `document` is what was validated, with exact integers. */
export function schemaProblems(errors: readonly ValidationError[], document: unknown): Problem[] {
  // An unfit property name is reported twice: once for the names' own schema, which tells less.
  const telling = errors.filter(error => error.propertyName === undefined)
  // A value of the wrong type breaks other rules too; a person needs only the first.
  const wrongType = new Set(telling.filter(error => error.keyword === 'type').map(error => error.instancePath))
  return telling
    .filter(error => error.keyword === 'type' || !wrongType.has(error.instancePath))
    .map(error => problemOf(error, document))
}
