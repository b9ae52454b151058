// What a container may leave behind on the host, looked for by its id (which is also the name of its cgroup) and by
// the directories that the case owns. Zombies do not count: reaping them is the work of whoever inherits them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

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

function processes(ids: readonly string[]): string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    const groups = read(`/proc/${pid}/cgroup`)
    if (!ids.some(id => groups.includes(`/${id}\n`))) continue
    if (/^State:\s+[ZX]/m.test(read(`/proc/${pid}/status`))) continue
    found.push(`process ${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`)
  }
  return found
}

const mounts = (directories: readonly string[]): string[] =>
  read('/proc/self/mountinfo')
    .split('\n')
    .filter(line => directories.some(directory => line.includes(directory)))
    .map(line => `mount ${line.split(' ')[4]}`)

function cgroups(ids: readonly string[], directory = CGROUPS, depth = DEPTH): string[] {
  if (depth === 0) return []
  const children = readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory())
  return children.flatMap(({ name }) => {
    const path = join(directory, name)
    return ids.includes(name) ? [`cgroup ${path}`] : below(ids, path, depth)
  })
}

function below(ids: readonly string[], path: string, depth: number): string[] {
  try {
    return cgroups(ids, path, depth - 1)
  } catch {
    return [] // another container's group that is gone by now
  }
}

const states = (root: string): string[] =>
  existsSync(root) ? readdirSync(root).map(name => `state ${join(root, name)}`) : []

export function leaks(ids: readonly string[], root: string, directories: readonly string[]): string[] {
  return [...processes(ids), ...mounts([root, ...directories]), ...cgroups(ids), ...states(root)]
}
