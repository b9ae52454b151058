// Rules of `process` and `hooks` that the schema cannot say. Some texts are those of runc, since callers know them.
import type { Check } from './checks.ts'
import { each, unless } from './draft.ts'
import type { Hooks } from './gen/types.ts'

export const cwdAbsolute: Check = ({ process }) => {
  const cwd = process?.cwd
  if (cwd === undefined) return []
  if (cwd === '') return unless(false, '/process/cwd', 'Cwd property must not be empty')
  return unless(cwd.startsWith('/'), '/process/cwd', `Cwd must be an absolute path; found ${JSON.stringify(cwd)}`)
}

export const argsNameProgram: Check = ({ process }) =>
  unless(process?.args?.[0] !== '', '/process/args/0', 'the name of the program must not be empty')

export const envAssigns: Check = ({ process }) =>
  [...each(process?.env, 'process', 'env')].flatMap(([entry, place]) => assigns(entry, place))

const assigns = (entry: string, place: string) =>
  unless(entry.includes('='), place, `must have the form NAME=value; found ${JSON.stringify(entry)}`)

export const rlimitsDistinct: Check = ({ process }) => {
  const seen = new Set<string>()
  return [...each(process?.rlimits, 'process', 'rlimits')].flatMap(([{ type }, place]) => {
    if (type === undefined) return []
    const first = !seen.has(type)
    seen.add(type)
    return unless(first, `${place}/type`, `${type} is given twice`)
  })
}

export const rlimitSoftWithinHard: Check = ({ process }) =>
  [...each(process?.rlimits, 'process', 'rlimits')].flatMap(([{ soft, hard }, place]) =>
    unless(
      soft === undefined || hard === undefined || soft <= hard,
      `${place}/soft`,
      `must not be above the hard limit ${hard}; found ${soft}`,
    ),
  )

export const schedulerFitsPolicy: Check = ({ process }) => {
  const { policy, nice, priority, runtime, deadline, period } = process?.scheduler ?? {}
  if (policy === undefined) return []
  const only = (value: number | bigint | undefined, name: string, ...policies: string[]) =>
    unless(
      // Zero is what an absent one means.
      !value || policies.includes(policy),
      `/process/scheduler/${name}`,
      `is only for ${policies.join(' and ')}; the policy is ${policy}`,
    )
  return [
    ...only(nice, 'nice', 'SCHED_OTHER', 'SCHED_BATCH'),
    ...only(priority, 'priority', 'SCHED_FIFO', 'SCHED_RR'),
    ...only(runtime, 'runtime', 'SCHED_DEADLINE'),
    ...only(deadline, 'deadline', 'SCHED_DEADLINE'),
    ...only(period, 'period', 'SCHED_DEADLINE'),
  ]
}

const HOOK_KINDS = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const satisfies readonly (keyof Hooks)[]

export const hookPathAbsolute: Check = ({ hooks }) =>
  HOOK_KINDS.flatMap(kind =>
    [...each(hooks?.[kind], 'hooks', kind)].flatMap(([{ path }, place]) =>
      unless(
        path === undefined || path.startsWith('/'),
        `${place}/path`,
        `must be an absolute path; found ${JSON.stringify(path)}`,
      ),
    ),
  )

export const hookEnvAssigns: Check = ({ hooks }) =>
  HOOK_KINDS.flatMap(kind =>
    [...(hooks?.[kind] ?? []).entries()].flatMap(([index, hook]) =>
      [...each(hook?.env, 'hooks', kind, index, 'env')].flatMap(([entry, place]) => assigns(entry, place)),
    ),
  )
