// The program's environment: process.env, what the caller adds, and HOME, as execve gets it.
// Of a variable that is given twice the last one counts (runc does so too); a name of its own is kept in place.
import { type Problem, SpecError } from '../errors.ts'
import { type DataOperand, pointers } from '../program/op.ts'
import { type PlanContext, pointer } from './context.ts'

/** NAME=value each, every name once. */
export function environment(context: PlanContext): string[] {
  const { env = [] } = context.spec.process
  const variables = new Map<string, string>()
  const problems: Problem[] = []
  for (const [index, entry] of env.entries()) {
    const problem = malformed(entry)
    if (problem !== undefined) problems.push({ pointer: pointer('process', 'env', index), message: problem })
    else define(variables, entry)
  }
  if (problems.length > 0) throw new SpecError('config.json', problems)
  for (const entry of context.options.extraEnv) define(variables, entry)
  if (!variables.get('HOME')) define(variables, `HOME=${context.facts.home || '/'}`)
  const entries: string[] = []
  for (const [name, value] of variables) entries.push(`${name}=${value}`)
  return entries
}

/** The same as execve takes it, laid out once however many hooks get it, too. */
export function environmentOperand(context: PlanContext): DataOperand {
  const known = operands.get(context)
  if (known !== undefined) return known
  const made = pointers(environment(context))
  operands.set(context, made)
  return made
}
const operands = new WeakMap<PlanContext, DataOperand>()

/** The program's PATH; absent when it is not set at all. */
export const searchPath = (context: PlanContext): string | undefined =>
  environment(context)
    .find(entry => entry.startsWith('PATH='))
    ?.slice('PATH='.length)

function malformed(entry: string): string | undefined {
  if (entry.includes('\0')) return "environment variable can't contain a NUL byte"
  if (!entry.includes('=')) return `invalid environment variable: ${JSON.stringify(entry)}, must be NAME=value`
  if (entry.startsWith('=')) return "environment variable name can't be empty"
  return undefined
}

function define(variables: Map<string, string>, entry: string): void {
  const equals = entry.indexOf('=')
  const name = entry.slice(0, equals)
  variables.delete(name) // a Map keeps the first place of a key: the last one is wanted
  variables.set(name, entry.slice(equals + 1))
}
