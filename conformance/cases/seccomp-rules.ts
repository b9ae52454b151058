// config-linux.md, "Seccomp": conditions on arguments, seen by chmod with one mode or another, and rules that are none.
import assert from 'node:assert/strict'
import { type Case, defineCase } from '../case.ts'
import { allowing, MKDIR, mkdir, onMkdir, type Rule, refuses, run } from '../filtered.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md seccomp'
const DIALECT = 'runc: seccomp'

/** Modes of chmod for which the condition holds. */
function modes(world: World, op: string, value: number, valueTwo?: number): number[] {
  const rule = (name: string, index: number): Rule => ({
    names: [name],
    action: 'SCMP_ACT_ERRNO',
    args: [{ index, op, value, ...(valueTwo === undefined ? {} : { valueTwo }) }],
  })
  const tried = [0o600, 0o700, 0o701]
  const script = tried.map(mode => `chmod ${mode.toString(8)} /file 2>/dev/null || echo ${mode}`).join('; ')
  world.bundle.touch('file')
  const { stdout } = run(world, allowing(rule('chmod', 1), rule('fchmodat', 2)), script)
  return stdout.split('\n').filter(Boolean).map(Number)
}

const OPERATORS: readonly (readonly [op: string, holds: number[], value: number, valueTwo?: number])[] = [
  ['SCMP_CMP_EQ', [0o700], 0o700],
  ['SCMP_CMP_NE', [0o600, 0o701], 0o700],
  ['SCMP_CMP_LT', [0o600], 0o700],
  ['SCMP_CMP_LE', [0o600, 0o700], 0o700],
  ['SCMP_CMP_GE', [0o700, 0o701], 0o700],
  ['SCMP_CMP_GT', [0o701], 0o700],
  ['SCMP_CMP_MASKED_EQ', [0o700, 0o701], 0o100, 0o100],
]

const conditionCases: readonly Case[] = [
  ...OPERATORS.map(([op, holds, value, valueTwo]) =>
    defineCase(SECTION, `${op} compares an argument`, world =>
      assert.deepEqual(modes(world, op, value, valueTwo), holds),
    ),
  ),

  defineCase(SECTION, 'conditions on several arguments have all to hold', world => {
    world.bundle.touch('file')
    const rule = (mode: number, name: string, index: number): Rule => ({
      names: [name],
      action: 'SCMP_ACT_ERRNO',
      args: [
        { index, op: 'SCMP_CMP_EQ', value: mode },
        { index: index - 1, op: 'SCMP_CMP_NE', value: 0 },
      ],
    })
    const both = run(world, allowing(rule(0o700, 'chmod', 1), rule(0o700, 'fchmodat', 2)), 'chmod 700 /file')
    assert.match(both.stderr, /Operation not permitted/)
    const one = run(world, allowing(rule(0o701, 'chmod', 1), rule(0o701, 'fchmodat', 2)), 'chmod 700 /file')
    assert.equal(one.status, 0, one.stderr)
  }),

  defineCase(DIALECT, 'conditions on one argument hold each for itself', world => {
    world.bundle.touch('file')
    const args = (index: number) => [
      { index, op: 'SCMP_CMP_EQ', value: 0o700 },
      { index, op: 'SCMP_CMP_EQ', value: 0o701 },
    ]
    const seccomp = allowing(
      { names: ['chmod'], action: 'SCMP_ACT_ERRNO', args: args(1) },
      { names: ['fchmodat'], action: 'SCMP_ACT_ERRNO', args: args(2) },
    )
    const script = 'for mode in 600 700 701; do chmod $mode /file 2>/dev/null || echo $mode; done'
    assert.equal(run(world, seccomp, script).stdout, '700\n701\n')
  }),

  defineCase(DIALECT, 'names of calls that do not exist are passed over', world => {
    const names = [...MKDIR, 'no_such_call']
    assert.match(mkdir(world, allowing({ names, action: 'SCMP_ACT_ERRNO' })).says, /Operation not permitted/)
  }),

  defineCase(DIALECT, 'a rule that repeats the default changes nothing', world => {
    assert.equal(run(world, allowing(onMkdir('SCMP_ACT_ALLOW')), 'mkdir /made').status, 0)
  }),
]

const refusalCases: readonly Case[] = [
  defineCase(SECTION, 'a filter without a default action is an error', world =>
    refuses(world, { syscalls: [onMkdir('SCMP_ACT_ERRNO')] }),
  ),
  defineCase(SECTION, 'a rule without an action is an error', world =>
    refuses(world, { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: MKDIR }] }),
  ),
  defineCase(SECTION, 'a rule without names is an error', world => {
    refuses(world, { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ action: 'SCMP_ACT_ERRNO' }] })
    refuses(world, allowing({ names: [], action: 'SCMP_ACT_ERRNO' }))
  }),
  defineCase(SECTION, 'an action that nobody knows is an error', world => {
    refuses(world, { defaultAction: 'SCMP_ACT_NONE' })
    refuses(world, allowing(onMkdir('SCMP_ACT_NONE')))
  }),
  defineCase(SECTION, 'an operator that nobody knows is an error', world =>
    refuses(world, allowing(onMkdir('SCMP_ACT_ERRNO', { args: [{ index: 0, value: 0, op: 'SCMP_CMP_NONE' }] }))),
  ),
  defineCase(SECTION, 'an architecture that nobody knows is an error', world =>
    refuses(world, { ...allowing(), architectures: ['SCMP_ARCH_NONE'] }),
  ),
  defineCase(SECTION, 'a flag that nobody knows is an error', world =>
    refuses(world, { ...allowing(), flags: ['SECCOMP_FILTER_FLAG_NONE'] }),
  ),
  defineCase(DIALECT, 'a filter that forbids to execute the program is an error', world => {
    const seccomp = allowing({ names: ['execve', 'execveat'], action: 'SCMP_ACT_ERRNO' })
    const { status, stderr } = run(world, seccomp, 'true')
    assert.notEqual(status, 0)
    assert.match(stderr, /operation not permitted|blocked/i)
  }),
]

export const seccompRuleCases: readonly Case[] = [...conditionCases, ...refusalCases]
