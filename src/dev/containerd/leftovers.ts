// What containers may leave on the machine: mounts, cgroups of every hierarchy, files. What is ours is told by names
// that only this run has.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { sleep } from './waiting.ts'

const TRIES = 100

interface Mount {
  readonly path: string
  readonly type: string
}

/** proc_pid_mountinfo(5): id parent major:minor root path options tags … - type source options */
function allMounts(): Mount[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split(' '))
    .map(fields => ({ path: fields[4] ?? '', type: fields[fields.indexOf('-') + 1] ?? '' }))
}

export const mountsBelow = (directory: string): string[] =>
  allMounts()
    .map(mount => mount.path)
    .filter(path => path.startsWith(`${directory}/`))

export function unmount(paths: readonly string[]): void {
  for (const path of [...paths].reverse()) spawnSync('umount', ['-l', path])
}

/** Those in whose path, in whatever hierarchy, a name is a component; the deepest first. */
export function cgroupsNamed(isOurs: (name: string) => boolean): string[] {
  const roots = allMounts().filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
  return [...new Set(roots.map(mount => mount.path))].flatMap(root => within(root, false, isOurs))
}

function within(directory: string, isInside: boolean, isOurs: (name: string) => boolean): string[] {
  return names(directory).flatMap(name => {
    const path = join(directory, name)
    const counts = isInside || isOurs(name)
    const below = within(path, counts, isOurs)
    return counts ? [...below, path] : below
  })
}

function names(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory()).map(entry => entry.name)
  } catch {
    return [] // gone meanwhile
  }
}

/** Their processes are killed before. */
export async function removeCgroups(paths: readonly string[]): Promise<void> {
  let left = [...paths]
  for (let tries = 0; left.length > 0 && tries < TRIES; tries++) {
    if (tries > 0) await sleep()
    left = left.filter(path => !isRemoved(path))
  }
}

function isRemoved(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** The names in a directory with its path; none where it does not exist. */
export function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory).map(name => join(directory, name))
  } catch {
    return []
  }
}

/** Everything below the directories of /run and /tmp that runtimes use, as far as it has a name of ours. */
export function namedFiles(directories: readonly string[], isOurs: (name: string) => boolean, depth = 3): string[] {
  return directories.flatMap(directory => {
    const found = filesIn(directory).filter(path => isOurs(basename(path)))
    const below = depth > 1 ? names(directory).map(name => join(directory, name)) : []
    return [...found, ...namedFiles(below, isOurs, depth - 1)]
  })
}

export function removeFiles(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true })
}
