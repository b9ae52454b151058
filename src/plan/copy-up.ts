// tmpcopyup: a tmpfs that begins with what the directory below it holds. The host has listed the names (a fact: a
// program of system calls cannot walk a tree that it does not know); every file is copied by the image, so the memory
// is the container's, what may not be read there is not copied, and owners are those that the container sees. Sources
// are opened below the covered directory, never through a link; the tmpfs is attached nowhere yet, so nobody else is
// in it. Content, kind, mode, owner and time of change are copied; extended attributes, and that two names are one
// file, are not; the tmpfs itself belongs to whom its options say (all as with runc).
// No copy allows more than its source does (here runc differs): a device node on a mount with nodev is left out, a file
// on one with nosuid loses S_ISUID and S_ISGID; so does what is no longer what the host found, since its owner is that
// of now. noexec is no such limit: who may read a file may run a copy of it anyway.
import { AT, openHow, RESOLVE } from '../abi/fcntl.ts'
import { ST, statfs } from '../abi/magic.ts'
import { decodeDevice, S, STATX, statx, UTIME_OMIT } from '../abi/stat.ts'
import { timespec } from '../abi/wait.ts'
import type { Origin } from '../errors.ts'
import {
  address,
  bytes,
  type CallRest,
  type Condition,
  cell,
  type DataOperand,
  jump,
  type Label,
  label,
  NULL,
  type Op,
  type Operand,
  type Slot,
  slot,
  slotIn,
  syscall,
} from '../program/op.ts'
import { ALL_BITS, type Entry, type PlanContext } from './context.ts'
import type { Copied } from './facts.ts'
import { deviceIs, field } from './memory.ts'
import { close } from './mount-calls.ts'
import { EMPTY, openWay } from './resolve.ts'

/** One sendfile(2) copies at most 2 GiB less a page, whatever it is asked for. */
const CHUNK = 0x4000_0000

interface Copy {
  readonly context: PlanContext
  /** The covered directory, O_PATH. */
  readonly from: Slot
  /** The tmpfs. */
  readonly to: Slot
}

export function copyUp(context: PlanContext, { where }: Entry, from: Slot, to: Slot): Op[] {
  const found = context.facts.copied?.get(where)
  if (found === undefined) return [] // nothing is there
  const ops: Op[] = []
  const copy = { context, from, to }
  for (const one of found) ops.push(...copyOne(copy, one, where))
  // what is made in a directory changes its time, and one that may not be written is no place to make something in
  for (const one of found.toReversed()) if (one.kind === 'directory') ops.push(...finishDirectory(copy, one, where))
  return ops
}

function copyOne(copy: Copy, one: Copied, where: string): Op[] {
  const origin: Origin = { pointer: where, intent: `copy ${JSON.stringify(shown(one.path))} into the tmpfs` }
  if (one.kind === 'file') return copyFile(copy, one, origin)
  const { to } = copy
  const path = operand(one.path)
  const kept = slot('original')
  const leftOut = label('left out')
  const isDevice = one.kind === 'node' && (one.device ?? 0n) !== 0n
  const make =
    one.kind === 'directory'
      ? syscall('mkdirat', [to, path, 0o700], origin)
      : one.kind === 'link'
        ? syscall('symlinkat', [operand(one.target ?? ''), to, path], origin)
        : syscall('mknodat', [to, path, BigInt(one.mode), one.device ?? 0n], origin)
  return [
    // an earlier copy of the tree may have left it out
    open(copy, path, 'O_PATH', kept, origin, isDevice ? { errnos: ['ENOENT'], to: leftOut } : undefined),
    look(kept, origin),
    ...(isDevice ? [syscall('fstatfs', [kept, address(found.mount)], origin)] : []),
    close(kept, origin),
    ...(isDevice ? unlessAllowed(one, leftOut, origin) : []),
    make,
    syscall('fchownat', [to, path, UID, GID, AT.bits.AT_SYMLINK_NOFOLLOW], origin),
    ...(one.kind === 'node' ? [syscall('fchmodat', [to, path, one.mode & PERMISSIONS], origin)] : []),
    ...(one.kind === 'directory' ? [] : [touch(to, path, one, origin)]),
    ...(isDevice ? [leftOut] : []),
  ]
}

/** A node that its mount makes useless, or that is another one by now. */
function unlessAllowed({ mode, device = 0n }: Copied, leftOut: Label, origin: Origin): Op[] {
  const { major, minor } = decodeDevice(device)
  return [
    jump(leftOut, origin, forbids('ST_NODEV')),
    jump(leftOut, origin, field(found.file, statx, 'stx_mode', 'ne', BigInt(mode))),
    jump(leftOut, origin, deviceIs({ memory: found.file }, 'ne', major, minor)),
  ]
}

/** chown before chmod: it takes S_ISUID away. */
function copyFile(copy: Copy, one: Copied, origin: Origin): Op[] {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_CLOEXEC } = copy.context.open
  const path = operand(one.path)
  const [source, made, count] = [slot('original'), slot('copy'), slot('bytes copied')]
  const more = label('more')
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
  return [
    open(copy, path, 'O_NONBLOCK', source, origin), // should a pipe be there by now
    syscall('openat', [copy.to, path, flags, 0o600], origin, { result: made }),
    more,
    syscall('sendfile', [made, source, NULL, CHUNK], origin, { result: count }),
    jump(more, origin, { slot: count, mask: ALL_BITS, is: 'ne', value: 0n }),
    look(source, origin),
    syscall('fchown', [made, UID, GID], origin),
    syscall('fchmod', [made, one.mode & PERMISSIONS & ~SET_IDS], origin),
    ...((one.mode & SET_IDS) === 0 ? [] : copySetIds(source, made, origin)),
    close(made, origin),
    close(source, origin),
    touch(copy.to, path, one, origin),
  ]
}

/** The mode of now, which goes with the owner of now; fchmod looks at its low bits only. */
function copySetIds(source: Slot, made: Slot, origin: Origin): Op[] {
  const done = label('done')
  return [
    syscall('fstatfs', [source, address(found.mount)], origin),
    jump(done, origin, forbids('ST_NOSUID')),
    syscall('fchmod', [made, slotIn(found.file, statx.offset('stx_mode'))], origin),
    done,
  ]
}

function finishDirectory({ to }: Copy, one: Copied, where: string): Op[] {
  const origin: Origin = { pointer: where, intent: `finish the copy of ${JSON.stringify(shown(one.path))}` }
  const path = operand(one.path)
  return [syscall('fchmodat', [to, path, one.mode & PERMISSIONS], origin), touch(to, path, one, origin)]
}

const PERMISSIONS = 0o7777
const SET_IDS = Number(S.bits.S_ISUID | S.bits.S_ISGID)

/** Below the covered directory, on the mounts that are there, and never through a link. */
function open(
  { context, from }: Copy,
  path: Operand,
  how: 'O_PATH' | 'O_NONBLOCK',
  result: Slot,
  origin: Origin,
  on?: CallRest['on'],
): Op {
  const { O_NOFOLLOW, O_CLOEXEC } = context.open
  const { RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } = RESOLVE.bits
  const flags = context.open[how] | O_NOFOLLOW | O_CLOEXEC
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
  const text = `{flags=${how}|O_NOFOLLOW|O_CLOEXEC, resolve=RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS}`
  const way = openWay(context, `copy ${how}`, { flags, resolve }, text)
  return syscall('openat2', [from, path, way, openHow.size], origin, { result, again: true, on })
}

// the kernel looks at the low half of a word, as the ids are wide
const found = { file: cell('statx', statx.size), mount: cell('statfs', statfs.size) }
const UID = slotIn(found.file, statx.offset('stx_uid'))
const GID = slotIn(found.file, statx.offset('stx_gid'))
const LOOKED = STATX.bits.STATX_TYPE | STATX.bits.STATX_MODE | STATX.bits.STATX_UID | STATX.bits.STATX_GID

const forbids = (flag: 'ST_NODEV' | 'ST_NOSUID'): Condition => ({
  ...field(found.mount, statfs, 'f_flags', 'ne', 0n, { mask: ST.bits[flag] }),
  text: () => `f_flags has ${flag}`,
})

/** Ids as this user namespace sees them: on the host they have other numbers. */
const look = (fd: Slot, origin: Origin): Op =>
  syscall('statx', [fd, EMPTY, AT.bits.AT_EMPTY_PATH, LOOKED, address(found.file)], origin)

function touch(directory: Slot, path: Operand, { seconds, nanoseconds }: Copied, origin: Origin): Op {
  const parts = [timespec.encode({ tv_nsec: UTIME_OMIT }), timespec.encode({ tv_sec: seconds, tv_nsec: nanoseconds })]
  const times: DataOperand = {
    kind: 'data',
    parts,
    text: `[UTIME_OMIT, ${seconds}.${String(nanoseconds).padStart(9, '0')}]`,
  }
  return syscall('utimensat', [directory, path, times, AT.bits.AT_SYMLINK_NOFOLLOW], origin)
}

// ---- names ----

const shown = (name: string | Uint8Array): string => (typeof name === 'string' ? name : new TextDecoder().decode(name))

/** A name that is no UTF-8 is given as its bytes. */
function operand(name: string | Uint8Array): Operand {
  if (typeof name === 'string') return name
  const ended = new Uint8Array(name.length + 1)
  ended.set(name)
  return bytes(ended, JSON.stringify(shown(name)))
}
