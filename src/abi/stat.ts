// What a file is: mode bits, statx(2). struct stat differs by architecture and is not used.
import { defineFlags, defineStruct } from './define.ts'

/** The kinds of file (S_IFMT is the mask of the field). */
export const S = defineFlags('include/uapi/linux/stat.h (v6.12); inode(7)', {
  S_IFMT: 0o170000n,
  S_IFSOCK: 0o140000n,
  S_IFLNK: 0o120000n,
  S_IFREG: 0o100000n,
  S_IFBLK: 0o060000n,
  S_IFDIR: 0o040000n,
  S_IFCHR: 0o020000n,
  S_IFIFO: 0o010000n,
  S_ISUID: 0o4000n,
  S_ISGID: 0o2000n,
  S_ISVTX: 0o1000n,
})

export const STATX = defineFlags('include/uapi/linux/stat.h (v6.12); statx(2)', {
  STATX_TYPE: 0x1n,
  STATX_MODE: 0x2n,
  STATX_NLINK: 0x4n,
  STATX_UID: 0x8n,
  STATX_GID: 0x10n,
  STATX_ATIME: 0x20n,
  STATX_MTIME: 0x40n,
  STATX_CTIME: 0x80n,
  STATX_INO: 0x100n,
  STATX_SIZE: 0x200n,
  STATX_BLOCKS: 0x400n,
  STATX_BASIC_STATS: 0x7ffn,
  STATX_BTIME: 0x800n,
  STATX_MNT_ID: 0x1000n, // since 5.8
})

export const STATX_ATTR = defineFlags('include/uapi/linux/stat.h (v6.12); statx(2)', {
  STATX_ATTR_IMMUTABLE: 0x10n,
  STATX_ATTR_APPEND: 0x20n,
  STATX_ATTR_AUTOMOUNT: 0x1000n,
  STATX_ATTR_MOUNT_ROOT: 0x2000n, // since 5.8
})

/** In the place of tv_nsec: this time stays. include/linux/stat.h (v6.12); utimensat(2) */
export const UTIME_OMIT = (1n << 30n) - 2n

/** 256 bytes; the time stamps are written out field by field, the spare words at the end as one array each. */
export const statx = defineStruct('struct statx, include/uapi/linux/stat.h (v6.12); statx(2)', {
  stx_mask: 'u32',
  stx_blksize: 'u32',
  stx_attributes: 'u64',
  stx_nlink: 'u32',
  stx_uid: 'u32',
  stx_gid: 'u32',
  stx_mode: 'u16',
  stx_ino: 'u64',
  stx_size: 'u64',
  stx_blocks: 'u64',
  stx_attributes_mask: 'u64',
  stx_atime_sec: 'i64',
  stx_atime_nsec: 'u32',
  stx_btime_sec: 'i64',
  stx_btime_nsec: 'u32',
  stx_ctime_sec: 'i64',
  stx_ctime_nsec: 'u32',
  stx_mtime_sec: 'i64',
  stx_mtime_nsec: 'u32',
  stx_mtime_reserved: 'u32', // ends the stamp: without it the next field would stand in its place
  stx_rdev_major: 'u32',
  stx_rdev_minor: 'u32',
  stx_dev_major: 'u32',
  stx_dev_minor: 'u32',
  stx_mnt_id: 'u64',
  stx_dio_mem_align: 'u32',
  stx_dio_offset_align: 'u32',
  spare0: 'u64',
  spare1: 'u64',
  spare2: 'u64',
  spare3: 'u64',
  spare4: 'u64',
  spare5: 'u64',
  spare6: 'u64',
  spare7: 'u64',
  spare8: 'u64',
  spare9: 'u64',
  spare10: 'u64',
  spare11: 'u64',
})

/** A device's number as mknod(2) takes it: include/linux/kdev_t.h (v6.12), new_encode_dev and new_decode_dev. */
export function encodeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)]
  return (low & 0xffn) | (high << 8n) | ((low & ~0xffn) << 12n)
}

export const decodeDevice = (device: bigint): { major: number; minor: number } => ({
  major: Number((device >> 8n) & 0xfffn),
  minor: Number((device & 0xffn) | ((device >> 12n) & 0xfff00n)),
})
