// Mounts made and changed by this process, by descriptor: open_tree(2), mount_setattr(2), move_mount(2), umount2(2).
// A mount that is attached nowhere ends with its last descriptor.
import { AT, AT_FDCWD } from '../abi/fcntl.ts'
import { MOVE_MOUNT, mountAttr, OPEN_TREE, UMOUNT } from '../abi/mount.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { mountCalls } from './libc-mounts.ts'

const { AT_EMPTY_PATH, AT_RECURSIVE } = AT.bits

/** A detached copy of the mount at a path, from that directory or file down. */
export function cloneMount(source: string | Fd, options: { recursive?: boolean } = {}): Fd {
  const { OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } = OPEN_TREE.bits
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (options.recursive ? AT_RECURSIVE : 0n)
  if (typeof source === 'string') return Fd.adopt(mountCalls.openTree(AT_FDCWD, source, flags))
  return Fd.adopt(mountCalls.openTree(source.number, '', flags | AT_EMPTY_PATH))
}

/** Whether mounts may be cloned: needs CAP_SYS_ADMIN over the mount namespace. */
export function canCloneMounts(): boolean {
  try {
    cloneMount('/').close()
    return true
  } catch (error) {
    if (isErrno(error, 'EPERM', 'ENOSYS', 'EINVAL')) return false
    throw error
  }
}

export interface MountAttributes {
  readonly set?: bigint
  readonly clear?: bigint
  /** One of MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE. */
  readonly propagation?: bigint
  /** For MOUNT_ATTR_IDMAP. */
  readonly userNamespace?: Fd
  readonly recursive?: boolean
}

export function setMountAttributes(mount: Fd, attributes: MountAttributes): void {
  const bytes = mountAttr.encode({
    attr_set: attributes.set ?? 0n,
    attr_clr: attributes.clear ?? 0n,
    propagation: attributes.propagation ?? 0n,
    userns_fd: attributes.userNamespace?.number ?? 0,
  })
  const flags = AT_EMPTY_PATH | (attributes.recursive ? AT_RECURSIVE : 0n)
  mountCalls.mountSetattr(mount.number, '', flags, bytes, bytes.length)
}

/** Attaches a detached mount on top of what `target` names. */
export function attachMount(mount: Fd, target: Fd): void {
  const { MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH } = MOVE_MOUNT.bits
  mountCalls.moveMount(mount.number, '', target.number, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
}

/** Takes a mount and all below it out of the tree; false when nothing is mounted there. Does not follow a link. */
export function detachMount(path: string): boolean {
  const { MNT_DETACH, UMOUNT_NOFOLLOW } = UMOUNT.bits
  try {
    mountCalls.umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW)
    return true
  } catch (error) {
    if (isErrno(error, 'EINVAL', 'ENOENT')) return false
    throw error
  }
}
