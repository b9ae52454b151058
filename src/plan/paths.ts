// maskedPaths and readonlyPaths. A masked file becomes the container's /dev/null, a masked directory an empty tmpfs;
// what is not there needs no mask. The null device is checked to be it, by the descriptor that is then used
// (CVE-2025-31133); the host's would do as well, but root of the container could change its mode.
// Document: runtime-spec config-linux.md "Masked Paths", "Readonly Paths".
import { ERRNO } from '../abi/errno.ts'
import { AT } from '../abi/fcntl.ts'
import { MOUNT_ATTR, MS } from '../abi/mount.ts'
import { S, STATX, statx } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import { address, cell, fail, jump, label, type Op, type Slot, slot, slotIn, syscall } from '../program/op.ts'
import { ALL_BITS, type PlanContext, pointer } from './context.ts'
import { attach, changeMount, cloneTree, close, mount } from './mount-calls.ts'
import { cleanPath, EMPTY, fixedPath, openBits, openInRoot } from './resolve.ts'

/** Read-only ones first: a mask that lies below one of them must not be covered by it. */
export function planPaths(context: PlanContext): Op[] {
  return [...planReadonlyPaths(context), ...planMaskedPaths(context)]
}

function planReadonlyPaths(context: PlanContext): Op[] {
  const { readonlyPaths = [] } = context.spec.linux ?? {}
  return readonlyPaths.flatMap((path, index) => {
    const origin: Origin = {
      pointer: pointer('linux', 'readonlyPaths', index),
      intent: `make ${cleanPath(path)} read-only`,
    }
    const absent = label('absent')
    const target = openInRoot(context, path, openBits(context, 'O_PATH'), origin, { missing: absent })
    const copy = slot(`clone of ${cleanPath(path)}`)
    return [
      ...target.ops,
      cloneTree(target.fd, origin, { recursive: true, result: copy }),
      ...changeMount(copy, origin, { set: MOUNT_ATTR.bits.MOUNT_ATTR_RDONLY }),
      attach(copy, target.fd, origin),
      close(copy, origin),
      close(target.fd, origin),
      absent,
    ]
  })
}

function planMaskedPaths(context: PlanContext): Op[] {
  const paths = context.spec.linux?.maskedPaths ?? []
  // a path that is listed twice is masked once
  const masks = paths.flatMap((path, index) => (paths.indexOf(path) === index ? [{ path, index }] : []))
  if (masks.length === 0) return []
  const nothing = openNothing(context)
  const origin: Origin = { pointer: '/linux/maskedPaths', intent: 'mask paths' }
  return [...nothing.ops, ...masks.flatMap(mask => planMask(context, mask, nothing.fd)), close(nothing.fd, origin)]
}

/** A character device 1:3. */
function openNothing(context: PlanContext): { ops: Op[]; fd: Slot } {
  const origin: Origin = { pointer: '/linux/maskedPaths', intent: 'open /dev/null of the container' }
  const wrong: Origin = { ...origin, intent: '/dev/null of the container is not the null device' }
  const memory = cell('statx of /dev/null', statx.size)
  const refused = label('refused')
  const fine = label('is the null device')
  const { fd, ops } = openInRoot(context, '/dev/null', openBits(context, 'O_PATH', 'O_NOFOLLOW'), origin)
  const what = STATX.bits.STATX_TYPE
  const mode = slotIn(memory, statx.offset('stx_mode'))
  // two fields of 32 bits side by side
  const device = slotIn(memory, statx.offset('stx_rdev_major'))
  const check = [
    syscall('statx', [fd, EMPTY, AT.bits.AT_EMPTY_PATH, what, address(memory)], origin),
    jump(refused, wrong, { slot: mode, mask: S.bits.S_IFMT, is: 'ne', value: S.bits.S_IFCHR }),
    jump(fine, wrong, { slot: device, mask: ALL_BITS, is: 'eq', value: 1n | (3n << 32n) }),
    refused,
    fail(ERRNO.ENODEV[0], wrong),
    fine,
  ]
  return { fd, ops: [...ops, ...check] }
}

function planMask(context: PlanContext, { path, index }: { path: string; index: number }, nothing: Slot): Op[] {
  const origin: Origin = { pointer: pointer('linux', 'maskedPaths', index), intent: `mask ${cleanPath(path)}` }
  const absent = label('absent')
  const directory = label('directory')
  const masked = label('masked')
  const target = openInRoot(context, path, openBits(context, 'O_PATH'), origin, { missing: absent })
  const copy = slot(`mask of ${cleanPath(path)}`)
  const { target: number } = context.numbers
  const flags = MS.bits.MS_RDONLY
  return [
    ...target.ops,
    cloneTree(nothing, origin, { recursive: false, result: copy }),
    // EINVAL: a file cannot cover a directory (ENOTDIR is what mount(2) says to the same)
    attach(copy, target.fd, origin, { errnos: ['EINVAL', 'ENOTDIR'], to: directory }),
    jump(masked, origin),
    directory,
    syscall('dup3', [target.fd, number, openBits(context, 'O_CLOEXEC')], origin),
    mount({ source: 'tmpfs', target: fixedPath(context, number), type: 'tmpfs', flags }, origin),
    masked,
    close(copy, origin),
    close(target.fd, origin),
    absent,
  ]
}
