// Paths of the config to descriptors, without ever leaving the container's tree: every name is resolved by
// openat2(RESOLVE_IN_ROOT) below the root's descriptor, so that a symlink of the image means what it will mean inside.
// What is missing is made one component at a time, each under the descriptor of the one above.
import { ERRNO } from '../abi/errno.ts'
import { AT_FDCWD, openFlags, openHow, RESOLVE } from '../abi/fcntl.ts'
import { S } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import {
  type DataOperand,
  fail,
  jump,
  type Label,
  label,
  type OnErrno,
  type Op,
  type Operand,
  type Slot,
  set,
  slot,
  struct,
  syscall,
  type Text,
} from '../program/op.ts'
import type { PlanContext } from './context.ts'

export const HERE = AT_FDCWD
export const EMPTY = ''

export interface Opened {
  readonly ops: Op[]
  /** Holds the descriptor, close-on-exec, once the ops have run. */
  readonly fd: Slot
}

/** Collapses `.`, `..` and doubled slashes; a relative path means one under /. "/a//b/../c/" → ["a", "c"]. */
export function components(containerPath: string): string[] {
  const parts: string[] = []
  for (const part of containerPath.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

/** The path as the container will see it, absolute and without "..". */
export const cleanPath = (containerPath: string): string =>
  isClean(containerPath) ? containerPath : `/${components(containerPath).join('/')}`

/** Most are; a name that begins with a dot is looked at more closely. */
const isClean = (path: string): boolean =>
  path.startsWith('/') && !path.includes('/.') && !path.includes('//') && !path.endsWith('/')

/** Flags of open(2) for a directory of the host that is only walked through. */
export const directoryFlags = ({ open: { O_PATH, O_DIRECTORY, O_CLOEXEC } }: PlanContext): bigint =>
  O_PATH | O_DIRECTORY | O_CLOEXEC

/** What is opened, always O_PATH: a directory, anything, or anything but a link's end. */
export type Wanted = 'directory' | 'anything' | 'itself'

/**
 * How names are resolved. `inside`: a link means what it means in the container. `ordinary`: the same, and a link is an
 * error. `child`: names below a directory that is known, no links and no way up.
 */
type Resolution = 'inside' | 'ordinary' | 'child'

const { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH } = RESOLVE.bits
const RESOLUTION: Readonly<Record<Resolution, bigint>> = {
  inside: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  ordinary: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
  child: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
}

function way(context: PlanContext, wanted: Wanted, resolution: Resolution): DataOperand {
  const name = `${wanted} ${resolution}`
  return context.ways.get(name) ?? newWay(context, name, wanted, resolution)
}

function newWay(context: PlanContext, name: string, wanted: Wanted, resolution: Resolution): DataOperand {
  const { O_PATH, O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC } = context.open
  const kind = wanted === 'directory' ? O_DIRECTORY : wanted === 'itself' ? O_NOFOLLOW : 0n
  const flags = O_PATH | O_CLOEXEC | kind
  const resolve = RESOLUTION[resolution]
  const text = (): string =>
    `{flags=${openFlags(context.facts.architecture).format(flags)}, resolve=${RESOLVE.format(resolve)}}`
  return openWay(context, name, { flags, resolve }, text)
}

/** struct open_how, made once a plan: a name stands for one set of flags. */
export function openWay(
  { ways }: PlanContext,
  name: string,
  how: { readonly flags: bigint; readonly resolve: bigint },
  text: Text,
): DataOperand {
  const known = ways.get(name)
  if (known !== undefined) return known
  const made = struct(openHow, how, text)
  ways.set(name, made)
  return made
}

const openArguments = (
  context: PlanContext,
  path: string,
  wanted: Wanted,
  resolution: Resolution,
  from = context.slots.root,
): Operand[] => [from, path, way(context, wanted, resolution), openHow.size]

interface OpenRest {
  /** Where to go on when there is no such path; absent: an error. */
  readonly missing?: Label
  /** Where the descriptor goes; absent: a slot of its own. */
  readonly fd?: Slot
}

/** Opens a path of the container. EAGAIN: something was renamed on the host while ".." of a symlink was resolved. */
export function openInRoot(
  context: PlanContext,
  containerPath: string,
  wanted: Wanted,
  origin: Origin,
  { missing, fd: given }: OpenRest = {},
): Opened {
  const path = cleanPath(containerPath)
  const fd = given ?? slot(`fd of ${path}`)
  const on = missing && ({ errnos: ['ENOENT', 'ENOTDIR'], to: missing } as const)
  const args = openArguments(context, path, wanted, 'inside')
  return { ops: [syscall('openat2', args, origin, { result: fd, on, again: true })], fd }
}

export type TargetKind = 'directory' | 'file'

export interface TargetRest {
  /** Refuses symlinks in the path with this text (the intent of a failure). */
  readonly ordinary?: string
  /** Becomes 1 when the directory was not there. */
  readonly made?: Slot
  /** A link at the end of the path is itself what is covered. */
  readonly nofollow?: boolean
  /** The path to make when it is missing: another name of the same place. Absent: the path itself. */
  readonly madeAs?: string
}

/** A directory or file to mount on: opened O_PATH, made where it is missing (0755, 0644). */
export function ensureTarget(
  context: PlanContext,
  containerPath: string,
  kind: TargetKind,
  origin: Origin,
  rest: TargetRest = {},
): Opened {
  const path = cleanPath(containerPath)
  const fd = slot(`fd of ${path}`)
  const found = label('found')
  const isOrdinary = rest.ordinary !== undefined
  const wanted = rest.nofollow ? 'itself' : wantedOf(kind)
  const args = openArguments(context, path, wanted, isOrdinary ? 'ordinary' : 'inside')
  const on = isOrdinary ? MISSING_OR_NOT_ORDINARY : MISSING
  const parts = components(rest.madeAs ?? path)
  const ops = [
    syscall('openat2', args, origin, { result: fd, on, success: found, again: true }),
    ...(isOrdinary
      ? makeOrdinary(context, parts, kind, fd, origin, rest, found)
      : makeTarget(context, parts, kind, fd, origin, rest)),
    found,
  ]
  return { ops, fd }
}

const wantedOf = (kind: TargetKind): Wanted => (kind === 'directory' ? 'directory' : 'anything')

const MISSING: OnErrno = { errnos: ['ENOENT'] }
const MISSING_OR_NOT_ORDINARY: OnErrno = { errnos: ['ENOENT', 'ELOOP', 'ENOTDIR'] }

/** One component after the other; mkdirat answers EEXIST for what is there, whatever it may be: the open decides. */
function makeTarget(
  context: PlanContext,
  parts: readonly string[],
  kind: TargetKind,
  fd: Slot,
  origin: Origin,
  { made, nofollow }: TargetRest,
  refused?: Label,
): Op[] {
  const on = refused && ({ errnos: ['ELOOP', 'ENOTDIR'], to: refused } as const)
  const resolution = refused === undefined ? 'inside' : 'ordinary'
  const ops: Op[] = []
  let above = context.slots.root
  let prefix = ''
  for (const [index, name] of parts.entries()) {
    prefix += `/${name}`
    const last = index === parts.length - 1
    const what = last ? kind : 'directory'
    const here = last ? fd : slot(`fd of ${prefix}`)
    const args = openArguments(context, prefix, last && nofollow ? 'itself' : wantedOf(what), resolution)
    ops.push(...makeOne(above, name, what, origin, last ? made : undefined))
    ops.push(syscall('openat2', args, origin, { result: here, on, again: true }))
    if (index > 0) ops.push(syscall('close', [above], origin))
    above = here
  }
  return ops
}

/** The same without following a link; what cannot be opened so ends the program with the sentence. */
function makeOrdinary(
  context: PlanContext,
  parts: readonly string[],
  kind: TargetKind,
  fd: Slot,
  origin: Origin,
  rest: TargetRest,
  found: Label,
): Op[] {
  const refused = label('refused')
  const why = { ...origin, intent: rest.ordinary ?? origin.intent }
  return [
    ...makeTarget(context, parts, kind, fd, origin, rest, refused),
    jump(found, origin),
    refused,
    fail(ERRNO.ELOOP[0], why),
  ]
}

function makeOne(above: Slot, name: string, kind: TargetKind, origin: Origin, made?: Slot): Op[] {
  const exists = label('exists')
  const on = { errnos: ['EEXIST'], ...(made && { to: exists }) } as const
  const op =
    kind === 'directory'
      ? syscall('mkdirat', [above, name, 0o755], origin, { on })
      : syscall('mknodat', [above, name, S.bits.S_IFREG | 0o644n, 0], origin, { on })
  return made === undefined ? [op] : [op, set(made, 1, origin), exists]
}

/**
 * A target right below a directory of ours in which nothing of that name has been: made, and opened by its name alone.
 */
export function makeChild(
  context: PlanContext,
  directory: Slot,
  path: string,
  kind: TargetKind,
  origin: Origin,
): Opened {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const fd = slot(`fd of ${path}`)
  const args = openArguments(context, name, wantedOf(kind), 'child', directory)
  return { ops: [...makeOne(directory, name, kind, origin), syscall('openat2', args, origin, { result: fd })], fd }
}

/** Moves a descriptor to a number of context.numbers, so that its path below /proc/self/fd is a constant. */
export const atFixed = (context: PlanContext, fd: Slot, number: number, origin: Origin): Op[] => [
  syscall('dup3', [fd, number, context.open.O_CLOEXEC], origin),
  syscall('close', [fd], origin),
]
