// Single settings of the program's process: score of the out-of-memory killer, working directory, umask,
// no_new_privs, execution domain, and which descriptors it keeps.
import { CLOSE_RANGE } from '../abi/fcntl.ts'
import { PER, PR } from '../abi/prctl.ts'
import type { Origin } from '../errors.ts'
import {
  address,
  type Condition,
  cell,
  fail,
  jump,
  label,
  type Op,
  type Slot,
  set,
  slotIn,
  syscall,
} from '../program/op.ts'
import { ALL_BITS, type PlanContext, slotNamed } from './context.ts'
import { asOwner } from './ids.ts'
import { close } from './mount-calls.ts'
import { writeProc } from './proc-file.ts'
import { cleanPath, ensureTarget } from './resolve.ts'

/** Left alone when the config does not name it. */
export function planOomScore(context: PlanContext): Op[] {
  const { oomScoreAdj } = context.spec.process
  if (oomScoreAdj === undefined) return []
  const origin = { pointer: '/process/oomScoreAdj', intent: `set oom_score_adj to ${oomScoreAdj}` }
  return [...asOwner(context, origin, writeProc(context, 'self/oom_score_adj', String(oomScoreAdj), origin))]
}

/** 1 as soon as the working directory has been entered. */
const enteredSlot = (context: PlanContext): Slot => slotNamed(context, 'working directory entered')
const PATH_MAX = 4096
const SLASH = 0x2fn

const cwdOrigin = (context: PlanContext): Origin => ({
  pointer: '/process/cwd',
  intent: `enter the working directory ${JSON.stringify(context.spec.process.cwd)}`,
})

/**
 * Made when it is missing, as under runc: Kubernetes counts on it. Not in /proc: a path through its links could end
 * outside of the root, and nothing can be made there anyway.
 */
export function planMakeWorkingDirectory(context: PlanContext): Op[] {
  const path = cleanPath(context.spec.process.cwd)
  if (path === '/' || path === '/proc' || path.startsWith('/proc/')) return []
  const origin = { pointer: '/process/cwd', intent: `make the working directory ${JSON.stringify(path)}` }
  const { ops, fd } = ensureTarget(context, path, 'directory', origin)
  return [...ops, close(fd, origin)]
}

/** As root: its parents may be closed to the user. Where root may not go (NFS, FUSE) the user tries again. */
export function planWorkingDirectory(context: PlanContext): Op[] {
  const origin = cwdOrigin(context)
  const later = label('the user tries the working directory')
  return [
    syscall('chdir', [context.spec.process.cwd], origin, { on: { errnos: ['EACCES', 'EPERM'], to: later } }),
    set(enteredSlot(context), 1, origin),
    later,
  ]
}

/**
 * As the user, where root could not; then the check that no leaked descriptor has served as a way out
 * (CVE-2024-21626): the kernel says "(unreachable)…" of a directory that is not below our root.
 */
export function planUserWorkingDirectory(context: PlanContext): Op[] {
  const origin = cwdOrigin(context)
  const breakout = {
    pointer: '/process/cwd',
    intent:
      'current working directory is outside of container mount namespace root -- possible container breakout detected',
  }
  const path = cell('working directory', PATH_MAX)
  const inside = label('in the working directory')
  const outside: Condition = {
    slot: slotIn(path),
    mask: 0xffn,
    is: 'ne',
    value: SLASH,
    text: 'it does not begin with "/"',
  }
  return [
    jump(inside, origin, { slot: enteredSlot(context), mask: ALL_BITS, is: 'eq', value: 1n }),
    syscall('chdir', [context.spec.process.cwd], origin),
    inside,
    syscall('getcwd', [address(path), PATH_MAX], origin, { on: { errnos: ['ENOENT'] } }), // then the path stays empty
    fail(0, breakout, outside),
  ]
}

/** runc's default when the config does not name one. */
const DEFAULT_UMASK = 0o022

export function planUmask(context: PlanContext): Op[] {
  const { umask } = context.spec.process.user
  const origin: Origin =
    umask === undefined
      ? { intent: 'set the usual umask' }
      : { pointer: '/process/user/umask', intent: 'set the umask' }
  return [syscall('umask', [umask ?? DEFAULT_UMASK], origin)]
}

export function planNoNewPrivileges(context: PlanContext): Op[] {
  if (context.spec.process.noNewPrivileges !== true) return []
  const origin = { pointer: '/process/noNewPrivileges', intent: 'forbid new privileges' }
  return [syscall('prctl', [PR.values.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0], origin)]
}

const DOMAINS = { LINUX: 'PER_LINUX', LINUX32: 'PER_LINUX32' } as const

/** The domain alone: the flags of personality(2) make address spaces easier to guess, and the spec allows none. */
export function planPersonality(context: PlanContext): Op[] {
  const domain = context.spec.linux?.personality?.domain
  if (domain === undefined) return []
  const origin = { pointer: '/linux/personality/domain', intent: `set the execution domain ${domain}` }
  return [syscall('personality', [PER.values[DOMAINS[domain]]], origin)]
}

const LAST_DESCRIPTOR = 0xffff_ffffn

/** Everything above the preserved descriptors is closed by execve, not now: init still needs some of them. */
export const planCloseDescriptors = (context: PlanContext): Op[] => [
  closeOnExec(3 + context.options.preservedFds, { intent: 'keep our descriptors from the program' }),
]

export const closeOnExec = (first: number, origin: Origin): Op =>
  syscall('close_range', [first, LAST_DESCRIPTOR, CLOSE_RANGE.bits.CLOSE_RANGE_CLOEXEC], origin)
