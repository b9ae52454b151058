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

export const timespec = defineStruct(
  'struct __kernel_timespec, include/uapi/linux/time_types.h (v6.12); timespec(3type)',
  {
    tv_sec: 'i64',
    tv_nsec: 'i64',
  },
)
