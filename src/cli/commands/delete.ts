// tsrunc delete: removes a stopped container; --force also kills a living one and forgives a missing one.
import { defineCommand } from '../command.ts'

export const remove = defineCommand({
  name: 'delete',
  about: 'remove a stopped container and what it held',
  usage: '<container-id>',
  operands: [1, 1],
  options: { force: { type: 'boolean', short: 'f', about: 'kill it first (SIGKILL)' } },
  async run({ values, operands: [id = ''], openRuntime }) {
    const { remove } = await import('../../runtime/delete.ts')
    remove(await openRuntime(), id, { force: values.force ?? false })
    return 0
  },
})
