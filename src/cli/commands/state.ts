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
    const { glance } = await import('../../runtime/glance.ts')
    const runtime = await openRuntime()
    const seen = glance(runtime, id) ?? (await import('../../runtime/container.ts')).state(runtime, id)
    printLine(JSON.stringify(seen, null, 2))
    return 0
  },
})
