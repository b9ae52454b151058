// What the process that becomes a snapshot has read about the machine of the build: users, mounts, cgroups. It has
// forgotten them, but they still lie in its free memory, and have no business in an executable for other machines.
import { existsSync, readFileSync } from 'node:fs'
import type { Content } from './frozen.ts'

/** Shorter lines say nothing, and might be a part of something else. */
const SHORTEST = 16
const WRITE = 2n
const ASCII = ['utf8'] as const
const ALL = ['utf8', 'latin1', 'utf16le'] as const

/** Lines of the files that such a process reads; `pid` is its own. */
export function linesAbout(pid: number): string[] {
  const files = ['/etc/passwd', `/proc/${pid}/mountinfo`, `/proc/${pid}/cgroup`].filter(file => existsSync(file))
  return files.flatMap(file => readFileSync(file, 'utf8').split('\n'))
}

/** Zeros in their places. */
export function scrub(contents: readonly Content[], lines: readonly string[]): void {
  // one letter that is none of ASCII makes an engine keep the whole text in another encoding
  const isAscii = lines.every(line => Buffer.byteLength(line) === line.length)
  const long = [...new Set(lines)].filter(line => line.length >= SHORTEST)
  const patterns = long.flatMap(line => (isAscii ? ASCII : ALL).map(encoding => Buffer.from(line, encoding)))
  for (const { bytes, protection } of contents) {
    if ((protection & WRITE) === 0n) continue
    const memory = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    for (const pattern of patterns)
      for (let at = memory.indexOf(pattern); at >= 0; at = memory.indexOf(pattern, at))
        memory.fill(0, at, at + pattern.length)
  }
}
