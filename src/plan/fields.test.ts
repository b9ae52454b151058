import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { FIELDS } from './fields.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

interface Node {
  readonly $ref?: string
  readonly properties?: Record<string, Node>
  readonly items?: Node
  readonly additionalProperties?: Node | boolean
}

/** Patterns of all properties of the schema. */
function schemaProperties(): string[] {
  const schema = JSON.parse(readFileSync(`${repository}schemas/config.schema.json`, 'utf8'))
  const found: string[] = []
  const visit = (node: Node, path: string): void => {
    const {
      properties = {},
      items,
      additionalProperties,
    }: Node = node.$ref === undefined ? node : schema.definitions[node.$ref.replace('#/definitions/', '')]
    for (const [name, property] of Object.entries(properties)) {
      found.push(`${path}/${name}`)
      visit(property, `${path}/${name}`)
    }
    if (items !== undefined) visit(items, `${path}/*`)
    if (typeof additionalProperties === 'object') {
      found.push(`${path}/*`)
      visit(additionalProperties, `${path}/*`)
    }
  }
  visit(schema, '')
  return found
}

t.test('every property of the schema has a row, and every row a property', t => {
  const properties = schemaProperties()
  t.ok(properties.length > 200)
  t.same(
    properties.filter(path => !(path in FIELDS)),
    [],
    'properties without a row',
  )
  t.same(
    Object.keys(FIELDS).filter(path => !properties.includes(path)),
    [],
    'rows without a property',
  )
  t.end()
})

t.test('what applies a property exists', t => {
  const files = new Set(Object.values(FIELDS).flatMap(fate => (fate.kind === 'applied' ? [fate.by] : [])))
  for (const file of files) t.ok(existsSync(`${repository}src/${file}.ts`), file)
  t.end()
})
