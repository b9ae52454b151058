// The schemas themselves: that every part is described, bounded and worded.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Features } from './gen/features-types.ts'
import type { State } from './gen/state-types.ts'
import { validateFeatures } from './gen/validate-features.js'
import { validateState } from './gen/validate-state.js'
import { schemaProblems } from './problems.ts'

type Node = Readonly<Record<string, unknown>>
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value)

const directory = fileURLToPath(new URL('../../../schemas/', import.meta.url))
const read = (name: string): Node => JSON.parse(readFileSync(`${directory}${name}`, 'utf8'))

/** Every schema of a property or definition below this one, with its name. */
function* parts(schema: unknown, name: string): Generator<[string, Node]> {
  if (!isNode(schema)) return
  yield [name, schema]
  for (const holder of ['properties', 'definitions'] as const) {
    for (const [key, value] of Object.entries(schema[holder] ?? {})) yield* parts(value, `${name}/${key}`)
  }
  for (const key of ['items', 'additionalProperties'] as const) yield* parts(schema[key], `${name}/${key}`)
}

const FILES = ['config.schema.json', 'features.schema.json', 'state.schema.json']

t.test('every part has a description and a type', t => {
  t.same(readdirSync(directory).sort(), FILES)
  for (const file of FILES) {
    const gaps = [...parts(read(file), '')]
      .filter(([name, part]) => part.$ref === undefined && !/\/(items|additionalProperties)$/.test(name))
      .filter(([, part]) => typeof part.description !== 'string' || typeof part.type !== 'string')
    t.same(
      gaps.map(([name]) => name),
      [],
      file,
    )
  }
  t.end()
})

t.test('an integer is within the range of doubles, or typed as bigint too', t => {
  for (const [name, part] of parts(read('config.schema.json'), '')) {
    if (part.type !== 'integer') continue
    t.type(part.minimum, 'number', name)
    const isExact = Number.isSafeInteger(part.maximum) && Number.isSafeInteger(part.minimum)
    t.ok(isExact || part.exclusiveMaximum === 2 ** 64 || part.exclusiveMaximum === 2 ** 63, name)
  }
  t.end()
})

t.test('no string reaches the kernel with a NUL, and every pattern is worded', t => {
  const notForTheKernel = /commandLine|username|annotations|listenerMetadata|Capabilities|Personality/
  for (const [name, part] of parts(read('config.schema.json'), '')) {
    if (part.type !== 'string') continue
    t.ok(part.enum ?? part.pattern ?? notForTheKernel.test(name), name)
    if (part.pattern === undefined) continue
    const error = { instancePath: '/x', keyword: 'pattern', params: { pattern: part.pattern } }
    t.notMatch(schemaProblems([error], { x: '' })[0]?.message, 'must match', String(part.pattern))
  }
  t.end()
})

t.test('state documents', t => {
  const state: State = {
    ociVersion: '1.3.0',
    id: 'a',
    status: 'created',
    pid: 5,
    bundle: '/b',
    annotations: { x: 'y' },
  }
  t.ok(validateState(state))
  t.notOk(validateState({ ...state, status: 'dead' }))
  t.notOk(validateState({ ...state, pid: -1 }))
  t.notOk(validateState({ id: 'a' }))
  t.end()
})

t.test('features documents', t => {
  const features: Features = {
    ociVersionMin: '1.0.0',
    ociVersionMax: '1.3.0',
    hooks: ['prestart'],
    linux: { namespaces: ['pid'], cgroup: { v1: true }, mountExtensions: { idmap: { enabled: false } } },
  }
  t.ok(validateFeatures(features))
  t.notOk(validateFeatures({ ...features, hooks: 'prestart' }))
  t.notOk(validateFeatures({ ...features, linux: { cgroup: { v1: 'yes' } } }))
  t.end()
})
