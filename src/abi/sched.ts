// Making processes and namespaces: clone(2), clone3(2), unshare(2), setns(2).
import { defineEnum, defineFlags, defineStruct } from './define.ts'

/** The low byte of clone's flags is the signal sent at the end; CLONE_NEWTIME lies in it: unshare and clone3 only. */
export const CLONE = defineFlags('include/uapi/linux/sched.h (v6.12); clone(2), unshare(2), setns(2)', {
  CLONE_NEWTIME: 0x80n,
  CLONE_VM: 0x100n,
  CLONE_FS: 0x200n,
  CLONE_FILES: 0x400n,
  CLONE_SIGHAND: 0x800n,
  CLONE_PIDFD: 0x1000n,
  CLONE_PTRACE: 0x2000n,
  CLONE_VFORK: 0x4000n,
  CLONE_PARENT: 0x8000n,
  CLONE_THREAD: 0x10000n,
  CLONE_NEWNS: 0x20000n,
  CLONE_SYSVSEM: 0x40000n,
  CLONE_SETTLS: 0x80000n,
  CLONE_PARENT_SETTID: 0x100000n,
  CLONE_CHILD_CLEARTID: 0x200000n,
  CLONE_UNTRACED: 0x800000n,
  CLONE_CHILD_SETTID: 0x1000000n,
  CLONE_NEWCGROUP: 0x2000000n,
  CLONE_NEWUTS: 0x4000000n,
  CLONE_NEWIPC: 0x8000000n,
  CLONE_NEWUSER: 0x10000000n,
  CLONE_NEWPID: 0x20000000n,
  CLONE_NEWNET: 0x40000000n,
  CLONE_IO: 0x80000000n,
  CLONE_CLEAR_SIGHAND: 0x100000000n, // clone3 only
  CLONE_INTO_CGROUP: 0x200000000n, // clone3 only
})

export const cloneArgs = defineStruct('struct clone_args, include/uapi/linux/sched.h (v6.12); clone3(2)', {
  flags: 'u64',
  pidfd: 'u64',
  child_tid: 'u64',
  parent_tid: 'u64',
  exit_signal: 'u64',
  stack: 'u64',
  stack_size: 'u64',
  tls: 'u64',
  set_tid: 'u64',
  set_tid_size: 'u64',
  cgroup: 'u64',
})

/** Of the namespace that the machine was started with. */
export const NAMESPACE_INODE = defineEnum('include/linux/proc_ns.h (v6.12), include/uapi/linux/nsfs.h (v6.18)', {
  USER_NS_INIT_INO: 0xeffffffdn,
})
