// The commands of runc that have nothing behind them yet. Their flags are read all the same: callers probe with them
// (podman's `restore --lsm-mount-context`, `checkpoint --help`), and an unknown flag is another answer than a refusal.
import { UnsupportedError } from '../../errors.ts'
import type { OptionTable } from '../arguments.ts'
import { type Command, defineCommand } from '../command.ts'
import { CHECKPOINT, EXEC, RESTORE, UPDATE } from '../options.ts'

interface Row {
  readonly about: string
  readonly options: OptionTable
  readonly usage?: string
  readonly operands?: readonly [number, number]
  readonly stopAtOperand?: boolean
}

const FORMAT = {
  format: { type: 'string', short: 'f', choices: ['table', 'json'], about: 'table or json' },
} as const satisfies OptionTable

const STATS = {
  interval: { type: 'string', about: 'time between two lines' },
  stats: { type: 'boolean', about: 'one line, then exit' },
} as const satisfies OptionTable

const MANY = Number.POSITIVE_INFINITY

const ROWS: Readonly<Record<string, Row>> = {
  exec: {
    about: 'run another process in a container',
    options: EXEC,
    usage: '<container-id> [command …]',
    operands: [1, MANY],
    stopAtOperand: true,
  },
  ps: {
    about: 'list the processes of a container',
    options: FORMAT,
    usage: '<container-id> [ps options]',
    operands: [1, MANY],
    stopAtOperand: true,
  },
  pause: { about: 'suspend the processes of a container', options: {} },
  resume: { about: 'let suspended processes go on', options: {} },
  update: { about: 'change resource limits', options: UPDATE },
  events: { about: 'print resource usage and OOM events', options: STATS },
  checkpoint: { about: 'save a running container', options: CHECKPOINT },
  restore: { about: 'continue a saved container', options: RESTORE },
}

export function notImplemented(name: string): Command {
  const row = ROWS[name]
  if (row === undefined) throw new Error(`${name} has no row`)
  return defineCommand({
    name,
    usage: '<container-id>',
    operands: [1, 1],
    notImplemented: true,
    ...row,
    async run() {
      throw new UnsupportedError(`the command ${name} is not implemented yet`)
    },
  })
}
