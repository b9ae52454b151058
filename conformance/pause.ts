// A wait that blocks: a case is told as straight code, and the runtimes run in processes of their own.
export const PAUSE_MS = 25

export function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
}
