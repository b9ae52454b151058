// tsrunc list: the containers of a root, as runc's table or as the JSON that go-runc reads.
import type { Overview } from '../../runtime/glance.ts'
import type { Runtime } from '../../runtime/store.ts'
import type { State } from '../../spec/gen/state-types.ts'
import { defineCommand } from '../command.ts'
import { printError, printLine, writeAll } from '../output.ts'
import { textTable } from '../table.ts'

const HEAD = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER']

const row = ({ id, pid = 0, status, bundle, created = '', owner = '' }: State): string[] => [
  id,
  String(pid),
  status,
  bundle,
  created,
  owner,
]

const closely = async (runtime: Runtime, seen?: Overview) =>
  (await import('../../runtime/query.ts')).list(runtime, seen)

export const list = defineCommand({
  name: 'list',
  about: 'list the containers',
  usage: '',
  operands: [0, 0],
  options: {
    format: {
      type: 'string',
      short: 'f',

      choices: ['table', 'json'],
      about: 'table (default) or json',
    },
    quiet: { type: 'boolean', short: 'q', about: 'print ids only' },
  },
  async run({ values, openRuntime }) {
    const { overview } = await import('../../runtime/glance.ts')
    const runtime = await openRuntime()
    const seen = overview(runtime)
    const { containers, problems } =
      seen?.doubtful.length === 0 ? { ...seen, problems: [] } : await closely(runtime, seen)
    for (const { message } of problems) printError(`${message}\n`)
    if (values.quiet) writeAll(1, containers.map(({ id }) => `${id}\n`).join(''))
    // Go prints a list that was never made as null, and go-runc is used to it.
    else if (values.format === 'json') printLine(containers.length === 0 ? 'null' : JSON.stringify(containers))
    else writeAll(1, textTable([HEAD, ...containers.map(row)]))
    return 0
  },
})
