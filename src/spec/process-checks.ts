// Rules of `process` and `hooks` that the schema cannot say. Some texts are those of runc, since callers know them.
import type { Check } from './draft.ts'
import { each, type Report, type Rule } from './draft.ts'
import type { Hook, Hooks, Rlimit } from './gen/types.ts'

export const cwdAbsolute: Check = ({ process }, report) => {
  const cwd = process?.cwd
  if (cwd === '') report('/process/cwd', 'Cwd property must not be empty')
  else if (cwd?.startsWith('/') === false)
    report('/process/cwd', `Cwd must be an absolute path; found ${JSON.stringify(cwd)}`)
}

export const argsNameProgram: Check = ({ process }, report) => {
  if (process?.args?.[0] === '') report('/process/args/0', 'the name of the program must not be empty')
}

const assigns: Rule<string> = (entry, report) => {
  if (!entry.includes('=')) report('', `must have the form NAME=value; found ${JSON.stringify(entry)}`)
}
const ENTRY = [assigns]

export const envAssigns: Check = ({ process }, report) => each(process?.env, '/process/env', ENTRY, report)

export const rlimitsDistinct: Check = ({ process }, report) => {
  const seen = new Set<string>()
  const first: Rule<Rlimit> = ({ type }, report) => {
    if (type === undefined) return
    if (seen.has(type)) report('/type', `${type} is given twice`)
    seen.add(type)
  }
  each(process?.rlimits, '/process/rlimits', [first], report)
}

const softWithinHard: Rule<Rlimit> = ({ soft, hard }, report) => {
  if (soft === undefined || hard === undefined || soft <= hard) return
  report('/soft', `must not be above the hard limit ${hard}; found ${soft}`)
}

export const rlimitsSoftWithinHard: Check = ({ process }, report) =>
  each(process?.rlimits, '/process/rlimits', [softWithinHard], report)

/** NGROUPS_MAX of include/uapi/linux/limits.h. */
const MAX_GROUPS = 65536

export const groupsFit: Check = ({ process }, report) => {
  const count = process?.user?.additionalGids?.length ?? 0
  if (count > MAX_GROUPS)
    report('/process/user/additionalGids', `must have at most ${MAX_GROUPS} groups; found ${count}`)
}

const HOOK_KINDS = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const satisfies readonly (keyof Hooks)[]

const pathAbsolute: Rule<Hook> = ({ path }, report) => {
  if (path === undefined || path.startsWith('/')) return
  report('/path', `must be an absolute path; found ${JSON.stringify(path)}`)
}

const hookEnvAssigns: Rule<Hook> = ({ env }, report: Report) => each(env, '/env', ENTRY, report)

export const hooksSound: Check = ({ hooks }, report) => {
  if (hooks === undefined) return
  for (const kind of HOOK_KINDS) each(hooks[kind], `/hooks/${kind}`, [pathAbsolute, hookEnvAssigns], report)
}
