// config.json → a frozen Spec, or a SpecError that holds every problem found: first the JSON, then the schema, then
// the rules that the schema cannot say. Asks nothing of the machine.
import { type Problem, SpecError } from '../errors.ts'
import { CHECKS } from './checks.ts'
import { type Draft, without } from './draft.ts'
import type { Spec } from './gen/types.ts'
import { validateSpec } from './gen/validate.js'
import { decodeText, JsonError, parseJson, rounded } from './json.ts'
import { schemaProblems } from './problems.ts'
import { tolerated } from './tolerated.ts'

const INVALID = 'config.json is not valid'

export function parseSpec(text: Uint8Array | string): Spec {
  const document = tolerated(readDocument(text))
  const problems = problemsOf(document)
  if (problems.length > 0) throw new SpecError(INVALID, problems)
  return frozen(document) as Spec
}

function readDocument(text: Uint8Array | string): unknown {
  try {
    return parseJson(typeof text === 'string' ? text : decodeText(text))
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    const problem: Problem = { pointer: '', message: error.message }
    throw new SpecError(INVALID, [error.hint === undefined ? problem : { ...problem, hint: error.hint }])
  }
}

/** All that is wrong with a config that is JSON; empty when it is valid. */
function problemsOf(document: unknown): Problem[] {
  const isValid = validateSpec(rounded(document))
  const problems = isValid ? [] : schemaProblems(validateSpec.errors ?? [], document)
  const sound = isValid
    ? document
    : without(
        document,
        problems.map(problem => problem.pointer),
      )
  return [...problems, ...CHECKS.flatMap(check => check(sound as Draft<Spec>))]
}

function frozen(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}
