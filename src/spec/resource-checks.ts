// Rules of `linux.resources` and `linux.intelRdt` that the schema cannot say. Which values the host's cgroups can
// take is known to cgroup/.
import type { Check } from './checks.ts'
import { each, unless } from './draft.ts'
import { pointer } from './pointer.ts'

export const weightGiven: Check = ({ linux }) =>
  [...each(linux?.resources?.blockIO?.weightDevice, 'linux', 'resources', 'blockIO', 'weightDevice')].flatMap(
    ([{ weight, leafWeight }, place]) =>
      unless(weight !== undefined || leafWeight !== undefined, place, 'needs a weight, a leafWeight or both'),
  )

export const rdmaLimitsSomething: Check = ({ linux }) =>
  Object.entries(linux?.resources?.rdma ?? {}).flatMap(([name, limits]) =>
    unless(
      limits === undefined || limits.hcaHandles !== undefined || limits.hcaObjects !== undefined,
      pointer('linux', 'resources', 'rdma', name),
      'needs hcaHandles, hcaObjects or both',
    ),
  )

export const unifiedKeysAreFiles: Check = ({ linux }) =>
  Object.keys(linux?.resources?.unified ?? {}).flatMap(name =>
    unless(
      name !== '' && name !== '.' && name !== '..' && !name.includes('/'),
      pointer('linux', 'resources', 'unified', name),
      'is not the name of a file in a cgroup',
    ),
  )

export const closIdIsName: Check = ({ linux }) => {
  const id = linux?.intelRdt?.closID
  // "/" alone is the default class of service.
  const isName = id === undefined || id === '/' || !(id === '' || id === '.' || id === '..' || id.includes('/'))
  return unless(isName, '/linux/intelRdt/closID', `must be a name without "/", or "/"; found ${JSON.stringify(id)}`)
}
