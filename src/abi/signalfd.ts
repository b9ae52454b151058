// Signals that are held back and read from a descriptor: sigprocmask(2), signalfd(2).
import { defineEnum, defineFlags, defineStruct } from './define.ts'

/** What sigprocmask does with a set. */
export const SIG_MASK = defineEnum('include/uapi/asm-generic/signal-defs.h (v6.12); sigprocmask(2)', {
  SIG_BLOCK: 0n,
  SIG_UNBLOCK: 1n,
  SIG_SETMASK: 2n,
})

export const SFD = defineFlags('include/uapi/linux/signalfd.h (v6.12); signalfd(2)', {
  SFD_CLOEXEC: 0x80000n,
  SFD_NONBLOCK: 0x800n,
})

/** sigset_t of glibc and musl, on both architectures: room for 1,024 signals, in bits from the first byte on. */
export const SIGSET_SIZE = 128

export const signalfdSiginfo = defineStruct('include/uapi/linux/signalfd.h (v6.12); signalfd(2)', {
  ssi_signo: 'u32',
  ssi_errno: 'i32',
  ssi_code: 'i32',
  ssi_pid: 'u32',
  ssi_uid: 'u32',
  ssi_fd: 'i32',
  ssi_tid: 'u32',
  ssi_band: 'u32',
  ssi_overrun: 'u32',
  ssi_trapno: 'u32',
  ssi_status: 'i32',
  ssi_int: 'i32',
  ssi_ptr: 'u64',
  ssi_utime: 'u64',
  ssi_stime: 'u64',
  ssi_addr: 'u64',
  ssi_addr_lsb: 'u16',
  pad2: 'u16',
  ssi_syscall: 'i32',
  ssi_call_addr: 'u64',
  ssi_arch: 'u32',
  pad0: 'u32',
  pad1: 'u64',
  pad3: 'u64',
  pad4: 'u64',
})
