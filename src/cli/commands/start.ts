// tsrunc start: lets a created container run its program.
import { defineCommand } from '../command.ts'

export const start = defineCommand({
  name: 'start',
  about: 'run the program of a created container',
  usage: '<container-id>',
  operands: [1, 1],
  options: {},
  async run({ operands: [id = ''], openRuntime }) {
    const { loadProxies, start } = await import('../../runtime/start.ts')
    const runtime = await openRuntime()
    await loadProxies(runtime)
    start(runtime, id)
    return 0
  },
})
