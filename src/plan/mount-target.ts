// The place that an entry of /mounts covers. A container that can cover files of procfs can lie to the runtime about
// labels and limits (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561): such a place is refused by name where the config
// says it, and by file system when it is open, since a symlink of the image can lead any name to /proc.
import { ERRNO } from '../abi/errno.ts'
import { openHow, RESOLVE } from '../abi/fcntl.ts'
import { FSMAGIC } from '../abi/magic.ts'
import { type Origin, UnsupportedError } from '../errors.ts'
import { address, cell, fail, type Op, type Slot, slot, slotIn, syscall } from '../program/op.ts'
import { ALL_BITS, type Entry, type Mounted, type PlanContext } from './context.ts'
import { close } from './mount-calls.ts'
import { isAbsent, mountedAbove, opening } from './mounted.ts'
import { ensureTarget, makeChild, type Opened, openInRoot, openWay, type TargetKind } from './resolve.ts'

/** Files that tools such as lxcfs cover with the container's own numbers. */
const COVERABLE = [
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/loadavg',
  '/proc/meminfo',
  '/proc/net/dev',
  '/proc/slabinfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/sys/crypto/fips_enabled',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/uptime',
]

/** The types that give power over the kernel: on an ordinary directory only, reached without a symlink. */
const ORDINARY = ['proc', 'sysfs']

export interface Target extends Opened {
  /** There was nothing at that place. */
  readonly isNew?: boolean
}

export function mountTarget(context: PlanContext, entry: Entry, kind: TargetKind, made?: Slot): Target {
  const { path, origin, mount, where } = entry
  const mayBeProc = path === '/proc' || mayCoverProc(entry)
  if (isAbsent(context, path)) return childTarget(context, path, kind, origin)
  const type = mount.type ?? ''
  const nofollow = entry.options.extras.includes('dest-nofollow')
  const madeAs = nofollow ? undefined : context.facts.targets?.get(where)
  if (madeAs === '/') throw coversRoot(entry)
  const ordinary = `filesystem ${JSON.stringify(type)} must be mounted on ordinary directory`
  const rest = { ...(ORDINARY.includes(type) ? { ordinary } : madeAs && { madeAs }), ...(made && { made }), nofollow }
  const isKernels = madeAs === undefined && !nofollow && mountedAbove(context, path)?.holds === 'kernel'
  const target = isKernels
    ? openInRoot(context, path, kind === 'directory' ? kind : 'anything', origin)
    : ensureTarget(context, path, kind, origin, rest)
  if (mayBeProc) return target
  return { ops: [...target.ops, ...notOnProc(target.fd, path, origin)], fd: target.fd }
}

/** Whoever joins the container later would get the mount for a root, and its own processes another one. */
const coversRoot = ({ mount, where }: Entry): UnsupportedError =>
  new UnsupportedError(`cannot mount on "/", where ${JSON.stringify(mount.destination)} of the image leads`, {
    where: `${where}/destination`,
  })

/**
 * The same for links that the image's own cannot tell of: those of a volume, or of a tree that a tmpfs has copied. On
 * the way up from the root the kernel enters what is mounted on it.
 */
export function rootUncovered(context: PlanContext, { mount, where }: Entry): Op[] {
  const { O_PATH, O_CLOEXEC } = context.open
  const { RESOLVE_IN_ROOT, RESOLVE_NO_XDEV } = RESOLVE.bits
  const text = '{flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_XDEV}'
  const flags = { flags: O_PATH | O_CLOEXEC, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_XDEV }
  const how = openWay(context, 'root uncovered', flags, text)
  const intent = `cannot mount on "/", where ${JSON.stringify(mount.destination)} leads`
  const origin: Origin = { pointer: `${where}/destination`, intent }
  const root = slot('root as it is seen')
  return [
    syscall('openat2', [context.slots.root, '..', how, openHow.size], origin, { result: root, again: true }),
    close(root, origin),
  ]
}

/** Whether a link that is not known may have led the mount anywhere. */
export function isLedByUnknown(context: PlanContext, { path, where }: Entry): boolean {
  const { links } = context.facts
  if (links !== undefined && links.size > 0) return !links.has(where)
  return mountedAbove(context, path)?.holds === 'anything'
}

/** A directory whose file system has been looked at is enough for all that is made right below. */
function childTarget(context: PlanContext, path: string, kind: TargetKind, origin: Origin): Target {
  const above = mountedAbove(context, path) as Mounted // seen by isAbsent
  const opened = above.directory === undefined ? openDirectory(context, above) : []
  const child = makeChild(context, above.directory as Slot, path, kind, origin)
  return { ops: [...opened, ...child.ops], fd: child.fd, isNew: true }
}

function openDirectory(context: PlanContext, above: Mounted): Op[] {
  const origin = opening(above.path)
  const { ops, fd } = openInRoot(context, above.path, 'directory', origin)
  above.directory = fd
  return [...ops, ...notOnProc(fd, above.path, origin)]
}

export const notOnProc = (fd: Slot, path: string, origin: Origin): Op[] =>
  checkProc(fd, 'eq', origin, `${JSON.stringify(path)} cannot be mounted because it leads into /proc`)

/** A bind on /proc must itself be a procfs. */
export const mustBeProc = (source: Slot, origin: Origin): Op[] =>
  checkProc(source, 'ne', origin, '"/proc" cannot be mounted because it is not of type proc')

/** Throws for a path below /proc that may never be covered. */
export function mayCoverProc({ path, where }: Entry): boolean {
  if (!path.startsWith('/proc/')) return false
  if (COVERABLE.includes(path)) return true
  throw new UnsupportedError(`${JSON.stringify(path)} cannot be mounted because it is inside /proc`, {
    where: `${where}/destination`,
    hint: `allowed below /proc: ${COVERABLE.map(name => name.slice('/proc/'.length)).join(', ')}`,
  })
}

const statfsSize = 120 // struct statfs; its first word is f_type
const statfs = cell('statfs', statfsSize)

function checkProc(fd: Slot, refused: 'eq' | 'ne', origin: Origin, refusal: string): Op[] {
  const text = `f_type ${refused === 'eq' ? '==' : '!='} PROC_SUPER_MAGIC`
  const value = FSMAGIC.values.PROC_SUPER_MAGIC
  return [
    syscall('fstatfs', [fd, address(statfs)], origin),
    fail(
      ERRNO.EPERM[0],
      { ...origin, intent: refusal },
      { slot: slotIn(statfs), mask: ALL_BITS, is: refused, value, text },
    ),
  ]
}
