// Writes src/spec/gen/ from schemas/: the TypeScript types, and validators as plain code. Neither ajv nor
// json-schema-to-typescript is loaded at run time: compiling the schema costs 300 ms a start, the code 4 ms.
// Run by setup.mjs through tsx, before anything else is compiled.
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import standaloneModule from 'ajv/dist/standalone/index.js'
import { compile, type JSONSchema } from 'json-schema-to-typescript'

interface Document {
  readonly schema: string
  readonly types: string
  readonly validator: string
  readonly file: string
}

/** One file each: some type names are in two of them, and only create needs the large one. */
const DOCUMENTS: readonly Document[] = [
  { schema: 'config.schema.json', types: 'types.ts', validator: 'validateSpec', file: 'validate' },
  { schema: 'state.schema.json', types: 'state-types.ts', validator: 'validateState', file: 'validate-state' },
  {
    schema: 'features.schema.json',
    types: 'features-types.ts',
    validator: 'validateFeatures',
    file: 'validate-features',
  },
]
const BANNER = '// Written by src/dev/gen.ts from schemas/; change those instead.'

type Node = Record<string, unknown>
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Integers that a double cannot hold arrive as bigint, see src/spec/json.ts. */
function widenIntegers(schema: unknown): void {
  if (Array.isArray(schema)) schema.forEach(widenIntegers)
  if (!isNode(schema)) return
  if (schema.type === 'integer' && typeof schema.exclusiveMaximum === 'number') schema.tsType = 'number | bigint'
  if (schema.description?.toString().endsWith('only; ignored.') && schema.type === 'object') schema.tsType = 'object'
  Object.values(schema).forEach(widenIntegers)
}

/** Ajv copies the schema into its code, where descriptions would be dead weight at each start. */
function withoutTexts(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutTexts)
  if (!isNode(schema)) return schema
  const kept = Object.entries(schema).filter(
    ([name, value]) => !(typeof value === 'string' && ['title', 'description'].includes(name)),
  )
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutTexts(value)]))
}

/** The names that a property of config.json can have; an unknown one near a missing one was probably meant. */
function propertyNames(schema: unknown, names = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const item of schema) propertyNames(item, names)
  if (!isNode(schema)) return names
  if (isNode(schema.properties)) for (const name of Object.keys(schema.properties)) names.add(name)
  for (const value of Object.values(schema)) propertyNames(value, names)
  return names
}

/** A parsed document is frozen. */
const readonlyTypes = (code: string): string =>
  code
    .replace(/^( +)(\w+\??:|\[k: string\]:)/gm, '$1readonly $2')
    .replace(/: (\w+|\([^()]*\))\[\]$/gm, ': readonly $1[]')

const readSchema = (file: string): Node => JSON.parse(readFileSync(join('schemas', file), 'utf8'))

async function typesOf(document: Document): Promise<string> {
  const schema = readSchema(document.schema)
  widenIntegers(schema)
  const code = await compile(schema as JSONSchema, document.schema, {
    additionalProperties: false,
    bannerComment: BANNER,
    ignoreMinAndMaxItems: true,
    style: { semi: false, singleQuote: true, printWidth: 120 },
  })
  return readonlyTypes(code)
}

function validatorOf(document: Document): string {
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    // One function a definition, and no sentences (problems.ts words them): a tenth of the size.
    inlineRefs: false,
    messages: false,
    code: { source: true, esm: true },
  })
  ajv.addSchema(withoutTexts(readSchema(document.schema)) as Node)
  const code = standaloneModule.default(ajv, { [document.validator]: document.schema })
  if (/\brequire\(|\bimport\b/.test(code)) throw new Error(`${document.file}.js would load ajv at run time`)
  return `${BANNER}\n${code}\n`
}

const declarationOf = (document: Document): string => `${BANNER}
export interface ValidationError {
  readonly instancePath: string
  readonly keyword: string
  readonly params: Readonly<Record<string, unknown>>
  /** Set on what the schema of property names found. */
  readonly propertyName?: string
}
export declare const ${document.validator}: {
  (data: unknown): boolean
  errors?: readonly ValidationError[] | null
}
`

const target = 'src/spec/gen'
await mkdir(target, { recursive: true })
for (const document of DOCUMENTS) {
  await writeFile(join(target, document.types), await typesOf(document))
  await writeFile(join(target, `${document.file}.js`), validatorOf(document))
  await writeFile(join(target, `${document.file}.d.ts`), declarationOf(document))
}
const names = [...propertyNames(readSchema('config.schema.json'))].sort()
await writeFile(
  join(target, 'names.ts'),
  `${BANNER}\nexport const PROPERTY_NAMES: ReadonlySet<string> = new Set(${JSON.stringify(names)})\n`,
)
