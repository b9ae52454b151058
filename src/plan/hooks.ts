// Hooks. Those of the runtime's namespaces are run by the host while init waits; createContainer and startContainer
// hooks are children of init. Each gets the state document on stdin, and writes to the file kept for hooks' output.
// A hook that cannot be executed reports by itself, as any op that fails; one that ends badly or too late is reported
// with a status as in program/hook-status.ts. See config.md#posix-platform-hooks, pidfd_open(2), waitid(2).
import { SEEK } from '../abi/fcntl.ts'
import { CLONE } from '../abi/sched.ts'
import { SIG } from '../abi/signal.ts'
import { CLD, P, POLL, pollfd, siginfo, timespec, WAIT } from '../abi/wait.ts'
import type { Origin } from '../errors.ts'
import { HOOK_STATUS, HOOK_STATUS_KIND_OFFSET, hookStatus } from '../program/hook-status.ts'
import {
  address,
  type Cell,
  cell,
  type DataOperand,
  fail,
  jump,
  label,
  NULL,
  type Op,
  pointers,
  type Slot,
  set,
  slot,
  slotIn,
  syscall,
} from '../program/op.ts'
import type { Hook } from '../spec/gen/types.ts'
import { ALL_BITS, type PlanContext, pointer, say, waitForGo } from './context.ts'
import { environmentOperand } from './environment.ts'
import { field } from './memory.ts'
import { closeOnExec } from './process.ts'
import { filterOf } from './seccomp.ts'

/** Also for the hooks in the container alone: only at the host's GO does their state document hold the pid of init. */
export function planHostHooks(context: PlanContext): Op[] {
  const { prestart = [], createRuntime = [], createContainer = [] } = context.spec.hooks ?? {}
  if (prestart.length + createRuntime.length + createContainer.length === 0) return []
  const origin = { pointer: '/hooks', intent: 'let the host run its hooks' }
  return [...say(context, 'HOOKS', 0n, origin), ...waitForGo(context, origin)]
}

/**
 * In the container's namespaces, but with the host's files in view: its working directory is the container's root,
 * the umask is the caller's.
 */
export const planCreateContainerHooks = (context: PlanContext): Op[] =>
  (context.spec.hooks?.createContainer ?? []).flatMap((hook, index) => {
    const origin = hookOrigin('createContainer', index)
    const before = [syscall('fchdir', [context.slots.root], origin), syscall('umask', [context.slots.umask], origin)]
    const state = context.facts.descriptors.hookState
    return planHook(context, { hook, state, env: pointers(hook.env ?? []), before, origin })
  })

/** In the container, as its user; without an environment of its own it gets the program's. */
export const planStartContainerHooks = (context: PlanContext): Op[] =>
  (context.spec.hooks?.startContainer ?? []).flatMap((hook, index) =>
    planHook(context, {
      hook,
      state: context.facts.descriptors.startHookState,
      env: hook.env === undefined ? environmentOperand(context) : pointers(hook.env),
      before: [],
      filtered: true, // it may come from the image
      origin: hookOrigin('startContainer', index),
    }),
  )

const hookOrigin = (kind: string, index: number): Origin => ({
  pointer: pointer('hooks', kind, index),
  intent: `error running ${kind} hook #${index}`,
})

interface HookPlan {
  readonly hook: Hook
  /** The descriptor of its state document. */
  readonly state: number
  readonly env: DataOperand
  /** What the child does first. */
  readonly before: readonly Op[]
  /** Under the seccomp filter of the container. */
  readonly filtered?: boolean
  readonly origin: Origin
}

/** Flags of clone(2). */
export const HOOK_CLONE = CLONE.bits.CLONE_PIDFD | BigInt(SIG.SIGCHLD)

function planHook(context: PlanContext, plan: HookPlan): Op[] {
  const { hook, state, origin } = plan
  const child = slot('pid of the hook')
  const pidfd = slot('pidfd of the hook')
  const parent = label('init waits for the hook')
  const args = [HOOK_CLONE, NULL, address(pidfd.cell), NULL, NULL]
  return [
    syscall('lseek', [state, 0, SEEK.values.SEEK_SET], origin),
    syscall('clone', args, origin, { result: child }),
    jump(parent, origin, { slot: child, mask: ALL_BITS, is: 'ne', value: 0n }),
    ...becomeHook(context, plan),
    parent,
    ...waitForHook(hook, pidfd, origin),
  ]
}

function becomeHook(context: PlanContext, { hook, state, env, before, filtered = false, origin }: HookPlan): Op[] {
  const { hookOutput } = context.facts.descriptors
  const filter = filtered ? filterOf(context) : undefined
  const argv = hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args
  return [
    ...before,
    syscall('dup3', [state, 0, 0], origin),
    syscall('dup3', [hookOutput, 1, 0], origin),
    syscall('dup3', [hookOutput, 2, 0], origin),
    closeOnExec(3, origin), // the descriptors to be preserved are for the program alone
    ...(filter?.late ?? []),
    syscall('execve', [hook.path, pointers(argv), env], origin),
    ...(filter?.afterExec ?? []),
  ]
}

function waitForHook(hook: Hook, pidfd: Slot, origin: Origin): Op[] {
  const info = cell('siginfo', siginfo.size)
  const wait = (): Op => {
    const args = [P.values.P_PIDFD, pidfd, address(info), WAIT.bits.WEXITED, NULL]
    return syscall('waitid', args, origin)
  }
  const late = hook.timeout === undefined ? [] : killWhenLate(hook.timeout, pidfd, wait, origin)
  return [...late, wait(), syscall('close', [pidfd], origin), ...judge(info, origin)]
}

function killWhenLate(seconds: number, pidfd: Slot, wait: () => Op, origin: Origin): Op[] {
  const polled = cell('pollfd', 2 * pollfd.size) // room for the store of a whole word at `events`
  const time = cell('timeout', timespec.size, [timespec.encode({ tv_sec: seconds })])
  const ready = slot('ended hooks')
  const intime = label('the hook has ended')
  return [
    set(slotIn(polled), pidfd, origin),
    set(slotIn(polled, pollfd.offset('events')), POLL.bits.POLLIN, origin),
    syscall('ppoll', [address(polled), 1, address(time), NULL, 0], origin, { result: ready }),
    jump(intime, origin, { slot: ready, mask: ALL_BITS, is: 'ne', value: 0n }),
    syscall('pidfd_send_signal', [pidfd, SIG.SIGKILL, NULL, 0], origin),
    wait(),
    fail(hookStatus('TIMEOUT'), origin),
    intime,
  ]
}

/** Anything but exit status 0 ends the program; the kind of end is stored behind the one byte of status or signal. */
function judge(info: Cell, origin: Origin): Op[] {
  const status = siginfo.offset('status')
  const bad = label('the hook has failed')
  const signalled = label('a signal has ended the hook')
  const good = label('the hook has succeeded')
  const kind = slotIn(info, status + HOOK_STATUS_KIND_OFFSET)
  return [
    jump(signalled, origin, field(info, siginfo, 'code', 'ne', CLD.values.CLD_EXITED, { named: 'CLD_EXITED' })),
    jump(good, origin, field(info, siginfo, 'status', 'eq', 0n)),
    set(kind, HOOK_STATUS.values.EXITED, origin),
    jump(bad, origin),
    signalled,
    set(kind, HOOK_STATUS.values.KILLED, origin),
    bad,
    fail(slotIn(info, status), origin),
    good,
  ]
}
