// The import table of the project: which folder may know which. A wish to break a row is a sign that a value should
// be passed in instead.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const repository = fileURLToPath(new URL('../..', import.meta.url))

interface Row {
  /** Of ours: a folder, or files of it. */
  readonly ours: readonly string[]
  /** npm packages. */
  readonly packages?: readonly string[]
  /** Modules of Node that it may not use; all, where not said. */
  readonly node?: 'any' | 'no files or processes'
}

const PURE = 'no files or processes'

/** Folder of src/, or file at its top → what it may import beside files of its own folder. */
const TABLE: Readonly<Record<string, Row>> = {
  abi: { ours: [] },
  'errors.ts': { ours: ['abi/errno.ts', 'hints.ts'] },
  'hints.ts': { ours: ['abi/errno.ts'] },
  spec: { ours: ['errors.ts'], node: PURE },
  program: { ours: ['abi', 'errors.ts'], node: PURE },
  image: { ours: ['program', 'abi', 'errors.ts'], node: PURE },
  plan: {
    ours: ['spec/gen/types.ts', 'spec/pointer.ts', 'spec/number-list.ts', 'program', 'abi', 'errors.ts'],
    node: PURE,
  },
  host: { ours: ['abi', 'errors.ts'], packages: ['koffi'], node: 'any' },
  cgroup: { ours: ['host', 'abi', 'errors.ts', 'spec/gen/types.ts'], node: 'any' },
  runtime: {
    ours: ['spec', 'program', 'image', 'plan', 'host', 'cgroup', 'abi', 'errors.ts', 'hints.ts'],
    node: 'any',
  },
  cli: { ours: ['runtime', 'errors.ts', 'hints.ts', 'spec/gen'], packages: ['yargs'], node: 'any' },
  'index.ts': { ours: ['runtime', 'errors.ts', 'spec/gen'], node: 'any' },
}

const IMPURE = /^node:(fs|fs\/promises|child_process|net|http|os|process|worker_threads|dgram)$/

interface Import {
  /** Path below src/, "a package" or "node:x". */
  readonly target: string
  readonly isPackage: boolean
}

const SPECIFIER =
  /(?:^|[\s;}])(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g

/** Comments hold example code, and a `//` in a string ends no import statement. */
const withoutComments = (code: string): string => code.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')

function importsOf(path: string, code: string): Import[] {
  return [...withoutComments(code).matchAll(SPECIFIER)].map(match => {
    const specifier = match[1] ?? match[2] ?? ''
    if (!specifier.startsWith('.')) return { target: specifier, isPackage: true }
    return { target: relative('/', resolve('/', path, '..', specifier)), isPackage: false }
  })
}

/** Fixtures are parts of tests, which may import anything. */
const isOfTests = (path: string): boolean => path.endsWith('.test.ts') || path.includes('/fixtures/')

const sources = new Map(
  readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !path.endsWith('.d.ts') && !isOfTests(path))
    .map(path => [path, readFileSync(join(repository, 'src', path), 'utf8')]),
)

const groupOf = (path: string): string => path.split('/')[0] ?? ''

function breach(path: string, row: Row, { target, isPackage }: Import): string | undefined {
  if (target.startsWith('node:')) {
    if (row.node === undefined) return `${path} may not use ${target}`
    return row.node === PURE && IMPURE.test(target) ? `${path} may not use ${target}` : undefined
  }
  if (isPackage) {
    const name = target.split('/')[0] ?? ''
    return row.packages?.includes(name) ? undefined : `${path} may not use the package ${target}`
  }
  if (isOfTests(target)) return `${path} may not import ${target}`
  const isAllowed = groupOf(target) === groupOf(path) || row.ours.some(ours => `${target}/`.startsWith(`${ours}/`))
  return isAllowed ? undefined : `${path} may not import ${target}`
}

t.test('imports are found', t => {
  const code = `import a from './a.ts'\nimport type { B } from "../b/c.ts"\nexport * from 'd'\nawait import('./e.ts')
import {
  f,
} from 'node:f'\nimport './g.ts'\n// import x from 'x'\nconst text = 'not import'`
  const expected = ['spec/a.ts', 'b/c.ts', 'd', 'node:f', 'spec/g.ts', 'spec/e.ts']
  t.same(
    importsOf('spec/z.ts', code)
      .map(found => found.target)
      .sort(),
    expected.sort(),
  )
  t.end()
})

t.test('a breach is found', t => {
  const row = TABLE.plan as Row
  t.match(breach('plan/a.ts', row, { target: 'host/fd.ts', isPackage: false }), 'may not import')
  t.match(breach('plan/a.ts', row, { target: 'spec/parse.ts', isPackage: false }), 'may not import')
  t.match(breach('plan/a.ts', row, { target: 'node:fs', isPackage: true }), 'may not use')
  t.match(breach('plan/a.ts', row, { target: 'koffi', isPackage: true }), 'may not use')
  t.equal(breach('plan/a.ts', row, { target: 'spec/pointer.ts', isPackage: false }), undefined)
  t.end()
})

t.test('every file keeps to the table', t => {
  t.ok(sources.size > 20, 'the sources are found')
  for (const [path, code] of sources) {
    if (groupOf(path) === 'dev') continue
    const row = TABLE[groupOf(path)]
    const breaches = row ? importsOf(path, code).map(found => breach(path, row, found)) : [`${path} is in no row`]
    t.same(breaches.filter(Boolean), [], path)
  }
  t.end()
})

t.test('folders do not import each other in a circle', t => {
  const edges = new Map<string, Set<string>>()
  for (const [path, code] of sources) {
    if (groupOf(path) === 'dev') continue
    const targets = edges.get(groupOf(path)) ?? new Set()
    for (const { target, isPackage } of importsOf(path, code)) {
      if (!isPackage && groupOf(target) !== groupOf(path)) targets.add(groupOf(target))
    }
    edges.set(groupOf(path), targets)
  }
  const circle = (group: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(group)) return [...trail, group].join(' → ')
    for (const next of edges.get(group) ?? []) {
      const found = circle(next, [...trail, group])
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const group of edges.keys()) t.equal(circle(group, []), undefined, group)
  t.end()
})

/** The first circle that is met on the way from a file, as the list of its files. */
function circleFrom(path: string, way: readonly string[], done: Set<string>): string[] | undefined {
  const start = way.indexOf(path)
  if (start !== -1) return [...way.slice(start), path]
  const code = sources.get(path)
  if (code === undefined || done.has(path)) return undefined
  for (const { target } of importsOf(path, code)) {
    const found = circleFrom(target, [...way, path], done)
    if (found !== undefined) return found
  }
  done.add(path)
  return undefined
}

t.test('no files import each other in a circle, not even for types', t => {
  const done = new Set<string>()
  t.same(
    [...sources.keys()].map(path => circleFrom(path, [], done)).filter(circle => circle !== undefined),
    [],
  )
  t.ok(done.size > 100)
  t.end()
})
