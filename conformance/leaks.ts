// What a container may leave behind on the host, looked for by its id (which is also the name of its cgroup) and by
// the directories that the case owns. Zombies do not count: reaping them is the work of whoever inherits them.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pause } from './pause.ts'

const CGROUPS = '/sys/fs/cgroup'
/** Where the cgroup of an absolute cgroupsPath, or of a relative one below our own group, may be. */
const DEPTH = 5

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process is gone by now
  }
}

interface Found {
  readonly what: string
  remove(): void
}

function processes(ids: readonly string[]): Found[] {
  const found: Found[] = []
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    const groups = read(`/proc/${pid}/cgroup`)
    if (!ids.some(id => groups.includes(`/${id}\n`))) continue
    if (/^State:\s+[ZX]/m.test(read(`/proc/${pid}/status`))) continue
    found.push({
      what: `process ${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`,
      remove: () => process.kill(Number(pid), 'SIGKILL'),
    })
  }
  return found
}

const mounts = (directories: readonly string[]): Found[] =>
  read('/proc/self/mountinfo')
    .split('\n')
    .filter(line => directories.some(directory => line.includes(directory)))
    .map(line => line.split(' ')[4] ?? '')
    .map(path => ({ what: `mount ${path}`, remove: () => void spawnSync('umount', ['-l', path]) }))

function cgroups(ids: readonly string[], directory = CGROUPS, depth = DEPTH): Found[] {
  if (depth === 0) return []
  const children = readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory())
  return children.flatMap(({ name }) => {
    const path = join(directory, name)
    return ids.includes(name) ? [{ what: `cgroup ${path}`, remove: () => rmdirSync(path) }] : below(ids, path, depth)
  })
}

function below(ids: readonly string[], path: string, depth: number): Found[] {
  try {
    return cgroups(ids, path, depth - 1)
  } catch {
    return [] // another container's group that is gone by now
  }
}

/** No id begins with a dot: crun keeps its compiled filters in .cache. */
const states = (root: string): Found[] =>
  (existsSync(root) ? readdirSync(root) : [])
    .filter(name => !name.startsWith('.'))
    .map(name => {
      const path = join(root, name)
      return { what: `state ${path}`, remove: () => rmSync(path, { recursive: true, force: true }) }
    })

export function leaks(ids: readonly string[], root: string, directories: readonly string[]): readonly Found[] {
  return [...processes(ids), ...mounts([root, ...directories]), ...cgroups(ids), ...states(root)]
}

const TRIES = 40

/** Removes what a runtime could not: the next case, and the machine, must not suffer from it. */
export function sweep(found: readonly Found[]): void {
  let rest = found
  for (let tries = 0; tries < TRIES && rest.length > 0; tries++) {
    if (tries > 0) pause() // a process that was killed a moment ago still holds its cgroup
    rest = rest.filter(({ remove }) => !succeeds(remove))
  }
}

function succeeds(remove: () => void): boolean {
  try {
    remove()
    return true
  } catch (error) {
    return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')
  }
}
