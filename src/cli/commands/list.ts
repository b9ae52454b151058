// tsrunc list: the containers of a root, as runc's table or as the JSON that go-runc reads.
import { defineCommand } from '../command.ts'
import { printError, printLine, writeAll } from '../output.ts'
import { textTable } from '../table.ts'

const HEAD = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER']

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
    const { list } = await import('../../runtime/query.ts')
    const { containers, problems } = list(await openRuntime())
    for (const problem of problems) printError(`${problem}\n`)
    if (values.quiet) writeAll(1, containers.map(entry => `${entry.id}\n`).join(''))
    // Go prints an empty slice that was never made as null, and go-runc is used to it.
    else if (values.format === 'json') printLine(containers.length === 0 ? 'null' : JSON.stringify(containers))
    else {
      const rows = containers.map(entry => [
        entry.id,
        String(entry.pid),
        entry.status,
        entry.bundle,
        entry.created,
        entry.owner,
      ])
      writeAll(1, textTable([HEAD, ...rows]))
    }
    return 0
  },
})
