// `npm run build`: the executable, in dist/.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './executable.ts'

const dist = fileURLToPath(new URL('../..', import.meta.url))

await build(dist)
console.log(`dist/tsrunc (${Math.round(statSync(join(dist, 'tsrunc')).size / 1e6)} MB) and dist/koffi.node`)
