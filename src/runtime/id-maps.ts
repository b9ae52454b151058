// Writes the id maps of a process that is in a new user namespace. user_namespaces(7): each map in one write; an
// unprivileged writer must give up setgroups first.

import { ERRNO } from '../abi/errno.ts'
import { O } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import type { IdMapping, Spec } from '../spec/gen/types.ts'
import type { Owner } from './gate.ts'

export function writeIdMaps(pid: number, spec: Spec): void {
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {}
  if (process.geteuid?.() !== 0) write(pid, 'setgroups', 'deny', '/linux/gidMappings')
  write(pid, 'uid_map', lines(uidMappings), '/linux/uidMappings')
  write(pid, 'gid_map', lines(gidMappings), '/linux/gidMappings')
}

const lines = (mappings: readonly IdMapping[]): string =>
  mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('')

function write(pid: number, name: string, content: string, pointer: string): void {
  const path = `/proc/${pid}/${name}`
  try {
    using file = Fd.open(path, O.bits.O_WRONLY)
    file.write(content)
  } catch (error) {
    const errno = error instanceof SyscallError ? error.errno : ERRNO.EIO[0]
    const origin = { pointer, intent: 'set the id maps of the user namespace' }
    throw new SyscallError({ syscall: 'write', args: [path, JSON.stringify(content)], errno, origin, cause: error })
  }
}

/** Which ids of the host root of the container is. */
export function rootOwner(spec: Spec): Owner {
  const isNew = spec.linux?.namespaces?.some(({ type, path }) => type === 'user' && !path) ?? false
  if (!isNew) return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  const host = (mappings: readonly IdMapping[] = []): number =>
    mappings.find(({ containerID }) => containerID === 0)?.hostID ?? process.geteuid?.() ?? 0
  return { uid: host(spec.linux?.uidMappings), gid: host(spec.linux?.gidMappings) }
}
