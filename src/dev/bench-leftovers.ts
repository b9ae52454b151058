// Finds and removes what a benchmark's containers may have left: zombies that came to this process, and cgroups with
// whoever is still in them.
import { readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { SIG } from '../abi/signal.ts'
import { isErrno } from '../host/errno.ts'
import { mountEntries } from '../host/mountinfo.ts'
import { reap, sendSignal } from '../host/process.ts'

const PATIENCE_MS = 2000

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

/** The names in a directory; none where there is no such directory. */
export function namesIn(directory: string, onlyDirectories = false): string[] {
  try {
    const found = readdirSync(directory, { withFileTypes: true })
    return found.filter(entry => !onlyDirectories || entry.isDirectory()).map(({ name }) => name)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

/** Every child that has ended; with `block` every child. */
export function reapAll(block: boolean): void {
  try {
    while (reap(-1, block) !== undefined);
  } catch (error) {
    if (!isErrno(error, 'ECHILD')) throw error
  }
}

/** Groups of that name's beginning in every hierarchy, and those below them; children before their parents. */
export function groupsNamed(prefix: string): string[] {
  const mounts = mountEntries().filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
  const below = (directory: string): string[] =>
    namesIn(directory, true).flatMap(name => {
      const path = join(directory, name)
      return [...below(path), ...(path.includes(`/${prefix}`) ? [path] : [])]
    })
  return [...new Set(mounts.map(({ mountPoint }) => mountPoint))].flatMap(below)
}

/** With all that is in it. */
export async function removeGroup(directory: string): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(10)) {
    try {
      for (const pid of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean))
        sendSignal(Number(pid), SIG.SIGKILL)
      reapAll(false)
      rmdirSync(directory)
      return
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return // by a runtime that was slower
      if (!hasCode(error, 'EBUSY') || Date.now() > end) throw error
    }
  }
}
