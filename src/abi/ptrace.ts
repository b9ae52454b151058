// Reading a stopped process: ptrace(2), and arch_prctl(2) for the register that has no other way in.
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const PTRACE = defineEnum('include/uapi/linux/ptrace.h (v6.12); ptrace(2)', {
  PTRACE_CONT: 7n,
  PTRACE_GETREGS: 12n,
  PTRACE_SEIZE: 0x4206n,
})

/** Options of PTRACE_SEIZE. */
export const PTRACE_O = defineFlags('include/uapi/linux/ptrace.h (v6.12); ptrace(2)', { PTRACE_O_EXITKILL: 0x100000n })

/** Of x86_64, where PTRACE_GETREGS fills it. */
export const userRegisters = defineStruct('struct user_regs_struct, arch/x86/include/asm/user_64.h (v6.12)', {
  r15: 'u64',
  r14: 'u64',
  r13: 'u64',
  r12: 'u64',
  rbp: 'u64',
  rbx: 'u64',
  r11: 'u64',
  r10: 'u64',
  r9: 'u64',
  r8: 'u64',
  rax: 'u64',
  rcx: 'u64',
  rdx: 'u64',
  rsi: 'u64',
  rdi: 'u64',
  orig_rax: 'u64',
  rip: 'u64',
  cs: 'u64',
  eflags: 'u64',
  rsp: 'u64',
  ss: 'u64',
  fs_base: 'u64',
  gs_base: 'u64',
  ds: 'u64',
  es: 'u64',
  fs: 'u64',
  gs: 'u64',
})

export const ARCH = defineEnum('arch/x86/include/uapi/asm/prctl.h (v6.12); arch_prctl(2)', { ARCH_SET_FS: 0x1002n })

export const EPOLL_CTL = defineEnum('include/uapi/linux/eventpoll.h (v6.12); epoll_ctl(2)', { EPOLL_CTL_ADD: 1n })
