// Waiting until descriptors can be read: poll(2), in place or on a thread of the engine's. A pidfd is readable when
// its process has ended.
import { POLL, pollfd } from '../abi/wait.ts'
import type { Fd } from './fd.ts'
import { isErrno, libc, pollAsync } from './libc.ts'
import { withMemory } from './memory.ts'
import { allocate, free, type NativeMemory } from './native.ts'

/** Those with data, an end or an error; empty after `timeoutMs` (negative: never). Blocks the process. */
export function waitReadable(fds: readonly Fd[], timeoutMs = -1): Fd[] {
  const deadline = performance.now() + timeoutMs
  return withMemory(memory => {
    const block = memory.reserve(fds.length * pollfd.size)
    describe(block, fds)
    for (let left = timeoutMs; ; left = timeoutMs < 0 ? -1 : Math.max(0, Math.ceil(deadline - performance.now())))
      try {
        libc.poll(block.address, fds.length, left)
        return ready(block, fds)
      } catch (error) {
        if (!isErrno(error, 'EINTR')) throw error
      }
  })
}

/** The same without blocking the process. Keeps the event loop alive. */
export async function whenReadable(fds: readonly Fd[], timeoutMs = -1): Promise<Fd[]> {
  const deadline = performance.now() + timeoutMs
  const block = allocate(fds.length * pollfd.size)
  try {
    for (;;) {
      describe(block, fds)
      const left = timeoutMs < 0 ? -1 : Math.max(0, Math.ceil(deadline - performance.now()))
      if ((await pollAsync(block.address, fds.length, left)) >= 0) return ready(block, fds)
      // that thread's errno is out of reach; if it was not EINTR, the same call here tells
      const found = waitReadable(fds, 0)
      if (found.length > 0) return found
    }
  } finally {
    free(block)
  }
}

function describe(block: NativeMemory, fds: readonly Fd[]): void {
  for (const [i, fd] of fds.entries())
    block.bytes.set(pollfd.encode({ fd: fd.number, events: POLL.bits.POLLIN }), i * pollfd.size)
}

const ready = (block: NativeMemory, fds: readonly Fd[]): Fd[] =>
  fds.filter((_, i) => pollfd.decode(block.bytes.subarray(i * pollfd.size)).revents !== 0n)
