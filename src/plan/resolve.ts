// Paths of the config to descriptors, without ever leaving the container's tree: every name is resolved by
// openat2(RESOLVE_IN_ROOT) below the root's descriptor, so that a symlink of the image means what it will mean inside.
// What is missing is made one component at a time, each under the descriptor of the one above.
import { ERRNO } from '../abi/errno.ts'
import { AT_FDCWD, type OpenFlag, openFlags, openHow, RESOLVE } from '../abi/fcntl.ts'
import { S } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import {
  fail,
  jump,
  type Label,
  label,
  type Op,
  type Operand,
  type Slot,
  set,
  slot,
  struct,
  syscall,
} from '../program/op.ts'
import { isJoined, type PlanContext } from './context.ts'

export const HERE = AT_FDCWD
export const EMPTY = ''

export interface Opened {
  readonly ops: Op[]
  /** Holds the descriptor, close-on-exec, once the ops have run. */
  readonly fd: Slot
}

interface OpenRest {
  /** Refuses symlinks anywhere in the path. */
  readonly noSymlinks?: boolean
  /** Where to go on when there is no such path; absent: an error. */
  readonly missing?: Label
  /** Where the descriptor goes; absent: a slot of its own. */
  readonly fd?: Slot
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
export const cleanPath = (containerPath: string): string => `/${components(containerPath).join('/')}`

/** The bits of flags of open(2) on the image's architecture. */
export function openBits(context: PlanContext, ...names: readonly OpenFlag[]): bigint {
  const { bits } = openFlags(context.facts.architecture)
  return names.reduce((word, name) => word | bits[name], 0n)
}

function how(context: PlanContext, flags: bigint, resolve: bigint): [Operand, Operand] {
  const word = flags | openBits(context, 'O_CLOEXEC')
  const text = `{flags=${openFlags(context.facts.architecture).format(word)}, resolve=${RESOLVE.format(resolve)}}`
  return [struct(openHow, { flags: word, resolve }, text), openHow.size]
}

function resolution(noSymlinks: boolean): bigint {
  const { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS } = RESOLVE.bits
  return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (noSymlinks ? RESOLVE_NO_SYMLINKS : 0n)
}

/** Opens a path of the container; flags as `openBits(context, 'O_PATH', …)`, O_CLOEXEC is added. */
export function openInRoot(
  context: PlanContext,
  containerPath: string,
  flags: bigint,
  origin: Origin,
  rest: OpenRest = {},
): Opened {
  const path = cleanPath(containerPath)
  const fd = rest.fd ?? slot(`fd of ${path}`)
  const args = [context.slots.root, path, ...how(context, flags, resolution(rest.noSymlinks === true))]
  if (rest.missing !== undefined) return { ops: openOrGoOn(args, origin, fd, rest.missing), fd }
  return { ops: patiently('openat2', args, origin, fd), fd }
}

/** EAGAIN: something was mounted or renamed somewhere on the host while ".." of a symlink was resolved. */
function patiently(name: 'openat2', args: readonly Operand[], origin: Origin, result: Slot): Op[] {
  const again = label('again')
  return [again, syscall(name, args, origin, { result, on: { errnos: ['EAGAIN'], to: again } })]
}

/** The same for a path that may be missing: an op has one way to go on for all errors, so this one tries just twice. */
function openOrGoOn(args: readonly Operand[], origin: Origin, result: Slot, missing: Label): Op[] {
  const again = label('again')
  const opened = label('opened')
  return [
    syscall('openat2', args, origin, { result, on: { errnos: ['EAGAIN', 'ENOENT', 'ENOTDIR'], to: again } }),
    jump(opened, origin),
    again,
    syscall('openat2', args, origin, { result, on: { errnos: ['ENOENT', 'ENOTDIR'], to: missing } }),
    opened,
  ]
}

export interface TargetRest {
  /** Refuses symlinks in the path with this text (the intent of a failure). */
  readonly ordinary?: string
  /** Becomes 1 when the directory was not there. */
  readonly made?: Slot
  /** The path to make when it is missing: another name of the same place. Absent: the path itself. */
  readonly madeAs?: string
}

/** A directory or file to mount on: opened O_PATH, made where it is missing (0755, 0644). */
export function ensureTarget(
  context: PlanContext,
  containerPath: string,
  kind: 'directory' | 'file',
  origin: Origin,
  rest: TargetRest = {},
): Opened {
  const path = cleanPath(containerPath)
  const fd = slot(`fd of ${path}`)
  const missing = label('missing')
  const found = label('found')
  const flags = targetFlags(context, kind)
  const noSymlinks = rest.ordinary !== undefined
  const open = syscall('openat2', [context.slots.root, path, ...how(context, flags, resolution(noSymlinks))], origin, {
    result: fd,
    on: { errnos: noSymlinks ? ['ENOENT', 'ELOOP', 'ENOTDIR'] : ['ENOENT', 'EAGAIN'], to: missing },
  })
  const ops = [
    open,
    jump(found, origin),
    missing,
    ...makeTarget(context, cleanPath(rest.madeAs ?? path), kind, fd, origin, rest),
    found,
  ]
  return { ops, fd }
}

const targetFlags = (context: PlanContext, kind: 'directory' | 'file'): bigint =>
  kind === 'directory' ? openBits(context, 'O_PATH', 'O_DIRECTORY') : openBits(context, 'O_PATH')

/** One component after the other; mkdirat answers EEXIST for what is there, whatever it may be: the open decides. */
function makeTarget(
  context: PlanContext,
  path: string,
  kind: 'directory' | 'file',
  fd: Slot,
  origin: Origin,
  rest: TargetRest,
): Op[] {
  const parts = components(path)
  const refused = label('refused')
  const resolve = resolution(rest.ordinary !== undefined)
  const ops: Op[] = []
  let above = context.slots.root
  parts.forEach((name, index) => {
    const prefix = `/${parts.slice(0, index + 1).join('/')}`
    const last = index === parts.length - 1
    const what = last ? kind : 'directory'
    const here = last ? fd : slot(`fd of ${prefix}`)
    const args = [context.slots.root, prefix, ...how(context, targetFlags(context, what), resolve)]
    ops.push(...makeOne(above, name, what, origin, last ? rest.made : undefined))
    if (rest.ordinary === undefined) ops.push(...patiently('openat2', args, origin, here))
    else ops.push(syscall('openat2', args, origin, { result: here, on: { errnos: ['ELOOP', 'ENOTDIR'], to: refused } }))
    if (index > 0) ops.push(syscall('close', [above], origin))
    above = here
  })
  if (rest.ordinary === undefined) return ops
  const done = label('done')
  const why = { ...origin, intent: rest.ordinary }
  return [...ops, jump(done, origin), refused, fail(ERRNO.ELOOP[0], why), done]
}

function makeOne(above: Slot, name: string, kind: 'directory' | 'file', origin: Origin, made: Slot | undefined): Op[] {
  const exists = label('exists')
  const on = { errnos: ['EEXIST'], ...(made && { to: exists }) } as const
  const op =
    kind === 'directory'
      ? syscall('mkdirat', [above, name, 0o755], origin, { on })
      : syscall('mknodat', [above, name, S.bits.S_IFREG | 0o644n, 0], origin, { on })
  return made === undefined ? [op] : [op, set(made, 1, origin), exists]
}

/** Moves a descriptor to a number of context.numbers, so that its path below /proc/self/fd is a constant. */
export function atFixed(context: PlanContext, fd: Slot, number: number, origin: Origin): Op[] {
  const flags = openBits(context, 'O_CLOEXEC')
  return [syscall('dup3', [fd, number, flags], origin), syscall('close', [fd], origin)]
}

/**
 * The path of a number of context.numbers. In a joined mount namespace /proc may be anything, also nothing: there the
 * working directory is the host's procfs (planAttachRootfs).
 */
export const fixedPath = (context: PlanContext, number: number): string =>
  isJoined(context, 'mount') ? `self/fd/${number}` : `/proc/self/fd/${number}`
