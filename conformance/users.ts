// A user namespace for the container, as most cases want it.
import { chmodSync } from 'node:fs'
import type { World } from './world.ts'

const FIRST = 100_000
const COUNT = 65_536

/** Its ids from 0 on are the host's from 100000 on. */
export function mapUsers(world: World): void {
  chmodSync(world.directory, 0o755) // root of the namespace has to walk through it
  const { linux } = world.bundle.config
  linux.namespaces.push({ type: 'user' })
  linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: FIRST, size: COUNT }]
}
