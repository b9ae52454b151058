// Controllers of v2, which are handed down from group to group by cgroup.subtree_control.
// Document: Documentation/admin-guide/cgroup-v2.rst.
import { O } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import type { Fd } from '../host/fd.ts'
import { type Group, openDirectory, openMountpoint, readValue } from './group.ts'

const words = (text: string): string[] => text.split(/\s+/).filter(word => word !== '')
export const controllersOf = (directory: Fd): string[] => words(readValue(directory, 'cgroup.controllers'))

/**
 * Hands controllers down to a group: all that the top has, or those that are named. A controller that some group on the
 * way refuses is left out; only if a setting needs it, `whyMissing` tells.
 */
export function delegate(group: Group, named?: readonly string[]): void {
  using mountpoint = openMountpoint(group.place)
  const top = controllersOf(mountpoint)
  const wanted = named ? top.filter(name => named.includes(name)) : top
  const present = controllersOf(group.directory)
  if (wanted.every(name => present.includes(name))) return
  for (const path of ancestors(group.place.path)) {
    using directory = openDirectory(mountpoint, path)
    enable(directory, wanted)
  }
}

/** "/a/b/c" → "", "/a", "/a/b" */
const ancestors = (path: string): string[] => {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, depth) => parts.slice(0, depth + 1).join('/'))
}

function enable(directory: Fd, wanted: readonly string[]): void {
  const available = controllersOf(directory)
  const enabled = words(readValue(directory, 'cgroup.subtree_control'))
  const add = wanted.filter(name => available.includes(name) && !enabled.includes(name))
  if (add.length === 0) return
  if (tryEnable(directory, add) === undefined || add.length === 1) return
  for (const name of add) tryEnable(directory, [name]) // one that fails must not keep the others out
}

function tryEnable(directory: Fd, names: readonly string[]): SyscallError | undefined {
  try {
    using file = directory.openAt('cgroup.subtree_control', O.bits.O_WRONLY)
    file.write(names.map(name => `+${name}`).join(' '))
    return undefined
  } catch (error) {
    if (error instanceof SyscallError) return error
    throw error
  }
}

/** Where on the way from the top a controller gets lost, and the kernel's reason; undefined when the group has it. */
export function whyMissing(group: Group, controller: string): string | undefined {
  if (controller === 'cgroup' || controllersOf(group.directory).includes(controller)) return undefined
  using mountpoint = openMountpoint(group.place)
  for (const path of ancestors(group.place.path)) {
    const name = group.place.mountpoint + path
    using directory = openDirectory(mountpoint, path)
    if (!controllersOf(directory).includes(controller))
      return path === ''
        ? `controller ${controller} is not available: cgroup.controllers of ${name} lacks it (off in the kernel, or held by cgroup v1)`
        : `controller ${controller} is not available in ${name}`
    if (words(readValue(directory, 'cgroup.subtree_control')).includes(controller)) continue
    const refusal = tryEnable(directory, [controller])
    if (refusal !== undefined) return `controller ${controller} can not be enabled in ${name}: ${reason(refusal)}`
  }
  return `controller ${controller} is not enabled for ${group.name}`
}

function reason({ errnoName }: SyscallError): string {
  // with processes in it a group can hand on at most cpu, cpuset, perf_event and pids, which makes it threaded
  if (errnoName === 'EBUSY' || errnoName === 'EOPNOTSUPP')
    return `that group holds processes itself, or is threaded (${errnoName})`
  if (errnoName === 'EACCES' || errnoName === 'EPERM')
    return `no permission for its cgroup.subtree_control (${errnoName})`
  return errnoName
}
