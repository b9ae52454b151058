// Capabilities: capget(2), capset(2), capabilities(7). Numbers, not bits: the kernel counts them from 0.
import { defineStruct } from './define.ts'

/** Source: include/uapi/linux/capability.h (v6.12). */
export const CAP = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38, // since 5.8
  CAP_BPF: 39, // since 5.8
  CAP_CHECKPOINT_RESTORE: 40, // since 5.9
} as const satisfies Record<`CAP_${string}`, number>

export type CapabilityName = keyof typeof CAP
/** 21 → "CAP_SYS_ADMIN" */
export const capabilityName = (number: number): CapabilityName | undefined =>
  (Object.keys(CAP) as CapabilityName[]).find(name => CAP[name] === number) // keys of a const table

export const CAPABILITY_VERSION_3 = 0x20080522n

export const capHeader = defineStruct('struct __user_cap_header_struct, include/uapi/linux/capability.h; capset(2)', {
  version: 'u32',
  pid: 'i32',
})

/** Both elements of the array that version 3 wants: capabilities 0–31 (low) and 32–63 (high). */
export const capData = defineStruct('struct __user_cap_data_struct[2], include/uapi/linux/capability.h; capset(2)', {
  effective_low: 'u32',
  permitted_low: 'u32',
  inheritable_low: 'u32',
  effective_high: 'u32',
  permitted_high: 'u32',
  inheritable_high: 'u32',
})
