// Sockets and the messages sent over them: socket(2), sendmsg(2), unix(7).
import { defineEnum, defineFlags, defineStruct } from './define.ts'

export const AF = defineEnum('include/linux/socket.h (v6.12); socket(2)', {
  AF_UNIX: 1n,
  AF_INET: 2n,
  AF_INET6: 10n,
  AF_NETLINK: 16n,
})

/** The type in the low bits, SOCK_CLOEXEC and SOCK_NONBLOCK above; the same on both architectures. */
export const SOCK = defineFlags('include/linux/net.h (v6.12); socket(2)', {
  SOCK_STREAM: 1n,
  SOCK_DGRAM: 2n,
  SOCK_RAW: 3n,
  SOCK_SEQPACKET: 5n,
  SOCK_NONBLOCK: 0o4000n,
  SOCK_CLOEXEC: 0o2000000n,
})

export const SOL = defineEnum('include/uapi/asm-generic/socket.h (v6.12); socket(7)', { SOL_SOCKET: 1n })

export const SO = defineEnum('include/uapi/asm-generic/socket.h (v6.12); socket(7)', {
  SO_TYPE: 3n,
  SO_ERROR: 4n,
  SO_SNDBUF: 7n,
  SO_RCVBUF: 8n,
  SO_PASSCRED: 16n,
  SO_PEERCRED: 17n,
  SO_SNDTIMEO: 21n,
})

export const SCM = defineEnum('include/linux/socket.h (v6.12); unix(7)', { SCM_RIGHTS: 1n, SCM_CREDENTIALS: 2n })

export const MSG = defineFlags('include/linux/socket.h (v6.12); send(2), recv(2)', {
  MSG_PEEK: 0x2n,
  MSG_CTRUNC: 0x8n,
  MSG_TRUNC: 0x20n,
  MSG_DONTWAIT: 0x40n,
  MSG_EOR: 0x80n,
  MSG_WAITALL: 0x100n,
  MSG_NOSIGNAL: 0x4000n,
  MSG_CMSG_CLOEXEC: 0x40000000n,
})

export const iovec = defineStruct('struct iovec, include/uapi/linux/uio.h (v6.12); readv(2)', {
  iov_base: 'u64',
  iov_len: 'u64',
})

/** For SO_SNDTIMEO and SO_RCVTIMEO. */
export const timeval = defineStruct('struct __kernel_old_timeval, include/uapi/linux/time_types.h (v6.12); socket(7)', {
  tv_sec: 'i64',
  tv_usec: 'i64',
})

export const msghdr = defineStruct('struct user_msghdr, include/linux/socket.h (v6.12); sendmsg(2)', {
  msg_name: 'u64',
  msg_namelen: 'u32',
  msg_iov: 'u64',
  msg_iovlen: 'u64',
  msg_control: 'u64',
  msg_controllen: 'u64',
  msg_flags: 'u32',
})

/** The header alone; `cmsg_len` counts it too. What follows is padded to 8 bytes. */
export const cmsghdr = defineStruct('struct cmsghdr, include/linux/socket.h (v6.12); cmsg(3)', {
  cmsg_len: 'u64',
  cmsg_level: 'i32',
  cmsg_type: 'i32',
})
