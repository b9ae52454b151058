// What a case is: something done with ctr, what was seen, and what must have been seen. Done with each runtime; where
// the control, runc, has seen what was expected, the others must have seen the same in every detail.
import { isDeepStrictEqual } from 'node:util'
import type { Client } from './client.ts'
import type { Ended } from './launched.ts'

export type Seen = Readonly<Record<string, unknown>>

/** A thing seen whose wording is each runtime's own: differences are told, and no failure. */
export const WORDING = 'text'

export interface Case {
  readonly name: string
  /** Among the few that are tried with the entry for Node too. */
  readonly basic?: boolean
  /** Values, or patterns for strings; what is not named is only compared. */
  readonly expected: Seen
  run(client: Client): Promise<Seen>
}

/** Thrown where something cannot be tried; says why. */
export class Skip extends Error {}

const NOT_YET = /^.*\bnot (?:implemented|supported) yet.*$/m

/** A runtime that says itself what it cannot do yet is not tested for it. */
export function skipWhatIsToCome(ended: Ended): Ended {
  const refusal = NOT_YET.exec(ended.stderr)?.[0]
  if (refusal !== undefined) throw new Skip(refusal.trim())
  return ended
}

const holds = (seen: unknown, expected: unknown): boolean =>
  expected instanceof RegExp ? typeof seen === 'string' && expected.test(seen) : isDeepStrictEqual(seen, expected)

/** For a line of the report. */
export const shown = (value: unknown): string => {
  const text = value instanceof RegExp ? String(value) : (JSON.stringify(value) ?? 'undefined')
  return text.length > 600 ? `${text.slice(0, 600)}…` : text
}

export const breaches = (seen: Seen, expected: Seen): string[] =>
  Object.entries(expected)
    .filter(([key, value]) => !holds(seen[key], value))
    .map(([key, value]) => `${key}: ${shown(seen[key])}, expected ${shown(value)}`)

export const differences = (seen: Seen, control: Seen): string[] =>
  [...new Set([...Object.keys(seen), ...Object.keys(control)])]
    .filter(key => !isDeepStrictEqual(seen[key], control[key]))
    .map(key => `${key}: ${shown(seen[key])}, runc: ${shown(control[key])}`)

/** An error of ctr without what may differ: who made it, and which of the two of runc's wordings it has. */
export const message = (client: Client, { stderr }: Ended): string =>
  client.ids
    .toReversed() // "x-10" before "x-1"
    .reduce((text, id) => text.replaceAll(id, 'ID'), stderr)
    .replaceAll(client.namespace, 'NAMESPACE')
    .replace(/\btime="[^"]*" /g, '')
    .replace(/\b(ts)?runc create failed/g, 'RUNTIME create failed')
    .replace('error during container init: ', '') // runc has it from 1.2 on
    .trim()
