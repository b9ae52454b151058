// Id-mapped mounts: the kernel shows files of such a mount with other owners, after the id maps of a user namespace.
// Which maps those are is read off the config here; a namespace that has them is made by the host (it can hold a
// process there and write its maps) and comes to the image as a descriptor: the maps of the config's own, or those that
// the container's namespace will have, for that one does not exist yet when the sources are cloned.
// Documents: runtime-spec config.md "Mounts", "Linux mount options"; mount_setattr(2) "ID-mapped mounts"; crun(1).
import { CLONE } from '../abi/sched.ts'
import { type Origin, SpecError } from '../errors.ts'
import { address, bytes, cell, type Op, syscall } from '../program/op.ts'
import { MESSAGE, message } from '../program/sync.ts'
import type { IdMapping, Mount, Spec } from '../spec/gen/types.ts'

export interface IdMaps {
  readonly uids: readonly IdMapping[]
  readonly gids: readonly IdMapping[]
}

/** A user namespace whose maps a mount takes over: a new one, or one that has a path on the host. */
export interface MapsSource {
  /** What the config says it with: a JSON Pointer. */
  readonly pointer: string
  /** For all mounts of the tree. */
  readonly recursive: boolean
  readonly maps?: IdMaps
  readonly path?: string
}

const OPTION = /^(r?)idmap(?:=(.*))?$/s

const lastOption = (options: readonly string[]): number => options.findLastIndex(option => OPTION.test(option))

/** The mount has id maps: by an option, or by its mappings alone. */
export const isIdMapped = ({ options, uidMappings, gidMappings }: Mount): boolean =>
  (uidMappings?.length ?? 0) + (gidMappings?.length ?? 0) > 0 || (options !== undefined && lastOption(options) >= 0)

/** Where the maps of an id-mapped mount come from. `where` is the pointer of the mount. */
export function mapsOf(spec: Spec, mount: Mount, where: string): MapsSource {
  const { options = [], uidMappings: uids = [], gidMappings: gids = [] } = mount
  const option = lastOption(options)
  const [, r, value] = OPTION.exec(options[option] ?? '') ?? []
  const asked = { pointer: `${where}/options/${option}`, recursive: r === 'r' }
  const own = uids.length + gids.length > 0
  if (value !== undefined) {
    if (own) throw wrong(asked.pointer, 'the mount has id maps twice: in this option, and in its own properties')
    return { ...asked, maps: parseMaps(value, spec, asked.pointer) }
  }
  if (!own) return { ...asked, ...containersMaps(spec, asked.pointer) }
  if (uids.length === 0 || gids.length === 0) throw wrong(where, 'uidMappings and gidMappings must be given together')
  return { ...asked, pointer: `${where}/uidMappings`, maps: { uids, gids } }
}

function containersMaps({ linux }: Spec, pointer: string): Pick<MapsSource, 'maps' | 'path'> {
  const user = linux?.namespaces?.findLast(({ type }) => type === 'user')
  if (user?.path) return { path: user.path }
  const { uidMappings: uids = [], gidMappings: gids = [] } = linux ?? {}
  if (user !== undefined && uids.length > 0 && gids.length > 0) return { maps: { uids, gids } }
  throw wrong(
    pointer,
    'an id-mapped mount needs uidMappings and gidMappings of its own, or a user namespace of the container to take them from',
  )
}

const wrong = (pointer: string, message: string, hint?: string): SpecError =>
  new SpecError('config.json', [{ pointer, message, ...(hint && { hint }) }])

// ---- crun's form: "idmap=uids=0-1000-1#1-2000-10;gids=@0-0-5" ----

const FORM = 'as in uids=0-1000-1#1-2000-10;gids=0-1000-1: id of the file system, id of the host, how many'

function parseMaps(value: string, { linux }: Spec, pointer: string): IdMaps {
  const found: Partial<Record<string, IdMapping[]>> = {}
  for (const part of value.split(';')) {
    const [, name, list = ''] = /^(uids|gids)=(.*)$/s.exec(part) ?? []
    if (name === undefined || found[name] !== undefined)
      throw wrong(pointer, `not id maps: ${JSON.stringify(value)}`, FORM)
    const container = name === 'uids' ? linux?.uidMappings : linux?.gidMappings
    found[name] = list.split('#').map(range => parseRange(range, container, pointer))
  }
  const { uids, gids } = found
  if (uids === undefined || gids === undefined) throw wrong(pointer, 'id maps need both uids and gids', FORM)
  return { uids, gids }
}

const LARGEST_ID = 0xffff_ffff

/** With "@" the id of the host is one of the container, which the container's own map translates. */
function parseRange(text: string, container: readonly IdMapping[] | undefined, pointer: string): IdMapping {
  const [, relative, ...digits] = /^(@?)(\d+)-(\d+)-(\d+)$/.exec(text) ?? []
  const [containerID = 0, hostID = 0, size = 0] = digits.map(Number)
  if (relative === undefined || size < 1 || Math.max(containerID, hostID) + size - 1 > LARGEST_ID)
    throw wrong(pointer, `not a range of ids: ${JSON.stringify(text)}`, FORM)
  if (relative === '') return { containerID, hostID, size }
  const range = container?.find(each => hostID >= each.containerID && hostID + size <= each.containerID + each.size)
  if (range === undefined)
    throw wrong(pointer, `${JSON.stringify(text)}: no single range of the container's id maps holds these ids`)
  return { containerID, hostID: hostID - range.containerID + range.hostID, size }
}

// ---- the image that makes one ----

/** Holds a new user namespace until its maps are written and the host has opened it. */
export function planNamespaceHolder(sync: number, pointer: string): Op[] {
  const origin: Origin = { pointer, intent: 'make a user namespace for an id-mapped mount' }
  const record = message.encode({ kind: MESSAGE.values.MAP_IDS })
  const answer = cell('message from the host', message.size)
  return [
    syscall('unshare', [CLONE.bits.CLONE_NEWUSER], origin),
    syscall('write', [sync, bytes(record, '<MAP_IDS>'), message.size], origin),
    syscall('read', [sync, address(answer), message.size], origin), // ends when the host closes its end
    syscall('exit_group', [0], origin),
  ]
}
