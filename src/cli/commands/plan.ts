// tsrunc plan: prints the program that a container's init would run; needs no privileges and changes nothing.
import { UsageError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { createOptions } from '../container-options.ts'
import { CONTAINER } from '../options.ts'
import { printLine, writeAll } from '../output.ts'

export const plan = defineCommand({
  name: 'plan',
  about: 'print the system calls that the init of a bundle would make',
  usage: '[bundle]',
  operands: [0, 1],
  options: {
    ...CONTAINER,
    format: {
      type: 'string',
      short: 'f',

      choices: ['text', 'json'],
      about: 'text (default) or json',
    },
  },
  async run({ values, operands: [bundle], openRuntime }) {
    if (bundle !== undefined && values.bundle) throw new UsageError('the bundle is given twice')
    const options = createOptions(bundle === undefined ? values : { ...values, bundle })
    const { plan, prepared } = await import('../../runtime/plan.ts')
    const { listing, json } = plan(await prepared(options), await openRuntime())
    if (values.format === 'json') printLine(JSON.stringify(json, null, 2))
    else writeAll(1, listing.endsWith('\n') ? listing : `${listing}\n`)
    return 0
  },
})
