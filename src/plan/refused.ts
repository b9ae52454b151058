// The properties of config.json that tsrunc does not apply yet: a config that sets one is not run, since silence would
// be taken for consent. What becomes of all the others is listed in fields.ts.
import { type Problem, UnsupportedError } from '../errors.ts'
import type { Linux, Process, Spec } from '../spec/gen/types.ts'

/** Property → a phrase for the error. */
type Phrases<Holder> = { readonly [Name in keyof Holder]?: string }

export const REFUSED_OF_PROCESS: Phrases<Process> = {
}

export const REFUSED_OF_LINUX: Phrases<Linux> = {
  mountLabel: 'SELinux labels of mounts',
}

/** What the config asks for and would not get. An empty text, list or object asks for nothing. */
export function refusals({ process, linux = {} }: Spec): Problem[] {
  const found: Problem[] = []
  find(process, REFUSED_OF_PROCESS, '/process', found)
  find(linux, REFUSED_OF_LINUX, '/linux', found)
  return found
}

function find<Holder>(holder: Holder, phrases: Phrases<Holder>, place: string, found: Problem[]): void {
  for (const name in phrases) {
    const value = holder[name]
    if (value === undefined || asksForNothing(value)) continue
    found.push({ pointer: `${place}/${name}`, message: `${name}: ${phrases[name]} are not supported yet` })
  }
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || value === false || isEmpty(value)

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0

/** An object inside is something, even without properties: a network device that keeps its name. */
const asksForNothing = (value: unknown): boolean =>
  isNothing(value) || (typeof value === 'object' && value !== null && Object.values(value).every(isNothing))

/** Nothing is run without what its config asks for. */
export function refuseUnsupported(spec: Spec): void {
  const problems = refusals(spec)
  const [first] = problems
  if (first === undefined) return
  const others = problems.slice(1).map(problem => problem.pointer)
  const more = others.length === 0 ? '' : ` (also refused: ${others.join(', ')})`
  throw new UnsupportedError(`${first.pointer}: ${first.message}${more}`, {
    where: first.pointer,
    hint: 'take it out of config.json to run the container without it',
  })
}
