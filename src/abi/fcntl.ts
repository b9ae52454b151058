// Opening files and what can be done with a descriptor: openat2(2), *at(2), fcntl(2), flock(2), close_range(2).
import { type Architecture, column } from './architecture.ts'
import { defineEnum, defineFlags, defineStruct, type Flags } from './define.ts'

/** `by` picks the value of the architecture: x86_64, aarch64. */
const openBits = (by: (x86: bigint, arm: bigint) => bigint) => ({
  O_RDONLY: 0n,
  O_WRONLY: 0o1n,
  O_RDWR: 0o2n,
  O_CREAT: 0o100n,
  O_EXCL: 0o200n,
  O_NOCTTY: 0o400n,
  O_TRUNC: 0o1000n,
  O_APPEND: 0o2000n,
  O_NONBLOCK: 0o4000n,
  O_DSYNC: 0o10000n,
  O_DIRECT: by(0o40000n, 0o200000n),
  O_LARGEFILE: 0n, // a 64-bit kernel sets it by itself
  O_DIRECTORY: by(0o200000n, 0o40000n),
  O_NOFOLLOW: by(0o400000n, 0o100000n),
  O_NOATIME: 0o1000000n,
  O_CLOEXEC: 0o2000000n,
  O_SYNC: 0o4010000n,
  O_PATH: 0o10000000n,
  O_TMPFILE: by(0o20200000n, 0o20040000n), // holds O_DIRECTORY
})

export type OpenFlag = keyof ReturnType<typeof openBits>

const openTable = (architecture: Architecture): Flags<OpenFlag> =>
  defineFlags(
    `include/uapi/asm-generic/fcntl.h, arch/arm64/include/uapi/asm/fcntl.h (v6.12), ${architecture}; open(2)`,
    openBits((x86, arm) => (column(architecture) === 0 ? x86 : arm)),
  )
const openTables: Partial<Record<Architecture, Flags<OpenFlag>>> = {}

/** Flags of open(2) for an image of that architecture. */
export function openFlags(architecture: Architecture): Flags<OpenFlag> {
  openTables[architecture] ??= openTable(architecture)
  return openTables[architecture]
}

/** Flags of open(2) on the machine that this process runs on; a plan uses openFlags(facts.architecture). */
export const O = openFlags(process.arch === 'arm64' ? 'aarch64' : 'x86_64')

/** "The working directory" in the place of a directory's descriptor. */
export const AT_FDCWD = -100n

export const AT = defineFlags('include/uapi/linux/fcntl.h (v6.12); openat(2), statx(2), unlinkat(2), open_tree(2)', {
  AT_SYMLINK_NOFOLLOW: 0x100n,
  AT_SYMLINK_FOLLOW: 0x400n,
  AT_NO_AUTOMOUNT: 0x800n,
  AT_EMPTY_PATH: 0x1000n,
  AT_STATX_FORCE_SYNC: 0x2000n,
  AT_STATX_DONT_SYNC: 0x4000n,
  AT_RECURSIVE: 0x8000n,
})

/** unlinkat(2) and faccessat2(2) give one bit a meaning each of their own. */
export const AT_REMOVEDIR = 0x200n
export const AT_EACCESS = 0x200n

export const RESOLVE = defineFlags('include/uapi/linux/openat2.h (v6.12); openat2(2)', {
  RESOLVE_NO_XDEV: 0x01n,
  RESOLVE_NO_MAGICLINKS: 0x02n,
  RESOLVE_NO_SYMLINKS: 0x04n,
  RESOLVE_BENEATH: 0x08n,
  RESOLVE_IN_ROOT: 0x10n,
  RESOLVE_CACHED: 0x20n,
})

export const openHow = defineStruct('struct open_how, include/uapi/linux/openat2.h (v6.12); openat2(2)', {
  flags: 'u64',
  mode: 'u64',
  resolve: 'u64',
})

/** The mode of access(2). */
export const ACCESS = defineFlags('unistd.h; access(2)', { F_OK: 0n, X_OK: 1n, W_OK: 2n, R_OK: 4n })

export const F = defineEnum('include/uapi/asm-generic/fcntl.h, include/uapi/linux/fcntl.h (v6.12); fcntl(2)', {
  F_DUPFD: 0n,
  F_GETFD: 1n,
  F_SETFD: 2n,
  F_GETFL: 3n,
  F_SETFL: 4n,
  F_DUPFD_CLOEXEC: 1030n,
  F_SETPIPE_SZ: 1031n,
  F_GETPIPE_SZ: 1032n,
  F_ADD_SEALS: 1033n,
  F_GET_SEALS: 1034n,
})

export const FD = defineFlags('include/uapi/asm-generic/fcntl.h (v6.12); fcntl(2)', { FD_CLOEXEC: 1n })

export const SEAL = defineFlags('include/uapi/linux/fcntl.h (v6.12); fcntl(2)', {
  F_SEAL_SEAL: 0x01n,
  F_SEAL_SHRINK: 0x02n,
  F_SEAL_GROW: 0x04n,
  F_SEAL_WRITE: 0x08n,
  F_SEAL_FUTURE_WRITE: 0x10n,
  F_SEAL_EXEC: 0x20n, // since 6.3
})

export const LOCK = defineFlags('include/uapi/asm-generic/fcntl.h (v6.12); flock(2)', {
  LOCK_SH: 1n,
  LOCK_EX: 2n,
  LOCK_NB: 4n,
  LOCK_UN: 8n,
})

export const CLOSE_RANGE = defineFlags('include/uapi/linux/close_range.h (v6.12); close_range(2)', {
  CLOSE_RANGE_UNSHARE: 1n << 1n,
  CLOSE_RANGE_CLOEXEC: 1n << 2n, // since 5.11
})

export const SEEK = defineEnum('include/uapi/linux/fs.h (v6.12); lseek(2)', {
  SEEK_SET: 0n,
  SEEK_CUR: 1n,
  SEEK_END: 2n,
})
