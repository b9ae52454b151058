// tsrunc spec: writes a config.json to begin with; never over one that is there.
import { openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StateError } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { BUNDLE } from '../options.ts'
import { absolute } from '../paths.ts'

const FILE = 'config.json'

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o666)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new StateError(`File ${FILE} exists. Remove it first`, { where: path, cause })
    throw new StateError(`cannot write ${FILE}: ${message}`, { where: path, cause })
  }
}

export const spec = defineCommand({
  name: 'spec',
  about: 'write a config.json to begin with',
  usage: '',
  operands: [0, 0],
  options: { ...BUNDLE, rootless: { type: 'boolean', about: 'for a user without privileges' } },
  async run({ values }) {
    const path = join(absolute('--bundle', values.bundle || '.'), FILE)
    const { sampleSpec } = await import('../../runtime/sample.ts')
    const text = JSON.stringify(sampleSpec({ rootless: values.rootless ?? false }), null, '\t')
    writeFileSync(openNew(path), `${text}\n`)
    return 0
  },
})
