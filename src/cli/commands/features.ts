// tsrunc features: what this runtime can do, for engines; needs neither a root directory nor privileges.
import { defineCommand } from '../command.ts'
import { printLine } from '../output.ts'

export const features = defineCommand({
  name: 'features',
  about: 'print what this runtime supports as JSON',
  usage: '',
  operands: [0, 0],
  options: {},
  async run() {
    const { features } = await import('../../runtime/features.ts')
    printLine(JSON.stringify(features(), null, 4))
    return 0
  },
})
