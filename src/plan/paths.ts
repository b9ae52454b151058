// maskedPaths and readonlyPaths. A masked file becomes the container's /dev/null, a masked directory an empty tmpfs;
// what is not there needs no mask. The null device is checked to be it, by the descriptor that is then used
// (CVE-2025-31133); the host's would do as well, but root of the container could change its mode.
// Document: runtime-spec config-linux.md "Masked Paths", "Readonly Paths".
import { ERRNO } from '../abi/errno.ts'
import { AT } from '../abi/fcntl.ts'
import { MOUNT_ATTR, MS } from '../abi/mount.ts'
import { S } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import { fail, label, type Op, slot } from '../program/op.ts'
import type { PlanContext } from './context.ts'
import { NULL_DEVICE } from './devices.ts'
import { contextData } from './labels.ts'
import { deviceIs, kindIs, look } from './memory.ts'
import { attach, changeMount, cloneTree, close, mount } from './mount-calls.ts'
import { atFixed, cleanPath, openInRoot } from './resolve.ts'

/** Read-only ones first: a mask that lies below one of them must not be covered by it. */
export function planPaths(context: PlanContext): Op[] {
  const { readonlyPaths = [], maskedPaths = [] } = context.spec.linux ?? {}
  const ops: Op[] = []
  for (const [index, path] of readonlyPaths.entries()) ops.push(...makeReadonly(context, path, index))
  if (maskedPaths.length > 0) ops.push(...openNothing(context))
  // a path that is listed twice is masked once
  for (const [index, path] of maskedPaths.entries())
    if (maskedPaths.indexOf(path) === index) ops.push(...mask(context, path, index))
  return ops
}

function makeReadonly(context: PlanContext, path: string, index: number): Op[] {
  const name = cleanPath(path)
  const origin: Origin = { pointer: `/linux/readonlyPaths/${index}`, intent: `make ${name} read-only` }
  const absent = label('absent')
  const target = openInRoot(context, path, 'anything', origin, { missing: absent })
  const copy = slot(`clone of ${name}`)
  return [
    ...target.ops,
    cloneTree(target.fd, origin, { recursive: true, result: copy }),
    ...changeMount(copy, origin, { set: MOUNT_ATTR.bits.MOUNT_ATTR_RDONLY }),
    attach(copy, target.fd, origin),
    close(copy, origin),
    close(target.fd, origin),
    absent,
  ]
}

/** Looked at where it stays, under the number that the masks use. */
function openNothing(context: PlanContext): Op[] {
  const origin: Origin = { pointer: '/linux/maskedPaths', intent: 'open /dev/null of the container' }
  const wrong: Origin = { ...origin, intent: '/dev/null of the container is not the null device' }
  const { source } = context.numbers
  const { fd, ops } = openInRoot(context, '/dev/null', 'itself', origin)
  const looked = look(source, '', AT.bits.AT_EMPTY_PATH, origin)
  return [
    ...ops,
    ...atFixed(context, fd, source, origin),
    looked.op,
    fail(ERRNO.ENODEV[0], wrong, kindIs(looked, 'ne', S.bits.S_IFCHR)),
    fail(ERRNO.ENODEV[0], wrong, deviceIs(looked, 'ne', ...NULL_DEVICE)),
  ]
}

/** What is usually masked and is a directory. */
const DIRECTORIES = /^\/proc\/(?:acpi|asound|scsi)$|^\/sys\//

/**
 * The kernel says whether it is a file or a directory: what covers the one cannot cover the other (ENOTDIR). The likelier
 * is tried first, for taking back a failed bind mount makes it wait for all CPUs (namespace_unlock in fs/namespace.c).
 */
function mask(context: PlanContext, path: string, index: number): Op[] {
  const name = cleanPath(path)
  const origin: Origin = { pointer: `/linux/maskedPaths/${index}`, intent: `mask ${name}` }
  const done = label('masked')
  const { target: number, targetPath: target, sourcePath: source } = context.numbers
  const found = openInRoot(context, path, 'anything', origin, { missing: done })
  const nothing = { source, target, flags: MS.bits.MS_BIND }
  const empty = { source: 'tmpfs', target, type: 'tmpfs', flags: MS.bits.MS_RDONLY, ...contextData(context) }
  const [first, second] = DIRECTORIES.test(name) ? [empty, nothing] : [nothing, empty]
  return [
    ...found.ops,
    ...atFixed(context, found.fd, number, origin),
    mount(first, origin, { on: { errnos: ['ENOTDIR'] }, success: done }),
    mount(second, origin),
    done,
  ]
}
