// The container's root: where its tree hangs while it is filled, how it becomes /, and what is done last.
// Documents: pivot_root(2), mount_namespaces(7), runtime-spec config-linux.md "Rootfs Mount Propagation".
import { MOUNT_ATTR, MS, UMOUNT } from '../abi/mount.ts'
import type { Origin } from '../errors.ts'
import { label, type Op, set, slot, syscall } from '../program/op.ts'
import { hasNamespace, isJoined, type PlanContext } from './context.ts'
import { attach, changeMount, close, mount } from './mount-calls.ts'
import { finalMounts } from './mounts.ts'
import { directoryFlags, HERE } from './resolve.ts'
import { cutOrigin, rootfsPath } from './source.ts'

const { MS_REC, MS_SLAVE, MS_SHARED, MS_PRIVATE, MS_UNBINDABLE, MS_MOVE } = MS.bits
const { MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC } = MS.bits

export const PROPAGATION = {
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE | MS_REC,
} as const satisfies Record<string, bigint>

/**
 * Hangs the clone of the rootfs at its own path, where hooks expect it. No mount of the namespace is shared by then:
 * pivot_root demands it, and the host must not see what happens. A path that the user namespace's root may not walk
 * does not matter: then it hangs on /.
 */
export function planAttachRootfs(context: PlanContext): Op[] {
  const { root, proc } = context.slots
  const path = rootfsPath(context)
  const origin: Origin = { pointer: '/root/path', intent: `put the rootfs on ${path}` }
  if (!hasNamespace(context, 'mount')) return [set(root, context.facts.descriptors.rootfs, origin)]
  const cut = cutOrigin(context)
  const target = slot('fd of the place of the rootfs')
  const found = label('found')
  const flags = directoryFlags(context)
  return [
    mount({ target: '/', flags: MS_SLAVE | MS_REC }, cut),
    syscall('openat', [HERE, path, flags, 0], origin, {
      result: target,
      on: { errnos: ['EACCES', 'ENOENT'] },
      success: found,
    }),
    syscall('openat', [HERE, '/', flags, 0], origin, { result: target }),
    found,
    attach(root, target, origin),
    close(target, origin),
    // where the paths of numbers start; the root is entered by its descriptor
    ...(isJoined(context, 'mount') ? [syscall('fchdir', [proc], origin)] : []),
  ]
}

export function planEnterRoot(context: PlanContext): Op[] {
  const { root, proc } = context.slots
  const origin: Origin = { pointer: '/root/path', intent: 'enter the rootfs' }
  return [
    ...[context.numbers.target, context.numbers.source].map(number => syscall('close', [number], origin)),
    close(proc, origin),
    ...(hasNamespace(context, 'mount') && context.options.noPivot ? hideHost(context) : []),
    syscall('fchdir', [root], origin),
    ...swapRoot(context, origin),
    syscall('chdir', ['/'], origin),
  ]
}

function swapRoot(context: PlanContext, origin: Origin): Op[] {
  const here = '.'
  if (!hasNamespace(context, 'mount')) return [syscall('chroot', [here], origin)]
  // ELOOP: it hangs on / already
  if (context.options.noPivot) {
    return [
      mount({ source: '.', target: '/', flags: MS_MOVE }, origin, { on: { errnos: ['ELOOP'] } }),
      syscall('chroot', [here], origin),
    ]
  }
  const leave: Origin = { ...origin, intent: "let go of the host's tree" }
  return [
    // the old root ends up on top of the new one, both at "."
    syscall('pivot_root', [here, here], origin),
    syscall('umount2', [here, UMOUNT.bits.MNT_DETACH], leave),
  ]
}

/**
 * After MS_MOVE the host's tree is still there below ours. A process that breaks out must not find these, and as long
 * as a whole one is mounted anywhere the kernel lets user namespaces mount another, without the masks.
 */
function hideHost({ facts }: PlanContext): Op[] {
  return [...new Set([...(facts.kernelMounts ?? []), '/proc', '/sys'])].flatMap(path => {
    const origin: Origin = { pointer: '/root/path', intent: `hide ${path} of the host` }
    const again = label('again')
    const flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
    return [
      again, // there may be several on top of each other
      syscall('umount2', [path, UMOUNT.bits.MNT_DETACH], origin, {
        on: { errnos: ['EINVAL', 'EPERM', 'ENOENT'] }, // locked, or nothing is left to be unmounted
        success: again,
      }),
      mount({ source: 'tmpfs', target: path, type: 'tmpfs', flags, data: 'nr_blocks=1,nr_inodes=2' }, origin, {
        on: { errnos: ['ENOENT'] },
      }),
    ]
  })
}

/** Read-only only now: everything above had to write. */
export function planFinalMounts(context: PlanContext): Op[] {
  const { root } = context.slots
  const done = close(root, { pointer: '/root/path', intent: 'enter the rootfs' })
  if (!hasNamespace(context, 'mount')) return [done]
  const asked = context.spec.linux?.rootfsPropagation
  const propagation: Origin = { pointer: '/linux/rootfsPropagation', intent: `make the rootfs ${asked}` }
  const readonly: Origin = { pointer: '/root/readonly', intent: 'make the rootfs read-only' }
  return [
    ...finalMounts(context),
    ...(asked === undefined ? [] : [mount({ target: '/', flags: PROPAGATION[asked] }, propagation)]),
    ...(context.spec.root.readonly ? changeMount(root, readonly, { set: MOUNT_ATTR.bits.MOUNT_ATTR_RDONLY }) : []),
    done,
  ]
}
