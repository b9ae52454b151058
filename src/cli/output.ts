// Writing to descriptors, and nothing else: process.stdout and process.stderr are never touched, because node puts
// O_NONBLOCK on pipes that are shared with the container, and throws where a caller gave a read-only /dev/null. A
// reader that went away must change neither the exit status nor what happens to the container.
import { writeSync } from 'node:fs'

const PATIENCE_MS = 5000
const PAUSE_MS = 5

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
}

/** Writes all of it, waiting a while for a slow reader of a non-blocking pipe; false if it could not. */
export function writeAll(fd: number, text: string, patience = PATIENCE_MS): boolean {
  let rest = Buffer.from(text)
  let deadline = Date.now() + patience
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
      deadline = Date.now() + patience
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || Date.now() > deadline) return false
      pause()
    }
  }
  return true
}

export const printLine = (text: string): boolean => writeAll(1, `${text}\n`)
export const printError = (text: string): boolean => writeAll(2, text)
