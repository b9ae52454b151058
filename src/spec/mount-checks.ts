// Rules of `mounts` that the schema cannot say. What an option means is known to plan/ alone, but for those few that
// decide which other properties a mount must have.
import type { Check } from './checks.ts'
import { type Draft, each, unless } from './draft.ts'
import type { Mount } from './gen/types.ts'

const has = (mount: Draft<Mount>, ...options: string[]): boolean =>
  mount.options?.some(option => option !== undefined && options.includes(option)) ?? false

const isBind = (mount: Draft<Mount>): boolean => has(mount, 'bind', 'rbind')

const PROPAGATIONS = ['shared', 'slave', 'private', 'unbindable'].flatMap(name => [name, `r${name}`])

/** A relative destination is below the root too: old configurations have them, and the spec allows it. */
export const destinationBelowRoot: Check = ({ mounts }) =>
  [...each(mounts, 'mounts')].flatMap(([{ destination }, place]) => {
    if (destination === undefined) return []
    if (destination === '') return unless(false, `${place}/destination`, 'must not be empty')
    const isRoot = destination.split('/').every(part => part === '' || part === '.')
    return unless(
      !isRoot,
      `${place}/destination`,
      `mounting on the container's root is not allowed; found ${JSON.stringify(destination)}`,
      'make what is to be the root the path of /root',
    )
  })

export const bindHasSource: Check = ({ mounts }) =>
  [...each(mounts, 'mounts')].flatMap(([mount, place]) =>
    unless(!isBind(mount) || has(mount, 'remount') || !!mount.source, `${place}/source`, 'a bind mount needs a source'),
  )

export const mountHasType: Check = ({ mounts }) =>
  [...each(mounts, 'mounts')].flatMap(([mount, place]) =>
    unless(
      !!mount.type || isBind(mount) || has(mount, 'remount', ...PROPAGATIONS),
      `${place}/type`,
      'a mount that is no bind mount needs a type',
      'add the filesystem type, or the option bind or rbind',
    ),
  )

export const mountMappingsPaired: Check = ({ mounts }) =>
  [...each(mounts, 'mounts')].flatMap(([{ uidMappings, gidMappings }, place]) =>
    unless(
      (uidMappings === undefined) === (gidMappings === undefined),
      place,
      'uidMappings and gidMappings must be given together',
    ),
  )

export const mappedMountIsBind: Check = ({ mounts }) =>
  [...each(mounts, 'mounts')].flatMap(([mount, place]) =>
    unless(
      (mount.uidMappings === undefined && mount.gidMappings === undefined) || isBind(mount),
      place,
      'only a bind mount can have id mappings',
      'add the option bind or rbind',
    ),
  )
