// seccomp(2) as far as listings and feature probes need it.
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const SECCOMP = defineEnum('include/uapi/linux/seccomp.h (v6.12); seccomp(2)', {
  SECCOMP_SET_MODE_STRICT: 0n,
  SECCOMP_SET_MODE_FILTER: 1n,
  SECCOMP_GET_ACTION_AVAIL: 2n,
  SECCOMP_GET_NOTIF_SIZES: 3n,
})

export const sockFprog = defineStruct('struct sock_fprog, include/uapi/linux/filter.h (v6.12); seccomp(2)', {
  len: 'u16',
  filter: 'u64',
})

export const SECCOMP_FILTER_FLAG = defineFlags('include/uapi/linux/seccomp.h (v6.12); seccomp(2)', {
  SECCOMP_FILTER_FLAG_TSYNC: 1n << 0n,
  SECCOMP_FILTER_FLAG_LOG: 1n << 1n,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1n << 2n,
  SECCOMP_FILTER_FLAG_NEW_LISTENER: 1n << 3n,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH: 1n << 4n,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 1n << 5n, // since 5.19
})
