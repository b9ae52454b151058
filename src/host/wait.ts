// Waiting until descriptors can be read: poll(2), in place or on a thread of the engine's. A pidfd is readable when
// its process has ended.

import { AF, SOCK } from '../abi/socket.ts'
import { POLL, pollfd } from '../abi/wait.ts'
import { stopwatch } from './clock.ts'
import { isErrno, retried } from './errno.ts'
import { Fd } from './fd.ts'
import { pollAsync, processCalls } from './libc-processes.ts'
import { socketCalls } from './libc-sockets.ts'
import { withMemory } from './memory.ts'
import { allocate, free, type NativeMemory } from './native.ts'

/** Something to wait for on a descriptor, which may be the host program's: POLLIN, POLLOUT or both. */
export interface Wish {
  readonly fd: number
  readonly events: bigint
}

/** To read from it, or to hear of its end. */
export const readable = ({ number }: Fd): Wish => ({ fd: number, events: POLL.bits.POLLIN })

/** For each wish whether it came true, or the descriptor has an error or a hangup; none after `timeoutMs` (negative:
 * never). Blocks the process. */
export function waitReady(wishes: readonly Wish[], timeoutMs = -1): boolean[] {
  const deadline = timeoutMs > 0 ? stopwatch() + timeoutMs : 0
  return withMemory(memory => {
    const block = memory.reserve(wishes.length * pollfd.size)
    fill(block, wishes)
    for (let left = timeoutMs; ; left = timeoutMs > 0 ? Math.max(0, Math.ceil(deadline - stopwatch())) : timeoutMs)
      try {
        processCalls.poll(block.address, wishes.length, left)
        return wishes.map((_, i) => happened(block, i))
      } catch (error) {
        if (!isErrno(error, 'EINTR')) throw error
      }
  })
}

/** waitReady or whenReady. */
export type Wait = (wishes: readonly Wish[], timeoutMs?: number) => boolean[] | Promise<boolean[]>

/** The descriptors with data, an end or an error. Blocks the process. */
export function waitReadable(fds: readonly Fd[], timeoutMs = -1): Fd[] {
  const found = waitReady(fds.map(readable), timeoutMs)
  return fds.filter((_, i) => found[i])
}

/** The same without blocking the process. Keeps the event loop alive. */
export async function whenReadable(fds: readonly Fd[], timeoutMs = -1): Promise<Fd[]> {
  const found = await whenReady(fds.map(readable), timeoutMs)
  return fds.filter((_, i) => found[i])
}

/** waitReady without blocking the process. Keeps the event loop alive. */
export async function whenReady(wishes: readonly Wish[], timeoutMs = -1): Promise<boolean[]> {
  const deadline = timeoutMs > 0 ? stopwatch() + timeoutMs : 0
  const all = [...wishes, { fd: exitAlarm(), events: POLL.bits.POLLIN }]
  const block = allocate(all.length * pollfd.size)
  try {
    for (let left = timeoutMs; ; left = timeoutMs > 0 ? Math.max(0, Math.ceil(deadline - stopwatch())) : timeoutMs) {
      fill(block, all)
      let count = await pollAsync(block.address, all.length, left)
      // that thread's errno is out of reach; if it was not EINTR, the same call here tells
      if (count < 0) count = retried(() => processCalls.poll(block.address, all.length, 0))
      if (count > 0 || left === 0) return wishes.map((_, i) => happened(block, i))
    }
  } finally {
    free(block)
  }
}

/** Readable when this process exits: Node then waits for its threads, and so for a poll that nothing else ends. */
function exitAlarm(): number {
  if (alarm === undefined) {
    const ends = new Int32Array(2)
    socketCalls.socketpair(
      AF.values.AF_UNIX,
      SOCK.bits.SOCK_STREAM | SOCK.bits.SOCK_CLOEXEC,
      0,
      new Uint8Array(ends.buffer),
    )
    const [watched, other] = [...ends].map(end => Fd.adopt(end))
    process.once('exit', () => other?.close())
    alarm = watched
  }
  return alarm?.number ?? -1
}
let alarm: Fd | undefined

function fill(block: NativeMemory, wishes: readonly Wish[]): void {
  for (const [i, wish] of wishes.entries()) block.bytes.set(pollfd.encode({ ...wish }), i * pollfd.size)
}

const happened = (block: NativeMemory, i: number): boolean =>
  pollfd.decode(block.bytes.subarray(i * pollfd.size)).revents !== 0n
