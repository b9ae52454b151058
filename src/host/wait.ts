// Waiting until descriptors can be read: poll(2), in place or on a thread of the engine's. A pidfd is readable when
// its process has ended.
import { POLL, pollfd } from '../abi/wait.ts'
import type { Fd } from './fd.ts'
import { isErrno, libc, pollAsync, retried } from './libc.ts'
import { withMemory } from './memory.ts'
import { allocate, free, type NativeMemory } from './native.ts'

/** Those with data, an end or an error; empty after `timeoutMs` (negative: never). Blocks the process. */
export function waitReadable(fds: readonly Fd[], timeoutMs = -1): Fd[] {
  const deadline = performance.now() + timeoutMs
  return withMemory(memory => {
    const block = memory.reserve(fds.length * pollfd.size)
    fill(
      block,
      fds.map(fd => ({ fd: fd.number, events: POLL.bits.POLLIN })),
    )
    for (let left = timeoutMs; ; left = timeoutMs < 0 ? -1 : Math.max(0, Math.ceil(deadline - performance.now())))
      try {
        libc.poll(block.address, fds.length, left)
        return fds.filter((_, i) => happened(block, i))
      } catch (error) {
        if (!isErrno(error, 'EINTR')) throw error
      }
  })
}

/** The same without blocking the process. Keeps the event loop alive. */
export async function whenReadable(fds: readonly Fd[], timeoutMs = -1): Promise<Fd[]> {
  const wishes = fds.map(fd => ({ fd: fd.number, events: POLL.bits.POLLIN }))
  const found = await whenReady(wishes, timeoutMs)
  return fds.filter((_, i) => found[i])
}

/** Something to wait for on a descriptor, which may be the host program's: POLLIN, POLLOUT or both. */
export interface Wish {
  readonly fd: number
  readonly events: bigint
}

/** For each wish whether it came true, or the descriptor has an error or a hangup; none after `timeoutMs`. */
export async function whenReady(wishes: readonly Wish[], timeoutMs = -1): Promise<boolean[]> {
  const deadline = performance.now() + timeoutMs
  const block = allocate(wishes.length * pollfd.size)
  try {
    for (let left = timeoutMs; ; left = timeoutMs < 0 ? -1 : Math.max(0, Math.ceil(deadline - performance.now()))) {
      fill(block, wishes)
      let count = await pollAsync(block.address, wishes.length, left)
      // that thread's errno is out of reach; if it was not EINTR, the same call here tells
      if (count < 0) count = retried(() => libc.poll(block.address, wishes.length, 0))
      if (count > 0 || left === 0) return wishes.map((_, i) => happened(block, i))
    }
  } finally {
    free(block)
  }
}

function fill(block: NativeMemory, wishes: readonly Wish[]): void {
  for (const [i, wish] of wishes.entries()) block.bytes.set(pollfd.encode({ ...wish }), i * pollfd.size)
}

const happened = (block: NativeMemory, i: number): boolean =>
  pollfd.decode(block.bytes.subarray(i * pollfd.size)).revents !== 0n
