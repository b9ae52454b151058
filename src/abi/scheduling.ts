// Who runs when and where: sched_setattr(2), ioprio_set(2), set_mempolicy(2).
import { defineEnum, defineFlags, defineStruct } from './define.ts'

/** SCHED_ISO is reserved: no kernel has it, and the header names it only in a comment. */
export const SCHED = defineEnum('include/uapi/linux/sched.h (v6.12); sched(7)', {
  SCHED_OTHER: 0n, // SCHED_NORMAL in the header
  SCHED_FIFO: 1n,
  SCHED_RR: 2n,
  SCHED_BATCH: 3n,
  SCHED_ISO: 4n,
  SCHED_IDLE: 5n,
  SCHED_DEADLINE: 6n,
})

export const SCHED_FLAG = defineFlags('include/uapi/linux/sched.h (v6.12); sched_setattr(2)', {
  SCHED_FLAG_RESET_ON_FORK: 0x01n,
  SCHED_FLAG_RECLAIM: 0x02n,
  SCHED_FLAG_DL_OVERRUN: 0x04n,
  SCHED_FLAG_KEEP_POLICY: 0x08n,
  SCHED_FLAG_KEEP_PARAMS: 0x10n,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20n,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40n,
})

export const schedAttr = defineStruct('struct sched_attr, include/uapi/linux/sched/types.h (v6.12); sched_setattr(2)', {
  size: 'u32',
  sched_policy: 'u32',
  sched_flags: 'u64',
  sched_nice: 'i32',
  sched_priority: 'u32',
  sched_runtime: 'u64',
  sched_deadline: 'u64',
  sched_period: 'u64',
  sched_util_min: 'u32',
  sched_util_max: 'u32',
})

export const IOPRIO_WHO = defineEnum('include/uapi/linux/ioprio.h (v6.12); ioprio_set(2)', {
  IOPRIO_WHO_PROCESS: 1n,
  IOPRIO_WHO_PGRP: 2n,
  IOPRIO_WHO_USER: 3n,
})

export const IOPRIO_CLASS = defineEnum('include/uapi/linux/ioprio.h (v6.12); ioprio_set(2)', {
  IOPRIO_CLASS_NONE: 0n,
  IOPRIO_CLASS_RT: 1n,
  IOPRIO_CLASS_BE: 2n,
  IOPRIO_CLASS_IDLE: 3n,
})

/** The class stands above this bit, the priority in it below. */
export const IOPRIO_CLASS_SHIFT = 13n

export const MPOL = defineEnum('include/uapi/linux/mempolicy.h (v6.12); set_mempolicy(2)', {
  MPOL_DEFAULT: 0n,
  MPOL_PREFERRED: 1n,
  MPOL_BIND: 2n,
  MPOL_INTERLEAVE: 3n,
  MPOL_LOCAL: 4n,
  MPOL_PREFERRED_MANY: 5n,
  MPOL_WEIGHTED_INTERLEAVE: 6n,
})

/** Set in the same word as the mode. */
export const MPOL_F = defineFlags('include/uapi/linux/mempolicy.h (v6.12); set_mempolicy(2)', {
  MPOL_F_NUMA_BALANCING: 0x2000n,
  MPOL_F_RELATIVE_NODES: 0x4000n,
  MPOL_F_STATIC_NODES: 0x8000n,
})
