// Runs every case against the runtime that RUNTIME names (default: this repository's tsrunc), prints TAP, and closes
// with a table by section and one line of totals. Needs root: cases make real containers.
import { writeSync } from 'node:fs'
import t from 'tap'
import { hasBusybox } from './bundle.ts'
import { type Case, Skip } from './case.ts'
import { createCases } from './cases/create.ts'
import { deleteCases } from './cases/delete.ts'
import { dialectCases } from './cases/dialect.ts'
import { hookCases } from './cases/hooks.ts'
import { killCases } from './cases/kill.ts'
import { runCases } from './cases/run.ts'
import { startCases } from './cases/start.ts'
import { stateCases } from './cases/state.ts'
import { MISSES } from './misses.ts'
import { Runtime } from './runtime.ts'
import { type Outcome, summary } from './summary.ts'
import { World } from './world.ts'

const CASES: readonly Case[] = [
  ...createCases,
  ...startCases,
  ...stateCases,
  ...killCases,
  ...deleteCases,
  ...hookCases,
  ...runCases,
  ...dialectCases,
]

/** Where a case failed is in its message; where this file reports it helps nobody. */
const QUIET = { at: undefined, stack: undefined, source: undefined }

async function attempt(each: Case, runtime: Runtime): Promise<Error | undefined> {
  const world = new World(runtime)
  let failure: Error | undefined
  try {
    await each.run(world)
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
  }
  const left = world.clear()
  return failure ?? (left.length > 0 ? new Error(`left after delete --force: ${left.join(', ')}`) : undefined)
}

/** One line of TAP for a case. */
async function conduct(each: Case, runtime: Runtime): Promise<Outcome> {
  const label = `${each.section}: ${each.name}`
  const miss = MISSES[runtime.name]?.[each.name]
  const failure = await attempt(each, runtime)
  if (failure instanceof Skip) {
    t.pass(label, { skip: failure.message })
    return { ...each, result: 'skipped', reason: failure.message }
  }
  if (failure !== undefined && miss !== undefined) {
    t.fail(label, { ...QUIET, todo: miss })
    return { ...each, result: 'skipped', reason: `known miss: ${miss}` }
  }
  if (failure !== undefined) {
    t.fail(label, { ...QUIET, error: failure.message })
    return { ...each, result: 'failed', reason: failure.message }
  }
  t.pass(label)
  return { ...each, result: 'passed', ...(miss === undefined ? {} : { reason: `listed as a miss: ${miss}` }) }
}

function obstacle(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root'
  return hasBusybox() ? undefined : 'needs /bin/busybox (package busybox-static)'
}

/** A runtime that can make no container at all here (crun on a hybrid cgroup tree) would only repeat one message. */
async function incapable(runtime: Runtime): Promise<string | undefined> {
  const run = (world: World) => {
    world.create()
  }
  const failure = await attempt({ name: '', section: '', run }, runtime)
  return failure && `${runtime.name} cannot make a container here: ${failure.message.replace(/\s+/g, ' ')}`
}

async function conductAll(runtime: Runtime): Promise<Outcome[]> {
  const pattern = new RegExp(process.argv[2] ?? '')
  const outcomes: Outcome[] = []
  for (const each of CASES) if (pattern.test(each.name)) outcomes.push(await conduct(each, runtime))
  return outcomes
}

async function main(): Promise<void> {
  const reason = obstacle()
  if (reason !== undefined) {
    t.pass('conformance', { skip: reason })
    t.end()
    writeSync(1, summary([]))
    return
  }
  const runtime = new Runtime(process.env.RUNTIME || undefined)
  try {
    const incapacity = await incapable(runtime)
    if (incapacity !== undefined) return void t.bailout(incapacity)
    const outcomes = await conductAll(runtime)
    t.end()
    writeSync(1, summary(outcomes))
  } finally {
    runtime.dispose()
  }
}

await main()
