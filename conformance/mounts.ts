// What the cases about mounts share: mounts of the host to be bound, and the container's own as it sees them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type MountEntry, parseMountinfo } from '../src/host/mountinfo.ts'
import type { World } from './world.ts'

export const host = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })

/** A tmpfs of the host with another one on "below", both with these options. */
export function hostTree(world: World, options = 'rw', name = 'tree'): string {
  const tree = join(world.directory, name)
  mkdirSync(tree)
  host('mount', '-t', 'tmpfs', '-o', 'rw,mode=755', 'tree', tree)
  world.atEnd(() => host('umount', '-R', '-l', tree))
  mkdirSync(join(tree, 'below'))
  host('mount', '-t', 'tmpfs', '-o', 'rw,mode=755', 'below', join(tree, 'below'))
  for (const place of [join(tree, 'below'), tree]) host('mount', '-o', `remount,bind,${options}`, place)
  return tree
}

export const bind = (source: string, destination: string, ...options: string[]) => ({
  destination,
  type: 'none',
  source,
  options: ['bind', ...options],
})

export const tmpfs = (destination: string, ...options: string[]) => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options,
})

/** The container's mounts by mount point; of several on one the last. */
export function seen(world: World, script = ''): Map<string, MountEntry> {
  const entries = parseMountinfo(world.output(`${script} cat /proc/self/mountinfo`))
  return new Map(entries.map(entry => [entry.mountPoint, entry]))
}

/** The same of one mount, which must be there. */
export function mountOn(mounts: ReadonlyMap<string, MountEntry>, place: string): MountEntry {
  const found = mounts.get(place)
  assert.ok(found, `nothing is mounted on ${place}: ${[...mounts.keys()]}`)
  return found
}
