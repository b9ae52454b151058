// Changes of a case's config by path, and the question whether a runtime refuses them.
import assert from 'node:assert/strict'
import type { World } from './world.ts'

export type Changes = Readonly<Record<string, unknown>>

/** Sets properties by path ("process/user/uid"); the value undefined takes one away. */
export function set(world: World, values: Changes): void {
  for (const [path, value] of Object.entries(values)) {
    const names = path.split('/')
    const last = names.pop() ?? ''
    // biome-ignore lint/suspicious/noExplicitAny: the config is changed to what has no type
    const holder = names.reduce<any>((holder, name) => (holder[name] ??= {}), world.bundle.config)
    if (value === undefined) delete holder[last]
    else holder[last] = value
  }
}

/** Each of the changes alone must be refused. */
export function refuses(world: World, changes: readonly Changes[]): void {
  const original = structuredClone(world.bundle.config)
  const accepted: string[] = []
  for (const change of changes) {
    set(world, change)
    world.bundle.write()
    if (world.runtime.run(['create', '--bundle', world.bundle.path, world.id]).status === 0) {
      accepted.push(JSON.stringify(change))
      world.ok('delete', '--force', world.id)
    }
    for (const key of Object.keys(world.bundle.config)) delete world.bundle.config[key]
    Object.assign(world.bundle.config, structuredClone(original))
  }
  assert.deepEqual(accepted, [], 'accepted')
  world.nothingLeft()
}
