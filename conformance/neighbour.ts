// A process with namespaces of its own, made by unshare(1), for a container to join; it ends with the case.
import { spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { Skip } from './case.ts'
import type { World } from './world.ts'

/** type in config.json → file below /proc/PID/ns */
export const NAMESPACE_FILES = {
  pid: 'pid',
  network: 'net',
  mount: 'mnt',
  ipc: 'ipc',
  uts: 'uts',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
} as const
export type NamespaceType = keyof typeof NAMESPACE_FILES
export const NAMESPACE_TYPES = Object.keys(NAMESPACE_FILES) as NamespaceType[]

export const namespacePath = (pid: number | 'self', type: NamespaceType): string =>
  `/proc/${pid}/ns/${NAMESPACE_FILES[type]}`

/** "net:[4026531840]". */
export const namespaceOf = (pid: number | 'self', type: NamespaceType): string => readlinkSync(namespacePath(pid, type))

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return '' // not there yet, or no more
  }
}

/** The pid of a process that sleeps; `flags` are those of unshare(1), as "--net". */
export function neighbour(world: World, ...flags: string[]): number {
  const child = spawn('unshare', ['--kill-child', '--fork', ...flags, 'sleep', '1000'], { stdio: 'ignore' })
  child.once('error', () => {}) // seen below: it has no pid
  const { pid } = child
  if (pid === undefined) throw new Skip('needs unshare(1) of util-linux')
  world.atEnd(() => child.kill('SIGKILL'))
  const find = () => read(`/proc/${pid}/task/${pid}/children`)
  world.until(`unshare ${flags.join(' ')}`, () => read(`/proc/${find()}/comm`) === 'sleep')
  return Number(find())
}
