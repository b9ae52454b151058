// The entries of /mounts, in order: each on a target that is resolved inside the root. What a bind is made of was
// cloned before (sources.ts) and is only put in place here. Cgroup mounts are cgroup-mounts.ts.
// Documents: runtime-spec config.md "Mounts"; mount(2), move_mount(2).
import { ERRNO } from '../abi/errno.ts'
import { MOUNT_ATTR, MS } from '../abi/mount.ts'
import type { Origin } from '../errors.ts'
import { fail, label, type Op, type Slot, syscall } from '../program/op.ts'
import { planCgroupMount } from './cgroup-mounts.ts'
import { type Entry, type PlanContext, slotNamed } from './context.ts'
import { labelQueue } from './labels.ts'
import { attach, changeMount, changePropagation, close, mount } from './mount-calls.ts'
import { dataOf, isBind, isChange, isReadonlyLater, isRemount, mountEntries } from './mount-entries.ts'
import { attributes, NO_CHANGE } from './mount-options.ts'
import { isLedByUnknown, mountTarget, mustBeProc, rootUncovered } from './mount-target.ts'
import { closeDirectories, noteMounted } from './mounted.ts'
import { atFixed, openInRoot } from './resolve.ts'
import { hostSysfs, laterPropagation, sourceSlot } from './source.ts'
import { copying, isMadeDetached, planTmpfs } from './tmpfs.ts'

export function planMounts(context: PlanContext): Op[] {
  const ops: Op[] = []
  for (const [index, entry] of mountEntries(context).entries()) {
    for (const op of planMount(context, entry)) ops.push(op) // a copy may have more than can be spread
    if (!isChange(entry) && isLedByUnknown(context, entry)) ops.push(...rootUncovered(context, entry))
    ops.push(...noteMounted(context, entry, index))
  }
  return [...ops, ...closeDirectories(context)]
}

function planMount(context: PlanContext, entry: Entry): Op[] {
  if (isChange(entry)) return changeExisting(context, entry)
  const link = context.facts.links?.get(entry.where)
  if (link !== undefined) return copying(context).planLink(context, entry, link)
  if (isBind(entry)) return planBind(context, entry)
  if (entry.mount.type === 'cgroup') return [...planCgroupMount(context, entry), ...finish(context, entry)]
  return planFilesystem(context, entry)
}

function planBind(context: PlanContext, entry: Entry): Op[] {
  const { where, path, origin } = entry
  const source = sourceSlot(context, where)
  const kind = context.facts.sources.get(where) === 'file' ? 'file' : 'directory'
  const target = mountTarget(context, entry, kind)
  return [
    ...(path === '/proc' ? mustBeProc(source, origin) : []),
    ...changePropagation(source, laterPropagation(entry.options), origin),
    ...target.ops,
    ...(kind === 'file' ? attachFile(entry, source, target.fd) : [attach(source, target.fd, origin)]),
    close(source, origin),
    close(target.fd, origin),
  ]
}

/** move_mount answers EINVAL when the target is a directory; callers look for the words of ENOTDIR. */
function attachFile({ mount, path, origin }: Entry, source: Slot, target: Slot): Op[] {
  const mounted = label('mounted')
  const intent = `cannot bind the file ${mount.source} on the directory ${path}: ${ERRNO.ENOTDIR[1]}`
  return [
    attach(source, target, origin, { on: { errnos: ['EINVAL'] }, success: mounted }),
    fail(ERRNO.ENOTDIR[0], { ...origin, intent }),
    mounted,
  ]
}

// ---- file systems ----

function planFilesystem(context: PlanContext, entry: Entry): Op[] {
  const { mount: wish, options, where, origin } = entry
  const type = wish.type ?? ''
  if (type === 'tmpfs' && isMadeDetached(entry)) return planTmpfs(context, entry)
  const { target: number } = context.numbers
  const target = mountTarget(context, entry, 'directory')
  const later = isReadonlyLater(entry)
  const flags = options.flags & ~(later ? MS.bits.MS_RDONLY : 0n)
  const args = { source: wish.source ?? type, target: context.numbers.targetPath, type, flags, ...dataOf(entry) }
  return [
    ...target.ops,
    ...atFixed(context, target.fd, number, origin),
    ...(hostSysfs(context, entry) ? mountOrBindSysfs(context, entry, args) : [mount(args, origin)]),
    ...(type === 'mqueue' ? labelQueue(context, entry.path) : []),
    ...finish(context, entry, later ? slotNamed(context, `mount of ${where}`) : undefined),
  ]
}

/** A user namespace may mount sysfs only with a network namespace of its own: else it gets a clone of the host's. */
function mountOrBindSysfs(context: PlanContext, entry: Entry, args: Parameters<typeof mount>[0]): Op[] {
  const { where, origin } = entry
  const mounted = label('mounted')
  const source = sourceSlot(context, where)
  return [
    mount(args, origin, { on: { errnos: ['EPERM'] }, success: mounted }),
    attach(source, context.numbers.target, origin),
    mounted,
    close(source, origin),
  ]
}

/**
 * mount(2) leaves no descriptor of what it made: it is opened once more where something is still to be done. `keep` is
 * where it stays for finalMounts.
 */
function finish(context: PlanContext, { options, path, origin }: Entry, keep?: Slot): Op[] {
  const { recursive, propagation } = options
  if (recursive === NO_CHANGE && propagation.length === 0 && keep === undefined) return []
  const top = openInRoot(context, path, 'directory', origin, keep && { fd: keep })
  return [
    ...top.ops,
    ...changeMount(top.fd, origin, { ...recursive, recursive: true }),
    ...changePropagation(top.fd, propagation, origin),
    ...(keep === undefined ? [close(top.fd, origin)] : []),
  ]
}

// ---- what is mounted already ----

function changeExisting(context: PlanContext, entry: Entry): Op[] {
  const { options, path, origin } = entry
  const { fd, ops } = openInRoot(context, path, 'anything', origin)
  return [
    ...ops,
    ...(isRemount(entry) ? remount(context, entry, fd) : []),
    ...changeMount(fd, origin, { ...options.recursive, recursive: true }),
    ...changePropagation(fd, options.propagation, origin),
    close(fd, origin),
  ]
}

function remount(context: PlanContext, entry: Entry, fd: Slot): Op[] {
  const { mount: wish, options, origin } = entry
  if (isBind(entry)) return changeMount(fd, origin, attributes(options))
  const { target: number } = context.numbers
  const args = {
    source: wish.source ?? 'none',
    target: context.numbers.targetPath,
    flags: options.flags,
    ...dataOf(entry),
  }
  return [syscall('dup3', [fd, number, context.open.O_CLOEXEC], origin), mount(args, origin)]
}

/** For planFinalMounts. */
export function finalMounts(context: PlanContext): Op[] {
  return mountEntries(context).flatMap(entry => {
    const fd = context.named.get(`mount of ${entry.where}`)
    if (fd === undefined) return []
    const origin: Origin = { ...entry.origin, intent: `make ${entry.path} read-only` }
    return [...changeMount(fd, origin, { set: MOUNT_ATTR.bits.MOUNT_ATTR_RDONLY }), close(fd, origin)]
  })
}
