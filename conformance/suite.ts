// How a case is conducted: in a world of its own, judged against misses.ts, told as one line of TAP.
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { hasBusybox } from './bundle.ts'
import { type Case, Skip } from './case.ts'
import { CASES } from './cases.ts'
import { missOf } from './misses.ts'
import { Runtime } from './runtime.ts'
import type { Outcome } from './summary.ts'
import { World } from './world.ts'

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
  const failure = await attempt(each, runtime)
  const miss = missOf(runtime.name, each, failure)
  if (failure instanceof Skip) {
    t.pass(label, { skip: failure.message })
    return { ...each, result: 'skipped', reason: failure.message }
  }
  if (failure !== undefined && miss !== undefined) {
    t.fail(label, { ...QUIET, todo: miss })
    return { ...each, result: 'missed', reason: miss }
  }
  if (failure !== undefined) {
    t.fail(label, { ...QUIET, error: failure.message })
    return { ...each, result: 'failed', reason: failure.message }
  }
  t.pass(label)
  return { ...each, result: 'passed', ...(miss === undefined ? {} : { reason: `listed as a miss, can go: ${miss}` }) }
}

/** A runtime that can make no container at all here (crun on a hybrid cgroup tree) would only repeat one message. */
async function incapable(runtime: Runtime): Promise<string | undefined> {
  const run = (world: World) => {
    world.create()
  }
  const failure = await attempt({ name: '', section: '', run }, runtime)
  return failure && `${runtime.name} cannot make a container here: ${failure.message.replace(/\s+/g, ' ')}`
}

/** Why nothing can be tried on this machine. */
function obstacle(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root'
  return hasBusybox() ? undefined : 'needs /bin/busybox (package busybox-static)'
}

/** `binary`: undefined is this repository's tsrunc. Cases are chosen by section and name. */
export async function conductAll(binary: string | undefined, names: RegExp): Promise<readonly Outcome[]> {
  t.setTimeout(0) // every command has its own
  const reason = obstacle()
  if (reason !== undefined) {
    t.pass('conformance', { skip: reason })
    return []
  }
  // a case that is being tried comes to its end, and cleans up, before the signal counts
  let interrupted = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (interrupted = true))
  const runtime = new Runtime(binary)
  const outcomes: Outcome[] = []
  let incapacity: string | undefined
  try {
    incapacity = await incapable(runtime)
    for (const each of incapacity === undefined ? CASES : []) {
      if (interrupted) break
      if (names.test(`${each.section}: ${each.name}`)) outcomes.push(await conduct(each, runtime))
      await setImmediate() // signals arrive here: most cases never wait
    }
  } finally {
    runtime.dispose()
  }
  if (incapacity !== undefined || interrupted) t.bailout(incapacity ?? 'interrupted')
  return outcomes
}
