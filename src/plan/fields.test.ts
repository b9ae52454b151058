import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { testSpec } from '../dev/golden.ts'
import { FIELDS } from './fields.ts'
import { REFUSED_OF_LINUX, REFUSED_OF_MOUNTS, REFUSED_OF_PROCESS, refusals, refuseUnsupported } from './refused.ts'

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

t.test('what is not applied is just what is refused', t => {
  const below = (place: string, names: object): string[] => Object.keys(names).map(name => `${place}/${name}`)
  const refused = [
    ...below('/process', REFUSED_OF_PROCESS),
    ...below('/mounts/*', REFUSED_OF_MOUNTS),
    ...below('/linux', REFUSED_OF_LINUX),
  ]
  const listed = Object.keys(FIELDS).filter(path => FIELDS[path]?.kind === 'refused')
  const isBelow = (path: string): boolean => refused.some(holder => path.startsWith(`${holder}/`))
  t.same(listed.filter(path => !isBelow(path)).sort(), refused.sort())
  t.end()
})

t.test('what is not applied is refused by its pointer', t => {
  const spec = testSpec({
    process: { selinuxLabel: 'a:b', scheduler: { policy: 'SCHED_FIFO', priority: 1 } },
    linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } },
    spec: {
      mounts: [
        { destination: '/a', type: 'tmpfs' },
        { destination: '/b', source: '/b', uidMappings: [{ containerID: 0, hostID: 1, size: 1 }] },
      ],
    },
  })
  t.same(
    refusals(spec).map(problem => problem.pointer),
    ['/process/selinuxLabel', '/process/scheduler', '/linux/seccomp', '/mounts/1/uidMappings'],
  )
  t.throws(() => refuseUnsupported(spec), {
    code: 'TSRUNC_UNSUPPORTED',
    where: '/process/selinuxLabel',
    message: /not supported yet \(also refused: .*\/linux\/seccomp/,
  })
  t.end()
})

t.test('a value that asks for nothing is no reason to refuse', t => {
  const spec = testSpec({
    process: { apparmorProfile: '', selinuxLabel: '' },
    linux: { mountLabel: '', intelRdt: { enableMonitoring: false, closID: '' }, netDevices: {} },
    spec: { mounts: [{ destination: '/a', type: 'tmpfs', uidMappings: [], gidMappings: [] }], windows: { x: 1 } },
  })
  t.same(refusals(spec), [])
  refuseUnsupported(spec)
  t.end()
})
