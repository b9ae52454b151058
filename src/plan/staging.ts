// With a user namespace the clones are set aside in a mount namespace of the host's, from which the container's is then
// copied: the copy locks the flags of every mount, so that root of the container can neither make a source writable
// that is read-only on the host nor take its nodev away. A detached clone would come in with its flags open.
// Descriptors do not survive the copy; the working directory does, and leads to the copy of the staging directory.
// Document: mount_namespaces(7), "Restrictions on mount namespaces".
import { FSCONFIG, FSMOUNT, FSOPEN, MOUNT_ATTR, MOVE_MOUNT, MS } from '../abi/mount.ts'
import { CLONE } from '../abi/sched.ts'
import { S } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import { NULL, type Op, type Operand, type Slot, slot, syscall } from '../program/op.ts'
import { hasNamespace, isJoined, isNew, type PlanContext } from './context.ts'
import { cloneTree, close, mount } from './mount-calls.ts'
import { EMPTY, HERE } from './resolve.ts'
import { cutOrigin, rootfsPath, type Source } from './source.ts'

export const isStaged = (context: PlanContext): boolean =>
  context.facts.clonesMounts && hasNamespace(context, 'user') && (isNew(context, 'mount') || joinsStaged(context))

/** Both are joined: between the two the copy is one of our own, which ends when the mount namespace is joined. */
export const joinsStaged = (context: PlanContext): boolean =>
  context.facts.clonesMounts && isJoined(context, 'user') && isJoined(context, 'mount')

/** By the host's root, before the container's namespaces exist. */
export function setAside(context: PlanContext, sources: readonly Source[]): Op[] {
  const origin: Origin = { pointer: '/linux/namespaces', intent: 'make a place where the flags of mounts get locked' }
  const stage = slot('staging directory')
  return [
    ...makeStage(stage, origin),
    syscall('unshare', [CLONE.bits.CLONE_NEWNS], origin),
    mount({ target: '/', flags: MS.bits.MS_SLAVE | MS.bits.MS_REC }, cutOrigin(context)),
    // where nothing else is wanted yet; on / it would make us "chrooted", who may not make user namespaces
    move(stage, HERE, rootfsPath(context), origin),
    syscall('fchdir', [stage], origin),
    ...sources.flatMap((source, index) => put(source, String(index), stage)),
    close(stage, origin),
  ]
}

/** A tmpfs of ours alone, open for root of the user namespace to walk through. */
function makeStage(stage: Slot, origin: Origin): Op[] {
  const context = slot('tmpfs')
  const { FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE } = FSCONFIG.values
  const { MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC } = MOUNT_ATTR.bits
  const mode = [context, FSCONFIG_SET_STRING, 'mode', '0755', 0]
  const flags = [FSMOUNT.bits.FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC]
  return [
    syscall('fsopen', ['tmpfs', FSOPEN.bits.FSOPEN_CLOEXEC], origin, { result: context }),
    syscall('fsconfig', mode, origin),
    syscall('fsconfig', [context, FSCONFIG_CMD_CREATE, NULL, NULL, 0], origin),
    syscall('fsmount', [context, ...flags], origin, { result: stage }),
    close(context, origin),
  ]
}

function put({ fd, kind, origin }: Source, name: string, stage: Slot): Op[] {
  const place =
    kind === 'file'
      ? syscall('mknodat', [stage, name, S.bits.S_IFREG, 0], origin)
      : syscall('mkdirat', [stage, name, 0o755], origin)
  return [place, move(fd, stage, name, origin), close(fd, origin)]
}

function move(from: Slot, directory: Operand, to: string, origin: Origin): Op {
  const { MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_SYMLINKS } = MOVE_MOUNT.bits
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS
  return syscall('move_mount', [from, EMPTY, directory, to, flags], origin)
}

/** In the container's namespaces: the same slots hold clones again, now of the copies. */
export function takeUp(sources: readonly Source[]): Op[] {
  const origin: Origin = { pointer: '/linux/namespaces', intent: 'leave the place where the sources were' }
  return [
    ...sources.map(({ fd, recursive, nofollow, origin }, index) =>
      cloneTree(String(index), origin, { recursive, nofollow, result: fd }),
    ),
    syscall('chdir', ['/'], origin),
  ]
}
