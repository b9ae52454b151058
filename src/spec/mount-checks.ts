// Rules of `mounts` that the schema cannot say. What an option means is known to plan/ alone, but for those few that
// decide which other properties a mount must have.
import type { Check } from './draft.ts'
import { type Draft, each, type Rule } from './draft.ts'
import type { IdMapping, Mount } from './gen/types.ts'

const has = ({ options }: Draft<Mount>, option: string): boolean => options?.includes(option) ?? false

const isBind = (mount: Draft<Mount>): boolean => has(mount, 'bind') || has(mount, 'rbind') || mount.type === 'bind'

const PROPAGATIONS = ['shared', 'slave', 'private', 'unbindable']

const changesPropagation = (mount: Draft<Mount>): boolean =>
  PROPAGATIONS.some(name => has(mount, name) || has(mount, `r${name}`))

/** A relative destination is below the root too: old configurations have them, and the spec allows it. */
const destinationBelowRoot: Rule<Mount> = ({ destination }, report) => {
  if (destination === undefined) return
  if (destination === '') report('/destination', 'must not be empty')
  else if (isRoot(destination))
    report(
      '/destination',
      `mounting on the container's root is not allowed; found ${JSON.stringify(destination)}`,
      'make what is to be the root the path of /root',
    )
}

function isRoot(path: string): boolean {
  for (const letter of path) if (letter !== '/' && letter !== '.') return false
  return path.split('/').every(part => part === '' || part === '.')
}

const bindHasSource: Rule<Mount> = (mount, report) => {
  if (mount.source || !isBind(mount) || has(mount, 'remount')) return
  report('/source', 'a bind mount needs a source')
}

const mountHasType: Rule<Mount> = (mount, report) => {
  if (mount.type || isBind(mount) || has(mount, 'remount') || changesPropagation(mount)) return
  report('/type', 'a mount that is no bind mount needs a type', 'add the filesystem type, or the option bind or rbind')
}

const mappingsPaired: Rule<Mount> = ({ uidMappings, gidMappings }, report) => {
  if ((uidMappings === undefined) !== (gidMappings === undefined))
    report('', 'uidMappings and gidMappings must be given together')
}

const mappedMountIsBind: Rule<Mount> = (mount, report) => {
  if ((!mount.uidMappings?.length && !mount.gidMappings?.length) || isBind(mount)) return
  report('', 'only a bind mount can have id mappings', 'add the option bind or rbind')
}

const MOUNT_RULES = [destinationBelowRoot, bindHasSource, mountHasType, mappingsPaired, mappedMountIsBind]

/** The kernel would only say "invalid argument". */
export const mountOwnersMapped: Check = ({ mounts, linux }, report) => {
  const isNew = linux?.namespaces?.some(({ type, path } = {}) => type === 'user' && !path)
  if (!isNew) return
  for (const [index, { type, options = [] } = {}] of (mounts ?? []).entries()) {
    if (type !== 'tmpfs' && type !== 'devpts') continue
    for (const [at, option] of options.entries()) {
      const [, kind = '', id = ''] = /^([ug]id)=(\d+)$/.exec(option ?? '') ?? []
      const list = kind === 'uid' ? 'uidMappings' : 'gidMappings'
      if (kind === '' || !linux?.[list]?.length || isMapped(linux[list], Number(id))) continue
      const pointer = `/mounts/${index}/options/${at}`
      report(
        pointer,
        `cannot specify ${kind}= mount options for unmapped ${kind}: ${id} is in no range of /linux/${list}`,
        'map it, or take the option out',
      )
    }
  }
}

const isMapped = (mappings: Draft<readonly IdMapping[]> | undefined, id: number): boolean =>
  mappings?.some(({ containerID = 0, size = 0 } = {}) => id >= containerID && id < containerID + size) ?? false

export const mountsSound: Check = ({ mounts }, report) => each(mounts, '/mounts', MOUNT_RULES, report)
