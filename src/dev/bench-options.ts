// The command line of `npm run bench`.
import { parseArgs } from 'node:util'

export const PARTS = ['times', 'memory', 'library', 'many'] as const
export type Part = (typeof PARTS)[number]

/** Ways of seeing the host's cgroups: as they are, or one of the two kinds of a hybrid host alone (bench-views.ts). */
export const VIEWS = ['host', 'v1', 'v2'] as const
export type View = (typeof VIEWS)[number]

export const RUNTIMES = ['tsrunc', 'node', 'runc', 'crun'] as const
export type RuntimeName = (typeof RUNTIMES)[number]

const DEFAULT_ROUNDS = 30

export interface Options {
  readonly rounds: number
  readonly parts: ReadonlySet<Part>
  readonly only: ReadonlySet<RuntimeName>
  readonly markdown: boolean
  /** For all parts, in place of what suits each of them. */
  readonly view: View | undefined
  /** Set by the bench itself: this process is in the view already. */
  readonly inside: boolean
}

export const USAGE = `npm run bench -- [options]: tsrunc beside runc and crun on this machine; needs root
  --rounds=N     turns of each measurement (default ${DEFAULT_ROUNDS}; 5 is a quick look)
  --part=NAME    one or more, with commas, of ${PARTS.join(', ')} (default: all)
  --only=NAME    one or more of ${RUNTIMES.join(', ')}; node is tsrunc's code on Node
  --no-node      all but node
  --view=NAME    the host's cgroups as ${VIEWS.join(', ')}; default on a hybrid host: v2, which the marks were
                 set in, and v1 for what v2 does not show; elsewhere: host
  --markdown     tables for a README`

export function parseOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
      part: { type: 'string', default: PARTS.join(',') },
      only: { type: 'string', default: RUNTIMES.join(',') },
      'no-node': { type: 'boolean', default: false },
      view: { type: 'string' },
      markdown: { type: 'boolean', default: false },
      inside: { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds=${values.rounds}: not a number of rounds`)
  const only = choice('only', values.only, RUNTIMES)
  if (values['no-node']) only.delete('node')
  const [view] = values.view === undefined ? [] : choice('view', values.view, VIEWS)
  const { markdown, inside } = values
  return { rounds, parts: choice('part', values.part, PARTS), only, markdown, view, inside }
}

function choice<Name extends string>(option: string, text: string, known: readonly Name[]): Set<Name> {
  const found = text.split(',').map(asked => {
    const name = known.find(candidate => candidate === asked)
    if (name === undefined) throw new Error(`--${option}=${asked}: one of ${known.join(', ')}`)
    return name
  })
  return new Set(found)
}
