// Mounts: mount(2), umount2(2), the new mount interface (open_tree, move_mount, mount_setattr, fsopen, …).
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const MS = defineFlags('include/uapi/linux/mount.h (v6.12); mount(2)', {
  MS_RDONLY: 1n,
  MS_NOSUID: 2n,
  MS_NODEV: 4n,
  MS_NOEXEC: 8n,
  MS_SYNCHRONOUS: 16n,
  MS_REMOUNT: 32n,
  MS_MANDLOCK: 64n,
  MS_DIRSYNC: 128n,
  MS_NOSYMFOLLOW: 256n,
  MS_NOATIME: 1024n,
  MS_NODIRATIME: 2048n,
  MS_BIND: 4096n,
  MS_MOVE: 8192n,
  MS_REC: 16384n,
  MS_SILENT: 32768n,
  MS_POSIXACL: 1n << 16n,
  MS_UNBINDABLE: 1n << 17n,
  MS_PRIVATE: 1n << 18n,
  MS_SLAVE: 1n << 19n,
  MS_SHARED: 1n << 20n,
  MS_RELATIME: 1n << 21n,
  MS_I_VERSION: 1n << 23n,
  MS_STRICTATIME: 1n << 24n,
  MS_LAZYTIME: 1n << 25n,
})

/** The second argument of umount2. */
export const UMOUNT = defineFlags('include/linux/fs.h (v6.12); umount2(2)', {
  MNT_FORCE: 0x1n,
  MNT_DETACH: 0x2n,
  MNT_EXPIRE: 0x4n,
  UMOUNT_NOFOLLOW: 0x8n,
})

/** Flags of open_tree beside AT_RECURSIVE, AT_EMPTY_PATH and their like. */
export const OPEN_TREE = defineFlags('include/uapi/linux/mount.h (v6.12); open_tree(2)', {
  OPEN_TREE_CLONE: 1n,
  OPEN_TREE_CLOEXEC: 0o2000000n, // O_CLOEXEC, the same on both architectures
})

export const MOVE_MOUNT = defineFlags('include/uapi/linux/mount.h (v6.12); move_mount(2)', {
  MOVE_MOUNT_F_SYMLINKS: 0x1n,
  MOVE_MOUNT_F_AUTOMOUNTS: 0x2n,
  MOVE_MOUNT_F_EMPTY_PATH: 0x4n,
  MOVE_MOUNT_T_SYMLINKS: 0x10n,
  MOVE_MOUNT_T_AUTOMOUNTS: 0x20n,
  MOVE_MOUNT_T_EMPTY_PATH: 0x40n,
  MOVE_MOUNT_SET_GROUP: 0x100n, // since 5.15
  MOVE_MOUNT_BENEATH: 0x200n, // since 6.5
})

export const FSOPEN = defineFlags('include/uapi/linux/mount.h (v6.12); fsopen(2)', { FSOPEN_CLOEXEC: 1n })
export const FSMOUNT = defineFlags('include/uapi/linux/mount.h (v6.12); fsmount(2)', { FSMOUNT_CLOEXEC: 1n })

export const FSCONFIG = defineEnum('enum fsconfig_command, include/uapi/linux/mount.h (v6.12); fsconfig(2)', {
  FSCONFIG_SET_FLAG: 0n,
  FSCONFIG_SET_STRING: 1n,
  FSCONFIG_SET_BINARY: 2n,
  FSCONFIG_SET_PATH: 3n,
  FSCONFIG_SET_PATH_EMPTY: 4n,
  FSCONFIG_SET_FD: 5n,
  FSCONFIG_CMD_CREATE: 6n,
  FSCONFIG_CMD_RECONFIGURE: 7n,
})

/** Access times are a field of three bits, MOUNT_ATTR__ATIME: to change it, clear the whole field. */
export const MOUNT_ATTR = defineFlags('include/uapi/linux/mount.h (v6.12); mount_setattr(2)', {
  MOUNT_ATTR_RDONLY: 0x1n,
  MOUNT_ATTR_NOSUID: 0x2n,
  MOUNT_ATTR_NODEV: 0x4n,
  MOUNT_ATTR_NOEXEC: 0x8n,
  MOUNT_ATTR__ATIME: 0x70n,
  MOUNT_ATTR_RELATIME: 0x0n,
  MOUNT_ATTR_NOATIME: 0x10n,
  MOUNT_ATTR_STRICTATIME: 0x20n,
  MOUNT_ATTR_NODIRATIME: 0x80n,
  MOUNT_ATTR_IDMAP: 0x100000n,
  MOUNT_ATTR_NOSYMFOLLOW: 0x200000n, // since 5.14
})

/** `propagation` holds one of MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE. */
export const mountAttr = defineStruct('struct mount_attr, include/uapi/linux/mount.h (v6.12); mount_setattr(2)', {
  attr_set: 'u64',
  attr_clr: 'u64',
  propagation: 'u64',
  userns_fd: 'u64',
})
