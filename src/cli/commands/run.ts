// tsrunc run: create and start in one; in the foreground its exit status is the container's.
import { defineCommand } from '../command.ts'
import { createOptions } from '../container-options.ts'
import { CONTAINER } from '../options.ts'

export const run = defineCommand({
  name: 'run',
  about: 'create and start a container, wait for it and delete it',
  usage: '<container-id>',
  operands: [1, 1],
  options: {
    ...CONTAINER,
    detach: { type: 'boolean', short: 'd', about: 'do not wait for the container' },
    keep: { type: 'boolean', about: 'do not delete the container when it ends' },
    'no-subreaper': { type: 'boolean', about: 'do not become a subreaper' },
  },
  needsCgroup: true,
  startsProcess: true,
  async run({ values, operands: [id = ''], openRuntime }) {
    const options = createOptions(values)
    const { runAlone } = await import('../../runtime/run.ts')
    return runAlone(await openRuntime(), id, {
      ...options,
      detach: values.detach ?? false,
      keep: values.keep ?? false,
      noSubreaper: values['no-subreaper'] ?? false,
    })
  },
})
