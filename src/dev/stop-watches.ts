// The stop watches of `npm run timing`: which functions have one, and a copy of the sources that has them. The copy's
// entry prints what they say, a line each behind PREFIX, when its command has ended.
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../..', import.meta.url))
export const PREFIX = 'timing '

/** File → functions and methods. */
export const WATCHED: Readonly<Record<string, readonly string[]>> = {
  'cli/main.ts': ['main'],
  'host/native.ts': ['native', 'declare'],
  'runtime/create.ts': ['createContainer'],
  'runtime/compile.ts': ['compile'],
  'runtime/bundle.ts': ['readBundle', 'openRootfs'],
  'spec/parse.ts': ['parseSpec'],
  'runtime/facts.ts': ['gatherFacts'],
  'plan/init.ts': ['planInit'],
  'image/build.ts': ['buildImage'],
  'program/assemble.ts': ['assemble'],
  'runtime/store.ts': ['reserve', 'find'],
  'runtime/creation.ts': ['#save', '#launch', '#talk'],
  'host/memfd.ts': ['sealedMemfd'],
  'host/launch.ts': ['launch'],
  'runtime/container.ts': ['load', 'state'],
  'runtime/start.ts': ['start'],
  'runtime/kill.ts': ['kill'],
  'runtime/delete.ts': ['remove'],
}

/** The stop watch, which is set back when a process goes on from the snapshot. */
const WATCH = `
import { writeSync } from 'node:fs'
let rows = []
let depth = 0
globalThis.__restart = () => {
  rows = []
  depth = 0
}
globalThis.__watch = name => {
  const row = [name, performance.now(), 0, depth++]
  rows.push(row)
  return { [Symbol.dispose]() { row[2] = performance.now(); depth-- } }
}
globalThis.__watchImport = async (name, load) => {
  using _ = globalThis.__watch(name)
  return await load()
}
globalThis.__report = () => {
  for (const [name, from, to, level] of rows)
    writeSync(2, '${PREFIX}' + JSON.stringify([level, name, to - from]) + '\\n')
}
`

/** The code with a stop watch in a function or `#method`. Throws when there is none of that name. */
export function watched(code: string, name: string): string {
  const isMethod = name.startsWith('#')
  const head = isMethod ? `^  (?:async )?${name}\\(` : `^(?:export )?(?:async )?function ${name}\\b`
  const found = new RegExp(`${head}[\\s\\S]*?\\{\\n`, 'm').exec(code)
  if (found === null) throw new Error(`no function ${name}`)
  const at = found.index + found[0].length
  return `${code.slice(0, at)}  using __watched = globalThis.__watch('${name}')\n${code.slice(at)}`
}

/** A copy of the sources with stop watches, in a directory in which packages and settings are found. */
export function copySources(directory: string): void {
  cpSync(join(repository, 'src'), join(directory, 'src'), {
    recursive: true,
    filter: path => !path.endsWith('.test.ts') && !path.includes('/src/dev'),
  })
  for (const name of ['node_modules', 'tsconfig.json', 'package.json']) {
    symlinkSync(join(repository, name), join(directory, name))
  }
  const source = (name: string): string => join(directory, 'src', name)
  for (const [file, names] of Object.entries(WATCHED))
    writeFileSync(source(file), names.reduce(watched, readFileSync(source(file), 'utf8')))
  for (const file of readdirSync(source(''), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const code = readFileSync(source(file), 'utf8')
    const timed = code.replace(/await import\(('[^']+')\)/g, 'await globalThis.__watchImport($1, () => import($1))')
    if (timed !== code) writeFileSync(source(file), timed)
  }
  writeFileSync(source('cli/watch.js'), WATCH)
  const entry = `import './watch.js'
import { main } from './main.ts'
import { becomeSnapshot, SNAPSHOT_VARIABLE } from './snapshot.ts'
const directory = process.env[SNAPSHOT_VARIABLE]
if (directory !== undefined) await becomeSnapshot(directory)
globalThis.__restart()
const status = await main(process.argv.slice(2))
globalThis.__report()
process.exit(status)
`
  writeFileSync(source('cli/executable.ts'), entry)
}
