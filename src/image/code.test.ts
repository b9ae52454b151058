import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ARCHITECTURES } from '../abi/architecture.ts'
import { interpreter } from './interpreter.ts'

/** This file runs as dist/src/image/code.test.js. */
const FILE = fileURLToPath(new URL('../../../src/image/code.ts', import.meta.url))
const BYTES_A_LINE = 16

function table(): string {
  const rows = ARCHITECTURES.map(architecture => {
    const bytes = Array.from(interpreter(architecture), byte => `0x${byte.toString(16).padStart(2, '0')}`)
    const count = Math.ceil(bytes.length / BYTES_A_LINE)
    const lines = Array.from({ length: count }, (_, i) => bytes.slice(i * BYTES_A_LINE, (i + 1) * BYTES_A_LINE))
    return `  // biome-ignore format: sixteen bytes a line\n  ${architecture}: [\n${lines.map(line => `    ${line.join(', ')},\n`).join('')}  ],\n`
  })
  return `{\n${rows.join('')}}\n`
}

t.test('the code that is kept is what the interpreter is made into', t => {
  const text = readFileSync(FILE, 'utf8')
  const start = text.indexOf('= {') + 2
  const made = text.slice(0, start) + table()
  if (process.env.TSRUNC_WRITE_GOLDEN === '1') writeFileSync(FILE, made)
  t.equal(made.slice(start), readFileSync(FILE, 'utf8').slice(start))
  t.end()
})
