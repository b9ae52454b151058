// The descriptors from 3 on that the caller of the runtime wants its program to have (--preserve-fds, LISTEN_FDS).
// Whether they were inherited cannot be read off their close-on-exec flag: Node and Bun set it on all that they find
// at their start. So a number is refused when it is ours, or the engine's event loop, which takes the lowest number
// that was free: opencontainers/runc#5474.
import { readlinkSync } from 'node:fs'
import { ERRNO } from '../abi/errno.ts'
import { F } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import { isOwned } from './fd.ts'

const ENGINE = ['anon_inode:[eventpoll]', 'anon_inode:[io_uring]']

export const FIRST_PRESERVED = 3

/** Throws for the first number from 3 to 3 + count - 1 that is no open descriptor of the caller's. */
export function checkPreserved(count: number): void {
  for (let number = FIRST_PRESERVED; number < FIRST_PRESERVED + count; number++) {
    if (isInherited(number)) continue
    throw new SyscallError({
      syscall: 'fcntl',
      args: [String(number), F.format(F.values.F_GETFD)],
      errno: ERRNO.EBADF[0],
      origin: { intent: `unable to stat preserved-fd ${number} (of ${count})` },
      hint: 'open this descriptor before starting tsrunc, without close-on-exec, or ask for fewer',
    })
  }
}

function isInherited(number: number): boolean {
  if (isOwned(number)) return false
  try {
    return !ENGINE.includes(readlinkSync(`/proc/self/fd/${number}`))
  } catch {
    return false
  }
}
