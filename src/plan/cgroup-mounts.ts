// Mounts of type cgroup. cgroup v2: the tree itself. cgroup v1 (also beside v2 on a hybrid host): a small tmpfs with
// one directory a hierarchy, and links for controllers that share one, as the host has them.
// With a cgroup namespace a mount shows the container's group as its root; without, the group is bound from the host.
// Documents: cgroup_namespaces(7), cgroups(7); the layout is what every runtime shows.
import { MOUNT_ATTR, MS } from '../abi/mount.ts'
import { type Origin, UnsupportedError } from '../errors.ts'
import { label, type Op, type Slot, syscall } from '../program/op.ts'
import { type Entry, hasNamespace, isNew, type PlanContext, slotNamed } from './context.ts'
import type { V1Hierarchy } from './facts.ts'
import { contextData } from './labels.ts'
import { attach, changeMount, close, mount } from './mount-calls.ts'
import { dataOf, mountEntries } from './mount-entries.ts'
import { mountTarget } from './mount-target.ts'
import { atFixed, openInRoot } from './resolve.ts'
import { bindChanges, cloneSource, type Source } from './source.ts'

const isV2 = (context: PlanContext): boolean => context.facts.cgroup.mode === 'v2'

/** "/sys/fs/cgroup/cpu,cpuacct" → "cpu,cpuacct": the container sees the names that the host uses. */
const nameOf = ({ mountpoint }: V1Hierarchy): string => mountpoint.slice(mountpoint.lastIndexOf('/') + 1)

/** Groups of the caller are not the container's to change: CVE-2023-25809. */
const READ_ONLY = { set: MOUNT_ATTR.bits.MOUNT_ATTR_RDONLY }
const flagsOf = (context: PlanContext, { options }: Entry): bigint =>
  context.facts.cgroup.inherited ? options.flags | MS.bits.MS_RDONLY : options.flags

const groupSlot = (context: PlanContext, where: string, name: string): Slot =>
  slotNamed(context, `cgroup ${name} of ${where}`)

// ---- what sources.ts clones ----

export function cgroupSources(context: PlanContext): Source[] {
  const found: Source[] = []
  if (clonesInPlace(context)) return found
  for (const entry of mountEntries(context)) if (entry.mount.type === 'cgroup') found.push(...groups(context, entry))
  return found
}

/**
 * The group of v2 is wanted only where the kernel refuses to mount the tree. Where init still sees the host's paths, and
 * has its privileges, it is cloned when that has happened: to give up a clone makes init wait for all CPUs.
 */
const clonesInPlace = (context: PlanContext): boolean =>
  isV2(context) && context.facts.clonesMounts && isNew(context, 'mount') && !hasNamespace(context, 'user')

function groups(context: PlanContext, { where, options }: Entry): Source[] {
  const { v1, v2, inherited } = context.facts.cgroup
  const bound = hasNamespace(context, 'cgroup') ? [] : v1.map(group => ({ name: nameOf(group), ...group }))
  const wanted = isV2(context) ? (v2 === undefined ? [] : [{ name: 'v2', ...v2 }]) : bound
  return wanted.map(({ name, mountpoint, path }) => ({
    from: path === '/' ? mountpoint : `${mountpoint}${path}`,
    kind: 'directory',
    recursive: false,
    changes: [...bindChanges(context, options), ...(inherited ? [READ_ONLY] : [])],
    fd: groupSlot(context, where, name),
    origin: { pointer: where, intent: `clone the cgroup ${path} of ${mountpoint}` },
  }))
}

// ---- the mount ----

export function planCgroupMount(context: PlanContext, entry: Entry): Op[] {
  const { mode } = context.facts.cgroup
  if (mode === 'none') {
    throw new UnsupportedError('this host has no cgroup file system to mount', { where: `${entry.where}/type` })
  }
  if (isV2(context)) return planV2(context, entry)
  const [word] = entry.options.data
  if (word !== undefined) {
    throw new UnsupportedError(
      `no cgroup v1 hierarchy takes the option ${JSON.stringify(word)} of a mount of them all`,
      {
        where: `${entry.where}/options`,
      },
    )
  }
  return planV1(context, entry)
}

/** EPERM, EBUSY: a user namespace without a cgroup namespace of its own. Then the group is bound from the host. */
function planV2(context: PlanContext, entry: Entry): Op[] {
  const { where, origin, mount: wish } = entry
  const { target: number } = context.numbers
  const target = mountTarget(context, entry, 'directory')
  const group = groupSlot(context, where, 'v2')
  const mounted = label('mounted')
  const args = {
    source: wish.source ?? 'cgroup',
    target: context.numbers.targetPath,
    type: 'cgroup2',
    flags: flagsOf(context, entry),
  }
  const place = [...target.ops, ...atFixed(context, target.fd, number, origin)]
  if (context.facts.cgroup.v2 === undefined) return [...place, mount({ ...args, ...dataOf(entry) }, origin)]
  const late = clonesInPlace(context) ? groups(context, entry).flatMap(cloneSource) : undefined
  return [
    ...place,
    mount({ ...args, ...dataOf(entry) }, origin, { on: { errnos: ['EPERM', 'EBUSY'] }, success: mounted }),
    ...(late ?? []),
    attach(group, number, origin),
    ...(late === undefined ? [mounted, close(group, origin)] : [close(group, origin), mounted]),
  ]
}

function planV1(context: PlanContext, entry: Entry): Op[] {
  const { where, path, origin, options } = entry
  const { MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC } = MS.bits
  const { target: number } = context.numbers
  const target = mountTarget(context, entry, 'directory')
  const directory = openInRoot(context, path, 'directory', origin)
  const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
  const { v1 } = context.facts.cgroup
  const data = ['mode=755', contextData(context).data].filter(Boolean).join(',')
  return [
    ...target.ops,
    ...atFixed(context, target.fd, number, origin),
    mount({ source: 'tmpfs', target: context.numbers.targetPath, type: 'tmpfs', flags, data }, origin),
    ...directory.ops,
    ...v1.flatMap(hierarchy => planHierarchy(context, hierarchy, directory.fd, entry)),
    ...v1.flatMap(hierarchy => links(hierarchy, directory.fd, where)),
    ...((options.flags & MS_RDONLY) === 0n
      ? []
      : changeMount(directory.fd, origin, { set: MOUNT_ATTR.bits.MOUNT_ATTR_RDONLY })),
    close(directory.fd, origin),
  ]
}

function planHierarchy(context: PlanContext, hierarchy: V1Hierarchy, directory: Slot, entry: Entry): Op[] {
  const { where, path } = entry
  const { target: number } = context.numbers
  const name = nameOf(hierarchy)
  const origin: Origin = { pointer: where, intent: `mount cgroup ${hierarchy.controllers} on ${path}/${name}` }
  const { O_PATH, O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC } = context.open
  const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
  const target = slotNamed(context, `fd of ${path}/${name}`)
  const make = [
    // the tmpfs is ours alone and nobody else is inside yet: plain names are safe
    syscall('mkdirat', [directory, name, 0o755], origin),
    syscall('openat', [directory, name, flags, 0], origin, { result: target }),
  ]
  if (!hasNamespace(context, 'cgroup')) {
    const group = groupSlot(context, where, name)
    return [...make, attach(group, target, origin), close(group, origin), close(target, origin)]
  }
  const data = hierarchy.controllers
  const source = data.startsWith('name=') ? data.slice('name='.length) : 'cgroup' // a named one shows its name
  return [
    ...make,
    ...atFixed(context, target, number, origin),
    mount({ source, target: context.numbers.targetPath, type: 'cgroup', flags: flagsOf(context, entry), data }, origin),
  ]
}

/** "cpu,cpuacct" is also found as "cpu" and as "cpuacct". */
function links(hierarchy: V1Hierarchy, directory: Slot, where: string): Op[] {
  const name = nameOf(hierarchy)
  if (!name.includes(',')) return []
  const origin: Origin = { pointer: where, intent: `link the controllers of ${name}` }
  return name
    .split(',')
    .map(controller => syscall('symlinkat', [name, directory, controller], origin, { on: { errnos: ['EEXIST'] } }))
}
