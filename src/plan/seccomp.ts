// Where the filter of /linux/seccomp comes into the program of init. A filter that a listener hears of has to be there
// when create returns, which hands its descriptor over: it is loaded before READY. Any other is loaded by each program
// of the container for itself, right before execve: then that is the only call of ours which it can get in the way of.
// Without no_new_privs to load a filter takes CAP_SYS_ADMIN, which is therefore kept until then (capabilities.ts).
// What the ops are is known to seccomp/filter.ts alone, which is loaded for configs that ask for it.
import type { Origin } from '../errors.ts'
import { fail, type Op } from '../program/op.ts'
import type { PlanContext, Stage } from './context.ts'
import type { Filter } from './seccomp/filter.ts'

function filterOf(context: PlanContext): Filter | undefined {
  if (context.spec.linux?.seccomp === undefined) return undefined
  const { filter } = context.options
  if (filter === undefined) throw new Error('a plan of a config with seccomp needs its filter')
  context.filter ??= filter(context)
  return context.filter
}

/** Before READY; nothing without a listener. */
export const planListener: Stage = context => filterOf(context)?.early ?? []

/** The last thing before an execve of the container's own programs. */
export const loadFilter = (context: PlanContext): readonly Op[] => filterOf(context)?.late ?? []

const FAKED: Origin = {
  pointer: '/linux/seccomp',
  intent: 'execve was answered by the seccomp filter, or by its listener, as if it had succeeded: nothing is executed',
}

/** A filter can answer a call with 0 without making it: behind execve nothing of ours may follow. */
export const afterExec = ({ spec }: PlanContext): Op[] => (spec.linux?.seccomp === undefined ? [] : [fail(0, FAKED)])

/** The filter is in force all the time from planListener on. */
export const isLoadedEarly = (context: PlanContext): boolean => (filterOf(context)?.early.length ?? 0) > 0

/** Throws when the filter forbids what the program does behind it. */
export const checkFilter = (context: PlanContext, ops: readonly Op[]): void => context.filter?.check(ops)

/** Whether CAP_SYS_ADMIN is needed until the program is executed. */
export const keepsAdmin = ({ spec }: PlanContext): boolean =>
  spec.linux?.seccomp !== undefined && spec.process.noNewPrivileges !== true
