// Whose the container's cgroup is to be: its own user's, when that user can see it as a writable file system of a
// cgroup namespace. Document: config-linux.md#cgroup-ownership.
import type { Mount, Spec } from '../spec/gen/types.ts'

/** The id on the host; undefined leaves the group to whoever makes it. */
export function cgroupOwner({ process: { user }, mounts = [], linux = {} }: Spec): number | undefined {
  const namespaces = linux.namespaces ?? []
  if (!namespaces.some(({ type, path }) => type === 'cgroup' && !path)) return undefined
  if (!mounts.some(isWritableCgroup)) return undefined
  const users = namespaces.find(({ type }) => type === 'user')
  if (users === undefined) return user.uid
  if (users.path) return undefined // its maps are not ours to know
  const range = linux.uidMappings?.find(
    ({ containerID, size }) => containerID <= user.uid && user.uid < containerID + size,
  )
  return range && range.hostID + user.uid - range.containerID
}

const isWritableCgroup = ({ source, destination, options = [] }: Mount): boolean =>
  source === 'cgroup' && /^\/*sys\/+fs\/+cgroup\/*$/.test(destination) && !options.includes('ro')
