// What a container without rare properties loads: the modules that the built code of the verbs imports at once.
import { readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { part } from './parts.ts'
import { thrown } from './testing.ts'

const BUILT = fileURLToPath(new URL('..', import.meta.url))
const STATIC = /^(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"](\.[^'"]+)['"]/gm

/** Paths below src/ of a module and all that it imports. */
function loaded(module: string, found = new Set<string>()): Set<string> {
  if (found.has(module)) return found
  found.add(module)
  for (const [, target = ''] of readFileSync(resolve(BUILT, module), 'utf8').matchAll(STATIC))
    loaded(relative(BUILT, resolve(BUILT, module, '..', target)), found)
  return found
}

t.test('parts are loaded only when they are asked for', t => {
  const parts = [
    ...readFileSync(resolve(BUILT, 'runtime/parts.js'), 'utf8').matchAll(/import\(['"]\.\/([^'"]+)['"]\)/g),
  ]
  t.ok(parts.length > 1)
  for (const verb of ['create', 'run', 'plan']) {
    const modules = loaded(`runtime/${verb}.js`)
    t.ok(modules.has('plan/init.js'), `${verb}: the modules are found`)
    for (const [, name] of parts) t.notOk(modules.has(`runtime/${name}`), `${verb} goes without ${name}`)
    t.same(
      [...modules].filter(module => module.startsWith('plan/seccomp/') || module === 'abi/seccomp-calls.js'),
      [],
    )
  }
  t.ok(loaded('index.js').has('plan/seccomp/compile.js'), 'the library has them all')
  t.end()
})

t.test('a part that is not there is our mistake', t => {
  const name = 'no such part' as unknown as Parameters<typeof part>[0]
  t.match(thrown(() => part(name)).message, /has not been loaded/)
  t.end()
})
