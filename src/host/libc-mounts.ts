// Calls of the mount API: one row a signature (signature.ts). mount(2), open_tree(2), mount_setattr(2), fsopen(2).
import { AT } from '../abi/fcntl.ts'
import { FSCONFIG, FSMOUNT, FSOPEN, MOUNT_ATTR, MOVE_MOUNT, MS, mountAttr, OPEN_TREE, UMOUNT } from '../abi/mount.ts'
import { c, choice, fd, flags, kernel, narrow, number, optionalPath, path, size, struct } from './signature.ts'

const attributes = struct(mountAttr, { attr_set: MOUNT_ATTR, attr_clr: MOUNT_ATTR, propagation: MS })

export const mountCalls = {
  openTree: kernel('open_tree', fd, path, flags(OPEN_TREE, AT)),
  moveMount: kernel('move_mount', fd, path, fd, path, flags(MOVE_MOUNT)),
  mountSetattr: kernel('mount_setattr', fd, path, flags(AT), attributes, size),
  fsopen: kernel('fsopen', path, flags(FSOPEN)),
  fsconfig: kernel('fsconfig', fd, choice(FSCONFIG), optionalPath, optionalPath, number),
  fsmount: kernel('fsmount', fd, flags(FSMOUNT), flags(MOUNT_ATTR)),
  umount2: c('int', 'umount2', path, narrow(flags(UMOUNT))),
} as const
