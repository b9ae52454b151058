// The option strings of a mount entry, one row each: what they set and clear, for the one mount or (r-forms) for the
// whole tree below it, or that the runtime has to do by itself. What is no row is data for the file system, as after
// `mount -o`.
// Documents: runtime-spec config.md, "Linux mount options"; mount(8); mount_setattr(2).
import { MOUNT_ATTR, MS } from '../abi/mount.ts'

const {
  MS_RDONLY,
  MS_NOSUID,
  MS_NODEV,
  MS_NOEXEC,
  MS_SYNCHRONOUS,
  MS_REMOUNT,
  MS_MANDLOCK,
  MS_DIRSYNC,
  MS_NOSYMFOLLOW,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_BIND,
  MS_REC,
  MS_SILENT,
  MS_POSIXACL,
  MS_UNBINDABLE,
  MS_PRIVATE,
  MS_SLAVE,
  MS_SHARED,
  MS_RELATIME,
  MS_I_VERSION,
  MS_STRICTATIME,
  MS_LAZYTIME,
} = MS.bits

export interface OptionRow {
  /** Flags of mount(2) that the option turns on and off. */
  readonly set?: bigint
  readonly clear?: bigint
  /** The same for every mount of the tree, by mount_setattr. */
  readonly recursive?: boolean
  /** MS_SHARED and its like, with MS_REC for the whole tree. */
  readonly propagation?: bigint
  /** No flag of the kernel: see Extra. */
  readonly extra?: Extra
}

/** Options that ask for work of the runtime; the last three are crun's. */
export type Extra = 'idmap' | 'ridmap' | 'tmpcopyup' | 'copy-symlink' | 'src-nofollow' | 'dest-nofollow'

const ATIMES = MS_NOATIME | MS_RELATIME | MS_STRICTATIME

/** Options about which the plain and the r-form say the same: name → flags. */
const BOTH_FORMS = {
  ro: { set: MS_RDONLY },
  rw: { clear: MS_RDONLY },
  nosuid: { set: MS_NOSUID },
  suid: { clear: MS_NOSUID },
  nodev: { set: MS_NODEV },
  dev: { clear: MS_NODEV },
  noexec: { set: MS_NOEXEC },
  exec: { clear: MS_NOEXEC },
  noatime: { set: MS_NOATIME, clear: ATIMES },
  atime: { clear: MS_NOATIME },
  relatime: { set: MS_RELATIME, clear: ATIMES },
  norelatime: { clear: MS_RELATIME },
  strictatime: { set: MS_STRICTATIME, clear: ATIMES },
  nostrictatime: { clear: MS_STRICTATIME },
  nodiratime: { set: MS_NODIRATIME },
  diratime: { clear: MS_NODIRATIME },
  nosymfollow: { set: MS_NOSYMFOLLOW },
  symfollow: { clear: MS_NOSYMFOLLOW },
} as const satisfies Record<string, OptionRow>

const ONE_FORM = {
  defaults: {},
  bind: { set: MS_BIND },
  rbind: { set: MS_BIND | MS_REC },
  remount: { set: MS_REMOUNT },
  sync: { set: MS_SYNCHRONOUS },
  async: { clear: MS_SYNCHRONOUS },
  dirsync: { set: MS_DIRSYNC },
  mand: { set: MS_MANDLOCK },
  nomand: { clear: MS_MANDLOCK },
  iversion: { set: MS_I_VERSION },
  noiversion: { clear: MS_I_VERSION },
  lazytime: { set: MS_LAZYTIME },
  nolazytime: { clear: MS_LAZYTIME },
  silent: { set: MS_SILENT },
  loud: { clear: MS_SILENT },
  acl: { set: MS_POSIXACL },
  noacl: { clear: MS_POSIXACL },
  private: { propagation: MS_PRIVATE },
  rprivate: { propagation: MS_PRIVATE | MS_REC },
  slave: { propagation: MS_SLAVE },
  rslave: { propagation: MS_SLAVE | MS_REC },
  shared: { propagation: MS_SHARED },
  rshared: { propagation: MS_SHARED | MS_REC },
  unbindable: { propagation: MS_UNBINDABLE },
  runbindable: { propagation: MS_UNBINDABLE | MS_REC },
  tmpcopyup: { extra: 'tmpcopyup' },
  idmap: { extra: 'idmap' },
  ridmap: { extra: 'ridmap' },
  'copy-symlink': { extra: 'copy-symlink' },
  'src-nofollow': { extra: 'src-nofollow' },
  'dest-nofollow': { extra: 'dest-nofollow' },
} as const satisfies Record<string, OptionRow>

/** By name; null prototype, since names come from users. */
const ROWS: Readonly<Record<string, OptionRow | undefined>> = Object.assign(Object.create(null), BOTH_FORMS, ONE_FORM)
const BOTH: Readonly<Record<string, OptionRow | undefined>> = Object.assign(Object.create(null), BOTH_FORMS)

function rowOf(option: string): OptionRow | undefined {
  const row = ROWS[option]
  if (row !== undefined) return row
  if (option.startsWith('idmap=')) return ROWS.idmap // the maps: id-mapped.ts
  if (option.startsWith('ridmap=')) return ROWS.ridmap
  if (!option.startsWith('r')) return undefined
  const plain = BOTH[option.slice(1)]
  return plain && { ...plain, recursive: true }
}

/** The names of all options that mean something here, with the row of each. */
export function mountOptions(): Map<string, OptionRow> {
  const names = [...Object.keys(ROWS), ...Object.keys(BOTH).map(name => `r${name}`)]
  return new Map(names.map(name => [name, rowOf(name) ?? {}]))
}

/** Changes of mount_setattr(2). */
export interface Attributes {
  readonly set: bigint
  readonly clear: bigint
}

export interface MountOptions {
  /** For mount(2); without propagation, MS_BIND and MS_REC included. */
  readonly flags: bigint
  /** The same, and what is turned off: see attributes. */
  readonly single: Flags
  /** The r-forms. */
  readonly recursive: Attributes
  /** In the order given. */
  readonly propagation: readonly bigint[]
  readonly extras: readonly Extra[]
  /** What the file system gets, as written. */
  readonly data: readonly string[]
}

export function parseMountOptions(options: readonly string[]): MountOptions {
  let single = UNCHANGED
  let recursive = UNCHANGED
  const propagation: bigint[] = []
  const extras: Extra[] = []
  const data: string[] = []
  for (const option of options) {
    const row = rowOf(option)
    if (row === undefined) {
      if (option !== '') data.push(option)
    } else if (row.extra !== undefined) extras.push(row.extra)
    else if (row.propagation !== undefined) propagation.push(row.propagation)
    else if (row.recursive) recursive = change(recursive, row)
    else single = change(single, row)
  }
  return { flags: single.on, single, recursive: attributesOf(recursive), propagation, extras, data }
}

/** What options turn on and off, in flags of mount(2). */
interface Flags {
  readonly on: bigint
  readonly off: bigint
}
const UNCHANGED: Flags = { on: 0n, off: 0n }

/** A later option wins: what it turns on is no longer off, and the other way round. */
const change = (before: Flags, { set = 0n, clear = 0n }: OptionRow): Flags => ({
  on: (before.on & ~clear) | set,
  off: (before.off & ~set) | clear,
})

export const NO_CHANGE: Attributes = { set: 0n, clear: 0n }

/** What a bind changes of the mount that it is made from; the rest it keeps. */
export const attributes = ({ single }: MountOptions): Attributes => attributesOf(single)

/** Access times are one field of three bits: whoever changes it must clear all of it (MOUNT_ATTR_RELATIME is 0). */
function attributesOf({ on, off }: Flags): Attributes {
  if (on === 0n && off === 0n) return NO_CHANGE
  const choosesAtime = ((on | (off & ~MS_RELATIME)) & ATIMES) !== 0n
  return { set: attributeBits(on), clear: attributeBits(off) | (choosesAtime ? MOUNT_ATTR.bits.MOUNT_ATTR__ATIME : 0n) }
}

/** mount(2) flag → mount attribute; the flags of a superblock have none, a bind cannot change them. */
const ATTRIBUTE_OF: readonly (readonly [bigint, bigint])[] = [
  [MS_RDONLY, MOUNT_ATTR.bits.MOUNT_ATTR_RDONLY],
  [MS_NOSUID, MOUNT_ATTR.bits.MOUNT_ATTR_NOSUID],
  [MS_NODEV, MOUNT_ATTR.bits.MOUNT_ATTR_NODEV],
  [MS_NOEXEC, MOUNT_ATTR.bits.MOUNT_ATTR_NOEXEC],
  [MS_NODIRATIME, MOUNT_ATTR.bits.MOUNT_ATTR_NODIRATIME],
  [MS_NOSYMFOLLOW, MOUNT_ATTR.bits.MOUNT_ATTR_NOSYMFOLLOW],
  [MS_NOATIME, MOUNT_ATTR.bits.MOUNT_ATTR_NOATIME],
  [MS_STRICTATIME, MOUNT_ATTR.bits.MOUNT_ATTR_STRICTATIME],
]

function attributeBits(flags: bigint): bigint {
  let bits = 0n
  if (flags !== 0n) for (const [flag, attribute] of ATTRIBUTE_OF) if ((flags & flag) !== 0n) bits |= attribute
  return bits
}
