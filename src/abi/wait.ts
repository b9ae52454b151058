// Waiting: wait4(2), waitid(2), poll(2), and the times they take.
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const WAIT = defineFlags('include/uapi/linux/wait.h (v6.12); wait4(2), waitid(2)', {
  WNOHANG: 0x1n,
  WUNTRACED: 0x2n, // WSTOPPED for waitid
  WEXITED: 0x4n,
  WCONTINUED: 0x8n,
  WNOWAIT: 0x1000000n,
  __WALL: 0x40000000n,
  __WCLONE: 0x80000000n,
})

/** The first argument of waitid. */
export const P = defineEnum('include/uapi/linux/wait.h (v6.12); waitid(2)', {
  P_ALL: 0n,
  P_PID: 1n,
  P_PGID: 2n,
  P_PIDFD: 3n, // since 5.4
})

/** The least significant bits of a wait status: 0 means exited (status in the next byte), else the signal. */
export const WTERMSIG_MASK = 0x7fn

export const POLL = defineFlags('include/uapi/asm-generic/poll.h (v6.12); poll(2)', {
  POLLIN: 0x1n,
  POLLPRI: 0x2n,
  POLLOUT: 0x4n,
  POLLERR: 0x8n,
  POLLHUP: 0x10n,
  POLLNVAL: 0x20n,
})

export const pollfd = defineStruct('struct pollfd, include/uapi/asm-generic/poll.h (v6.12); poll(2)', {
  fd: 'i32',
  events: 'u16',
  revents: 'u16',
})

/** What clock_gettime can be asked. */
export const CLOCK = defineEnum('include/uapi/linux/time.h (v6.12); clock_gettime(2)', {
  CLOCK_REALTIME: 0n,
  CLOCK_MONOTONIC: 1n,
})

export const timespec = defineStruct(
  'struct __kernel_timespec, include/uapi/linux/time_types.h (v6.12); timespec(3type)',
  {
    tv_sec: 'i64',
    tv_nsec: 'i64',
  },
)

/** How a child ended: `code` of siginfo. */
export const CLD = defineEnum('include/uapi/asm-generic/siginfo.h (v6.12); waitid(2)', {
  CLD_EXITED: 1n,
  CLD_KILLED: 2n,
  CLD_DUMPED: 3n,
})

/** What waitid fills in, 128 bytes; `status` is the exit status or the signal. */
export const siginfo = defineStruct('siginfo_t for SIGCHLD, include/uapi/asm-generic/siginfo.h (v6.12); waitid(2)', {
  signo: 'i32',
  errno: 'i32',
  code: 'i32',
  pid: 'u64', // aligned like the pointers of other signals: pid, then uid in the upper half
  status: 'u64', // an int, with padding behind it that stays 0
  utime: 'i64',
  stime: 'i64',
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
})
