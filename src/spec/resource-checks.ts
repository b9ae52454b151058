// Rules of `linux.resources` and `linux.intelRdt` that the schema cannot say. Which values the host's cgroups can
// take is known to cgroup/.
import type { Check } from './draft.ts'
import { each, type Rule } from './draft.ts'
import type { WeightDevice } from './gen/types.ts'
import { pointer } from './pointer.ts'

const hasWeight: Rule<WeightDevice> = ({ weight, leafWeight }, report) => {
  if (weight === undefined && leafWeight === undefined) report('', 'needs a weight, a leafWeight or both')
}

export const weightGiven: Check = ({ linux }, report) =>
  each(linux?.resources?.blockIO?.weightDevice, '/linux/resources/blockIO/weightDevice', [hasWeight], report)

export const rdmaLimitsSomething: Check = ({ linux }, report) => {
  for (const [name, limits] of Object.entries(linux?.resources?.rdma ?? {})) {
    if (limits === undefined || limits.hcaHandles !== undefined || limits.hcaObjects !== undefined) continue
    report(pointer('linux', 'resources', 'rdma', name), 'needs hcaHandles, hcaObjects or both')
  }
}

/** "/" is in no name of a file, and these are no files. */
const isFileName = (name: string): boolean => name !== '' && name !== '.' && name !== '..' && !name.includes('/')

export const unifiedKeysAreFiles: Check = ({ linux }, report) => {
  for (const name of Object.keys(linux?.resources?.unified ?? {}))
    if (!isFileName(name))
      report(pointer('linux', 'resources', 'unified', name), 'is not the name of a file in a cgroup')
}

/** Directories that resctrl has by itself. */
const RESERVED_GROUPS = ['info', 'mon_groups', 'mon_data']
export const isReservedGroup = (name: string): boolean => RESERVED_GROUPS.includes(name)

export const closIdIsName: Check = ({ linux }, report) => {
  const id = linux?.intelRdt?.closID
  // "/" alone is the default class of service.
  if (id === undefined || id === '/') return
  const place = '/linux/intelRdt/closID'
  if (!isFileName(id) || id.includes('\n'))
    report(place, `must be a name without "/", or "/"; found ${JSON.stringify(id)}`)
  else if (isReservedGroup(id)) report(place, `${id} is a directory that resctrl has by itself`)
}

/** A line feed would end the line and begin another one, for anything. */
export const schemaIsLine: Check = ({ linux }, report) => {
  if (linux?.intelRdt?.l3CacheSchema?.includes('\n'))
    report('/linux/intelRdt/l3CacheSchema', 'must be one line', 'put further lines into schemata')
}
