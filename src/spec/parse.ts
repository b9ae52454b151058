// config.json → a frozen Spec, or a SpecError that holds every problem found: first the JSON, then the schema, then
// the rules that the schema cannot say. Asks nothing of the machine.
import { type Problem, SpecError } from '../errors.ts'
import { breaches } from './checks.ts'
import { type Draft, without } from './draft.ts'
import type { Spec } from './gen/types.ts'
import { validateSpec } from './gen/validate.js'
import { type Document, decodeText, JsonError, parseDocument, rounded } from './json.ts'
import { schemaProblems } from './problems.ts'
import { tolerated } from './tolerated.ts'

const INVALID = 'config.json is not valid'

export function parseSpec(text: Uint8Array | string): Spec {
  const { value, hasBigints } = readDocument(text)
  const document = tolerated(value)
  const problems = problemsOf(document, hasBigints)
  if (problems.length > 0) throw new SpecError(INVALID, problems)
  freeze(document)
  return document as Spec
}

function readDocument(text: Uint8Array | string): Document {
  try {
    return parseDocument(typeof text === 'string' ? text : decodeText(text))
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    const problem: Problem = { pointer: '', message: error.message }
    throw new SpecError(INVALID, [error.hint === undefined ? problem : { ...problem, hint: error.hint }])
  }
}

/** All that is wrong with a config that is JSON; empty when it is valid. */
function problemsOf(document: unknown, hasBigints: boolean): Problem[] {
  if (validateSpec(hasBigints ? rounded(document) : document)) return breaches(document as Draft<Spec>)
  const problems = schemaProblems(validateSpec.errors ?? [], document)
  const sound = without(
    document,
    problems.map(problem => problem.pointer),
  )
  return [...problems, ...breaches(sound as Draft<Spec>)]
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const item of Object.values(value)) if (typeof item === 'object') freeze(item)
}
