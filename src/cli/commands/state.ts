// tsrunc state: one container as JSON.
import { defineCommand } from '../command.ts'
import { printLine } from '../output.ts'

export const state = defineCommand({
  name: 'state',
  about: 'print the state of a container as JSON',
  usage: '<container-id>',
  operands: [1, 1],
  options: {},
  async run({ operands: [id = ''], openRuntime }) {
    const { state } = await import('../../runtime/container.ts')
    printLine(JSON.stringify(state(await openRuntime(), id), null, 2))
    return 0
  },
})
