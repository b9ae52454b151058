// What the program of seccomp(2) is made of: instructions of classic BPF, the data they look at, and what they return.
// All are 32 bits wide and go into instructions as they are, so they are plain numbers here.

/** include/uapi/linux/bpf_common.h, filter.h (v6.12): those opcodes that a filter uses. */
export const FILTER_OP = {
  /** A = 32 bits of struct seccomp_data at k: BPF_LD | BPF_W | BPF_ABS */
  LOAD: 0x20,
  /** A &= k: BPF_ALU | BPF_AND | BPF_K */
  AND: 0x54,
  /** BPF_JMP | BPF_JA */
  JUMP: 0x05,
  /** BPF_JMP | BPF_JEQ | BPF_K */
  IF_EQUAL: 0x15,
  /** BPF_JMP | BPF_JGT | BPF_K */
  IF_GREATER: 0x25,
  /** BPF_JMP | BPF_JGE | BPF_K */
  IF_NOT_LESS: 0x35,
  /** BPF_RET | BPF_K */
  RETURN: 0x06,
} as const

/** BPF_MAXINSNS, include/uapi/linux/bpf_common.h (v6.12): instructions of a program. */
export const MAX_INSTRUCTIONS = 4096

/** struct sock_filter, include/uapi/linux/filter.h: u16 code, u8 jt, u8 jf, u32 k. */
export const INSTRUCTION_SIZE = 8

/** struct seccomp_data, include/uapi/linux/seccomp.h (v6.12): offsets; args are u64, here in little endian. */
export const SECCOMP_DATA = { nr: 0, arch: 4, args: 16 } as const

/** How many arguments a call has at most. */
export const CALL_ARGUMENTS = 6

/** include/uapi/linux/seccomp.h (v6.12); the low 16 bits are for a number. */
export const SECCOMP_RET = {
  SECCOMP_RET_KILL_PROCESS: 0x80000000,
  SECCOMP_RET_KILL_THREAD: 0x00000000,
  SECCOMP_RET_TRAP: 0x00030000,
  SECCOMP_RET_ERRNO: 0x00050000,
  SECCOMP_RET_USER_NOTIF: 0x7fc00000,
  SECCOMP_RET_TRACE: 0x7ff00000,
  SECCOMP_RET_LOG: 0x7ffc0000,
  SECCOMP_RET_ALLOW: 0x7fff0000,
} as const

/** include/uapi/linux/audit.h (v6.12). */
export const AUDIT_ARCH = {
  AUDIT_ARCH_X86_64: 0xc000003e,
  AUDIT_ARCH_I386: 0x40000003,
  AUDIT_ARCH_AARCH64: 0xc00000b7,
  AUDIT_ARCH_ARM: 0x40000028,
} as const

/** __X32_SYSCALL_BIT, arch/x86/include/uapi/asm/unistd.h: x32 calls come as AUDIT_ARCH_X86_64 with this in the number. */
export const X32_BIT = 0x40000000

/** __ARM_NR_BASE, arch/arm/include/uapi/asm/unistd.h: calls of ARM's own stand far behind all others. */
export const ARM_PRIVATE = 0x0f0000

/** SYS_SOCKET = 1 and so on, include/uapi/linux/net.h: the first argument of socketcall(2). */
export const SOCKET_CALLS =
  '1 socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown ' +
  'setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg'

/** SEMOP = 1 and so on, include/uapi/linux/ipc.h: the low 16 bits of the first argument of ipc(2). */
export const IPC_CALLS = '1 semop semget semctl semtimedop 11 msgsnd msgrcv msgget msgctl 21 shmat shmdt shmget shmctl'
