// tsrunc create: makes a container that waits for start.
import { defineCommand } from '../command.ts'
import { createOptions } from '../container-options.ts'
import { CONTAINER } from '../options.ts'

export const create = defineCommand({
  name: 'create',
  about: 'create a container from a bundle; its program waits for start',
  usage: '<container-id>',
  operands: [1, 1],
  options: CONTAINER,
  needsCgroup: true,
  startsProcess: true,
  async run({ values, operands: [id = ''], openRuntime }) {
    const options = createOptions(values)
    const { createContainer, prepared } = await import('../../runtime/create.ts')
    createContainer(await openRuntime(), id, await prepared(options), { detach: true })
    return 0
  },
})
