// What time it is. The engine counts from when it was started, which for the packaged executable may be another process
// on another machine (src/cli/snapshot.ts); so the kernel is asked each time. clock_gettime(2).
import { CLOCK, timespec } from '../abi/wait.ts'
import { processCalls } from './libc-processes.ts'

const NANOSECONDS = 1_000_000_000n

/** Since 1970, in nanoseconds. */
export const wallClock = (): bigint => read(CLOCK.values.CLOCK_REALTIME)

/** In milliseconds, from a beginning that does not matter: for waiting, whatever happens to the other clock. */
export const stopwatch = (): number => Number(read(CLOCK.values.CLOCK_MONOTONIC)) / 1e6

function read(clock: bigint): bigint {
  const time = new Uint8Array(timespec.size)
  processCalls.clockGettime(clock, time)
  const { tv_sec, tv_nsec } = timespec.decode(time)
  return tv_sec * NANOSECONDS + tv_nsec
}
