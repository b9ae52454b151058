// What comes from outside the container's tree — the rootfs, sources of bind mounts, groups of cgroup v1 — as detached
// mounts, cloned while the host's paths still mean what the config meant and its privileges are still there. Clones
// are made with everything that they need (read-only and so on), so that they are complete when they appear.
import { ERRNO } from '../abi/errno.ts'
import { MOUNT_ATTR, MS } from '../abi/mount.ts'
import { CLONE } from '../abi/sched.ts'
import { type Origin, SpecError, UnsupportedError } from '../errors.ts'
import { type Op, syscall } from '../program/op.ts'
import { cgroupSources } from './cgroup-mounts.ts'
import { type Entry, hasNamespace, isNew, type PlanContext } from './context.ts'
import { raiseDescriptorLimit } from './descriptor-limit.ts'
import type { Change } from './mount-calls.ts'
import { isBind, isRemount, mountEntries } from './mount-entries.ts'
import { attributes, type MountOptions } from './mount-options.ts'
import {
  bindChanges,
  clonePropagation,
  cloneSource,
  hostPath,
  hostSysfs,
  rootfsPath,
  type Source,
  sourceSlot,
} from './source.ts'
import { isStaged, joinsStaged, setAside, takeUp } from './staging.ts'

/** Above so many sources the soft limit of descriptors is raised while the mounts are set up. */
const MANY = 200

/** Without the host's privileges mounts can be cloned only in the namespaces of the container: after the fork. */
const isLate = (context: PlanContext): boolean =>
  !context.facts.clonesMounts && (hasNamespace(context, 'user') || isNew(context, 'mount'))

/** Before the namespaces, with the host's paths and privileges. */
export function planHostSources(context: PlanContext): Op[] {
  if (!hasNamespace(context, 'mount')) {
    refuseMounts(context)
    return []
  }
  if (isLate(context)) return []
  return [...cloneAll(context), ...(isStaged(context) ? setAside(context, sources(context)) : [])]
}

/** In the namespaces: what could not be done before. */
export function planOwnSources(context: PlanContext): Op[] {
  if (!hasNamespace(context, 'mount')) return []
  if (isLate(context)) return cloneAll(context)
  return isStaged(context) && !joinsStaged(context) ? takeUp(sources(context)) : []
}

/** In a joined user namespace, before the mount namespace is joined. */
export function planSourcesBetween(context: PlanContext): Op[] {
  if (!joinsStaged(context)) return []
  const origin: Origin = { pointer: '/linux/namespaces', intent: 'lock the flags of what is mounted from the host' }
  return [syscall('unshare', [CLONE.bits.CLONE_NEWNS], origin), ...takeUp(sources(context))]
}

const sources = (context: PlanContext): Source[] => [
  rootSource(context),
  ...ownSources(context),
  ...cgroupSources(context),
]

function cloneAll(context: PlanContext): Op[] {
  const all = sources(context)
  const origin: Origin = { pointer: '/root/path', intent: 'clone the rootfs' }
  const ops = all.length > MANY ? raiseDescriptorLimit(context) : []
  for (const source of all) ops.push(...cloneSource(source))
  ops.push(syscall('close', [context.facts.descriptors.rootfs], origin))
  for (const namespace of namespacesOfMounts(context)) ops.push(syscall('close', [namespace], origin))
  return ops
}

/** What would have to be mounted in the host's own tree. */
function refuseMounts({ spec }: PlanContext): void {
  const asking = [
    ['/mounts', spec.mounts],
    ['/linux/maskedPaths', spec.linux?.maskedPaths],
    ['/linux/readonlyPaths', spec.linux?.readonlyPaths],
    ['/linux/devices', spec.linux?.devices],
  ] as const
  const wish = asking.find(([, list]) => list !== undefined && list.length > 0)
  const where = wish?.[0] ?? (spec.root.readonly ? '/root/readonly' : undefined)
  if (where === undefined) return
  throw new UnsupportedError(`${where} needs a mount namespace of the container's own`, {
    where: '/linux/namespaces',
    hint: 'add { "type": "mount" } to /linux/namespaces',
  })
}

/** Never a peer of the host's mount, also where the config asks for shared: what is mounted on it would appear there. */
function rootSource(context: PlanContext): Source {
  const propagation = clonePropagation(context)
  return {
    from: isLate(context) ? rootfsPath(context) : context.facts.descriptors.rootfs,
    kind: 'directory',
    recursive: true,
    changes: [propagation === 0n ? { propagation: MS.bits.MS_PRIVATE } : { propagation, recursive: true }],
    fd: context.slots.root,
    origin: { pointer: '/root/path', intent: 'clone the rootfs' },
  }
}

function ownSources(context: PlanContext): Source[] {
  const found: Source[] = []
  for (const entry of mountEntries(context)) {
    if (isBind(entry)) {
      if (!isRemount(entry) && !context.facts.links?.has(entry.where)) found.push(bindSource(context, entry))
    } else if (hostSysfs(context, entry)) found.push(sysfsSource(context, entry))
  }
  return found
}

/** Numbers of the user namespaces whose maps mounts have taken over. */
const namespacesOfMounts = ({ facts: { idMapped } }: PlanContext): ReadonlySet<number> =>
  new Set(idMapped === undefined ? [] : [...idMapped.values()].map(({ namespace }) => namespace))

/** mount_setattr(2): a clone can be id-mapped as long as it is attached nowhere, by who rules over its file system. */
function mapIds(context: PlanContext, { mount, where, path }: Entry): Source['mapped'] {
  const mapped = context.facts.idMapped?.get(where)
  if (mapped === undefined) return undefined
  const { pointer, recursive, namespace, fsType } = mapped
  if (!context.facts.clonesMounts) {
    throw new UnsupportedError('only root of the host can make id-mapped mounts', { where: pointer })
  }
  const change = { set: MOUNT_ATTR.bits.MOUNT_ATTR_IDMAP, userNamespace: namespace, recursive }
  const of = fsType === undefined ? '' : `, of type ${fsType},`
  return [change, { pointer, intent: `map the ids of ${mount.source}${of} for ${path}` }]
}

function bindSource(context: PlanContext, entry: Entry): Source {
  const { mount, options, where } = entry
  if (mount.source === undefined || mount.source === '') {
    throw new SpecError('config.json', [{ pointer: where, message: 'a bind mount needs a source' }])
  }
  const path = hostPath(context, mount.source)
  if (context.facts.sources.get(where) === 'missing') {
    const message = `cannot bind ${path} on ${mount.destination}: ${ERRNO.ENOENT[1]}`
    throw new SpecError('config.json', [{ pointer: `${where}/source`, message }])
  }
  return {
    from: path,
    kind: context.facts.sources.get(where) === 'file' ? 'file' : 'directory',
    recursive: (options.flags & MS.bits.MS_REC) !== 0n,
    changes: bindChanges(context, options),
    fd: sourceSlot(context, where),
    origin: { pointer: where, intent: `clone ${path} for ${mount.destination}` },
    mapped: mapIds(context, entry),
    nofollow: options.extras.includes('src-nofollow'),
  }
}

/** With all that is mounted below: a part of it alone may not be cloned in a user namespace. */
const sysfsSource = (context: PlanContext, { options, where }: Entry): Source => ({
  from: '/sys',
  kind: 'directory',
  recursive: true,
  changes: sysfsChanges(context, options),
  fd: sourceSlot(context, where),
  origin: { pointer: where, intent: 'clone /sys of the host, should sysfs be denied' },
})

/**
 * The flags asked for hold for all of the tree, and what is mounted below, which a sysfs of its own would not show, is
 * read-only whatever is asked for: among it are the cgroups of the host.
 */
function sysfsChanges(context: PlanContext, options: MountOptions): Change[] {
  const { MOUNT_ATTR_RDONLY } = MOUNT_ATTR.bits
  const { set, clear } = attributes(options)
  const asked = set | options.recursive.set
  const recursive = { set: asked | MOUNT_ATTR_RDONLY, clear: (clear | options.recursive.clear) & ~MOUNT_ATTR_RDONLY }
  const all = bindChanges(context, { ...options, recursive })
  const isReadOnly = (asked & MOUNT_ATTR_RDONLY) !== 0n
  return isReadOnly ? all : [...all, { clear: MOUNT_ATTR_RDONLY, unlessLocked: true }]
}
