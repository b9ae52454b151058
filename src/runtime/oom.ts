// Whether the kernel's OOM killer has struck in a cgroup: memory.events of v2, memory.oom_control of v1.
// Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst.
import { readFileSync } from 'node:fs'
import type { SavedCgroup } from '../cgroup/manager.ts'

const FILES = ['memory.events', 'memory.oom_control'] as const

export const outOfMemory = ({ directories }: SavedCgroup): boolean =>
  directories.some(({ directory }) => FILES.some(file => kills(`${directory}/${file}`) > 0))

function kills(path: string): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // a hierarchy without the memory controller
  }
}
