// The table of demands against the cases and the sections of the specification: each way.
import t from 'tap'
import { CASES } from './cases.ts'
import { REQUIREMENTS } from './requirements.ts'
import { isSection } from './sections.ts'

const NAMES = CASES.map(({ name }) => name)

t.test('names of cases are unique', async t => {
  for (const name of new Set(NAMES.filter((name, index) => NAMES.indexOf(name) !== index))) t.fail(name)
  t.ok(NAMES.length > 0)
})

t.test('every case is of a section that exists', async t => {
  for (const { name, section } of CASES) if (!isSection(section)) t.fail(`${section}: ${name}`)
})

t.test('every demand is of a section that exists, and has cases that exist or a reason', async t => {
  for (const { section, demand, cases, because } of REQUIREMENTS) {
    const what = `${section}: ${demand}`
    if (!isSection(section)) t.fail(`no such section: ${what}`)
    if ((cases.length === 0) !== (because !== undefined)) t.fail(`neither cases nor a reason, or both: ${what}`)
    for (const each of cases) {
      const found = typeof each === 'string' ? NAMES.includes(each) : NAMES.some(name => each.test(name))
      if (!found) t.fail(`no case ${each}: ${what}`)
    }
  }
})

t.test('no demand is listed twice', async t => {
  const all = REQUIREMENTS.map(({ section, demand, cases }) => `${section}: ${demand}: ${cases.join()}`)
  t.equal(new Set(all).size, all.length)
})
