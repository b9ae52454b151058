// The numbers by which statfs(2) names a file system, and what it fills in.
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const FSMAGIC = defineEnum('include/uapi/linux/magic.h (v6.12); statfs(2)', {
  PROC_SUPER_MAGIC: 0x9fa0n,
  SYSFS_MAGIC: 0x62656572n,
  TMPFS_MAGIC: 0x01021994n,
  RAMFS_MAGIC: 0x858458f6n,
  DEVPTS_SUPER_MAGIC: 0x1cd1n,
  CGROUP_SUPER_MAGIC: 0x27e0ebn,
  CGROUP2_SUPER_MAGIC: 0x63677270n,
  NSFS_MAGIC: 0x6e736673n,
  OVERLAYFS_SUPER_MAGIC: 0x794c7630n,
  EXT4_SUPER_MAGIC: 0xef53n,
  BTRFS_SUPER_MAGIC: 0x9123683en,
  XFS_SUPER_MAGIC: 0x58465342n,
  SELINUX_MAGIC: 0xf97cff8cn,
  SECURITYFS_MAGIC: 0x73636673n,
  BPF_FS_MAGIC: 0xcafe4a11n,
  RDTGROUP_SUPER_MAGIC: 0x7655821n,
})

export const statfs = defineStruct('struct statfs, include/uapi/asm-generic/statfs.h (v6.12); statfs(2)', {
  f_type: 'u64',
  f_bsize: 'u64',
  f_blocks: 'u64',
  f_bfree: 'u64',
  f_bavail: 'u64',
  f_files: 'u64',
  f_ffree: 'u64',
  f_fsid: 'u64',
  f_namelen: 'u64',
  f_frsize: 'u64',
  f_flags: 'u64',
  spare0: 'u64',
  spare1: 'u64',
  spare2: 'u64',
  spare3: 'u64',
})

/** In f_flags: what the mount allows, whatever its file system does. */
export const ST = defineFlags('include/linux/statfs.h (v6.12); statfs(2)', {
  ST_RDONLY: 0x1n,
  ST_NOSUID: 0x2n,
  ST_NODEV: 0x4n,
  ST_NOEXEC: 0x8n,
})
