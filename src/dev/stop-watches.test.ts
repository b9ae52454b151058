import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { WATCHED, watched } from './stop-watches.ts'

const sources = fileURLToPath(new URL('../../../src', import.meta.url))

t.test('what has a stop watch is there', t => {
  for (const [file, names] of Object.entries(WATCHED))
    for (const name of names)
      t.match(watched(readFileSync(join(sources, file), 'utf8'), name), `__watch('${name}')`, `${file}: ${name}`)
  t.end()
})

t.test('a function that is not there', t => {
  t.throws(() => watched('function other() {\n}', 'mine'), /no function mine/)
  t.end()
})
