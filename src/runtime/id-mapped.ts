// The user namespaces whose id maps mounts take over (plan/id-mapped.ts): which ones a config needs, and making them.
// A new one is held by a small image for as long as it takes to write its maps and to open it; from then on the
// descriptor keeps it, and no process is in it. Only root makes id-mapped mounts: user_namespaces(7), mount_setattr(2).
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { O } from '../abi/fcntl.ts'
import { InitError, SyscallError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import { architecture } from '../host/identity.ts'
import { launch } from '../host/launch.ts'
import { sealedMemfd } from '../host/memfd.ts'
import { mountEntries } from '../host/mountinfo.ts'
import { reap } from '../host/process.ts'
import { receive, seqpacketPair } from '../host/socket.ts'
import { buildImage } from '../image/build.ts'
import type { IdMapped } from '../plan/facts.ts'
import { type IdMaps, isIdMapped, type MapsSource, mapsOf, planNamespaceHolder } from '../plan/id-mapped.ts'
import { failure, origins } from '../program/origins.ts'
import { MESSAGE, message } from '../program/sync.ts'
import type { IdMapping, Spec } from '../spec/gen/types.ts'

/** What the config asks for: each namespace once, however many mounts want its maps. */
export interface MountNamespaces {
  readonly sources: readonly MapsSource[]
  /** By the JSON Pointer of the mount: which of them, and what a plan must know. */
  readonly mounts: ReadonlyMap<string, Omit<IdMapped, 'namespace'> & { readonly index: number }>
}

export function mountNamespaces(spec: Spec, bundle: string): MountNamespaces {
  const sources = new Map<string, MapsSource>()
  const mounts = new Map<string, Omit<IdMapped, 'namespace'> & { index: number }>()
  for (const [number, mount] of (spec.mounts ?? []).entries()) {
    if (!isIdMapped(mount)) continue
    const where = `/mounts/${number}`
    const source = mapsOf(spec, mount, where)
    const key = JSON.stringify([source.path, ...lines(source.maps)])
    if (!sources.has(key)) sources.set(key, source)
    const { pointer, recursive } = source
    const fsType = fileSystemOf(resolve(bundle, mount.source ?? ''))
    mounts.set(where, { pointer, recursive, fsType, index: [...sources.keys()].indexOf(key) })
  }
  return { sources: [...sources.values()], mounts }
}

/** The type of the file system that a path of the host lies on. */
function fileSystemOf(path: string): string | undefined {
  const real = realPath(path)
  const above = mountEntries().filter(
    ({ mountPoint }) => real === mountPoint || `${real}/`.startsWith(`${mountPoint}/`.replace('//', '/')),
  )
  let nearest = above[0]
  for (const entry of above) if (entry.mountPoint.length >= (nearest?.mountPoint.length ?? 0)) nearest = entry
  return nearest?.type
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path // the plan says what is wrong with it
  }
}

function lines(maps: IdMaps | undefined): string[] {
  const text = (ranges: readonly IdMapping[] = []): string =>
    ranges.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('')
  return [text(maps?.uids), text(maps?.gids)]
}

/** A descriptor of each namespace that the config asks for, for the numbers from `first` on. */
export class OpenNamespaces {
  readonly passed = new Map<number, Fd>()

  constructor(spec: Spec, bundle: string, first: number) {
    try {
      for (const [index, source] of mountNamespaces(spec, bundle).sources.entries())
        this.passed.set(first + index, openNamespace(source))
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.passed.values()) fd.close()
  }
}

/** A fifo in its place must not keep us waiting for its other end. */
const openNamespace = (source: MapsSource): Fd => {
  const { path, pointer } = source
  if (path === undefined) return makeNamespace(source)
  return told(pointer, 'open the user namespace that has the maps', () =>
    Fd.open(path, O.bits.O_RDONLY | O.bits.O_NONBLOCK),
  )
}

const SYNC = 3

function makeNamespace(source: MapsSource): Fd {
  const ops = planNamespaceHolder(SYNC, source.pointer)
  using image = sealedMemfd('user-namespace', buildImage(ops, architecture, SYNC))
  const [ours, theirs] = seqpacketPair()
  const passed = new Map([[SYNC, theirs]])
  const pid = launch({ image, argv: ['tsrunc:[USERNS]'], stdio: [-1, -1, -1], preserved: 0, passed })
  theirs.close()
  try {
    const said = receive(ours, message.size)
    const { kind, op, value } = said === undefined ? {} : message.decode(said.bytes)
    if (kind === MESSAGE.values.FAILED) throw failure(origins(ops, architecture), Number(op), value ?? 0n)
    if (kind !== MESSAGE.values.MAP_IDS) throw new InitError('the process that holds a user namespace has ended')
    const [uids = '', gids = ''] = lines(source.maps)
    write(pid, 'uid_map', uids, source.pointer)
    write(pid, 'gid_map', gids, source.pointer.replace(/uidMappings$/, 'gidMappings'))
    return Fd.open(`/proc/${pid}/ns/user`, O.bits.O_RDONLY)
  } finally {
    ours.close() // ends it
    reap(pid, true)
  }
}

function write(pid: number, name: string, content: string, pointer: string): void {
  told(pointer, 'set the id maps of an id-mapped mount', () => {
    using file = Fd.open(`/proc/${pid}/${name}`, O.bits.O_WRONLY)
    file.write(content)
  })
}

/** Says in an error what was meant, and where the config wants it. */
function told<Result>(pointer: string, intent: string, call: () => Result): Result {
  try {
    return call()
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause
    const { syscall, args, errno } = cause
    throw new SyscallError({ syscall, args, errno, origin: { pointer, intent }, cause })
  }
}
