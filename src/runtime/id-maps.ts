// Writes the id maps of a process that is in a new user namespace: each map in one write. What the kernel does not let a
// user write is left to newuidmap and newgidmap, which know from /etc/subuid and /etc/subgid what the user may have.
// Documents: user_namespaces(7), newuidmap(1), newgidmap(1).
import { ERRNO } from '../abi/errno.ts'
import { O } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import { isOwnIdOnly } from '../plan/ids.ts'
import type { IdMapping, Spec } from '../spec/gen/types.ts'
import type { Owner } from './gate.ts'
import { type Mapper, runMapper } from './mapper.ts'

/** `mappers`: the directories that newuidmap and newgidmap are looked for in. */
export function writeIdMaps(pid: number, spec: Spec, mappers?: readonly string[]): void {
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {}
  const [euid, egid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0]
  map('newuidmap', pid, uidMappings, mappers)
  // before groups: or a user could leave one that a file denies something to
  if (euid !== 0 && isOwnIdOnly(gidMappings, egid)) write(pid, 'setgroups', 'deny', '/linux/gidMappings')
  map('newgidmap', pid, gidMappings, mappers)
}

const FILES = { newuidmap: 'uid_map', newgidmap: 'gid_map' } as const
const POINTERS = { newuidmap: '/linux/uidMappings', newgidmap: '/linux/gidMappings' } as const

function map(mapper: Mapper, pid: number, mappings: readonly IdMapping[], mappers?: readonly string[]): void {
  try {
    write(pid, FILES[mapper], lines(mappings), POINTERS[mapper])
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error
    runMapper({ mapper, pid, mappings, pointer: POINTERS[mapper], cause: error }, mappers)
  }
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
