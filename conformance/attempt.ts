// How a case is tried: in a world of its own, judged against misses.ts.
import { hasBusybox } from './bundle.ts'
import { type Case, Skip } from './case.ts'
import { missOf } from './misses.ts'
import type { Runtime } from './runtime.ts'
import type { Outcome } from './summary.ts'
import { World } from './world.ts'

async function failureOf(each: Case, runtime: Runtime): Promise<Error | undefined> {
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

export async function attempt(each: Case, runtime: Runtime): Promise<Outcome> {
  const { name, section } = each
  const failure = await failureOf(each, runtime)
  const miss = missOf(runtime.name, each, failure)
  if (failure instanceof Skip) return { name, section, result: 'skipped', reason: failure.message }
  if (failure !== undefined && miss !== undefined) return { name, section, result: 'missed', reason: miss }
  if (failure !== undefined) return { name, section, result: 'failed', reason: failure.message }
  return { name, section, result: 'passed', ...(miss && { reason: `listed as a miss: ${miss}` }) }
}

/** A runtime that can make no container at all here (crun on a hybrid cgroup tree) would only repeat one message. */
export async function incapacity(runtime: Runtime): Promise<string | undefined> {
  const run = (world: World) => {
    world.create()
  }
  const failure = await failureOf({ name: '', section: '', run }, runtime)
  return failure && `${runtime.name} cannot make a container here: ${failure.message.replace(/\s+/g, ' ')}`
}

/** Why nothing can be tried on this machine. */
export function obstacle(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root'
  return hasBusybox() ? undefined : 'needs /bin/busybox (package busybox-static)'
}
