// tsrunc kill: a signal for the container's first process, or for all of them.
import { defineCommand } from '../command.ts'

export const kill = defineCommand({
  name: 'kill',
  about: 'send a signal (default SIGTERM) to the first process of a container',
  usage: '<container-id> [signal]',
  operands: [1, 2],
  options: { all: { type: 'boolean', short: 'a', about: 'to every process of the container' } },
  async run({ values, operands: [id = '', signal = 'SIGTERM'], openRuntime }) {
    const { kill } = await import('../../runtime/kill.ts')
    kill(await openRuntime(), id, signal, { all: values.all ?? false })
    return 0
  },
})
