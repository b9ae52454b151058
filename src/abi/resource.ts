// Resource limits: getrlimit(2), prlimit(2).
import { defineEnum, defineStruct } from './define.ts'

export const RLIMIT = defineEnum('include/uapi/asm-generic/resource.h (v6.12); getrlimit(2)', {
  RLIMIT_CPU: 0n,
  RLIMIT_FSIZE: 1n,
  RLIMIT_DATA: 2n,
  RLIMIT_STACK: 3n,
  RLIMIT_CORE: 4n,
  RLIMIT_RSS: 5n,
  RLIMIT_NPROC: 6n,
  RLIMIT_NOFILE: 7n,
  RLIMIT_MEMLOCK: 8n,
  RLIMIT_AS: 9n,
  RLIMIT_LOCKS: 10n,
  RLIMIT_SIGPENDING: 11n,
  RLIMIT_MSGQUEUE: 12n,
  RLIMIT_NICE: 13n,
  RLIMIT_RTPRIO: 14n,
  RLIMIT_RTTIME: 15n,
})

export const RLIM_INFINITY = 0xffffffffffffffffn

export const rlimit64 = defineStruct('struct rlimit64, include/uapi/linux/resource.h (v6.12); prlimit(2)', {
  rlim_cur: 'u64',
  rlim_max: 'u64',
})
