// The table of demands against the cases and the sections of the specification: each way.
import t from 'tap'
import { CASES } from './cases.ts'
import type { Requirement } from './requirement.ts'
import { REQUIREMENTS } from './requirements.ts'
import { isSection } from './sections.ts'

const NAMES = CASES.map(({ name }) => name)
const twice = (items: readonly string[]): string[] => items.filter((item, index) => items.indexOf(item) !== index)
const exists = (each: string | RegExp): boolean =>
  typeof each === 'string' ? NAMES.includes(each) : NAMES.some(name => each.test(name))

function problemsOf({ section, cases, because }: Requirement): string[] {
  const missing = cases.filter(each => !exists(each)).map(each => `no case ${each}`)
  return [
    ...missing,
    ...(isSection(section) ? [] : ['no such section']),
    ...((cases.length === 0) === (because !== undefined) ? [] : ['neither cases nor a reason, or both']),
  ]
}

t.test('every case has a name of its own and is of a section that exists', async t => {
  t.same(twice(NAMES), [])
  t.same(
    CASES.filter(({ section }) => !isSection(section)).map(({ section, name }) => `${section}: ${name}`),
    [],
  )
})

t.test('every demand is of a section that exists, and has cases that exist or a reason', async t => {
  const found = REQUIREMENTS.map(each => [`${each.section}: ${each.demand}`, ...problemsOf(each)])
  t.same(
    found.filter(({ length }) => length > 1),
    [],
  )
})

t.test('no demand is listed twice', async t => {
  t.same(twice(REQUIREMENTS.map(({ section, demand, cases }) => `${section}: ${demand}: ${cases.join()}`)), [])
})
