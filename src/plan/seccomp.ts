// Where the filter of /linux/seccomp comes into the program of init. A filter that a listener hears of has to be there
// when create returns, which hands its descriptor over: it is loaded before READY. Any other may be loaded by each
// program of the container for itself, right before execve: then that is the only call of ours which it can get in the
// way of. Without no_new_privs to load a filter takes CAP_SYS_ADMIN (capabilities.ts), which nobody should have while
// init waits for `start`: there a filter that lets all of init's calls through is loaded before READY, too.
// What the ops are is known to seccomp/filter.ts alone, which is loaded for configs that ask for it.
import type { Filter, PlanContext, Stage } from './context.ts'

/** The filter of the container, planned once; undefined without one. */
export function filterOf(context: PlanContext): Filter | undefined {
  if (context.spec.linux?.seccomp === undefined) return undefined
  const { filter } = context.options
  if (filter === undefined) throw new Error('a plan of a config with seccomp needs its filter')
  context.filter ??= filter(context)
  return context.filter
}

/** Before READY: a filter with a listener, or one that is in nobody's way. */
export const planListener: Stage = context => filterOf(context)?.early ?? []
