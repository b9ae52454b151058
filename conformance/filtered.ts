// Programs under a seccomp filter: mkdir is what most filters forbid, since a shell needs it for nothing else.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { Result } from './runtime.ts'
import type { World } from './world.ts'

export const MKDIR = ['mkdir', 'mkdirat']
export interface Rule {
  names: string[]
  action: string
  errnoRet?: number
  args?: { index: number; value: number; valueTwo?: number; op: string }[]
}

/** Everything is allowed but for the rules. */
export const allowing = (...syscalls: Rule[]): object => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls })
export const onMkdir = (action: string, rest: Partial<Rule> = {}): Rule => ({ names: MKDIR, action, ...rest })

/** Runs the script under the filter. */
export function run(world: World, seccomp: object, script: string): Result {
  world.bundle.config.linux.seccomp = seccomp
  world.bundle.script(script).write()
  const result = world.runtime.run(['run', '--bundle', world.bundle.path, world.id])
  assert.notEqual(result.status, null)
  return result
}

/** What mkdir says, and whether it has made the directory. */
export function mkdir(world: World, seccomp: object): { made: boolean; says: string; status: number | null } {
  const { linux } = world.bundle.config
  linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid') // process 1 is immune to some signals
  const { status, stderr } = run(world, seccomp, 'mkdir /made; echo $?')
  assert.equal(status, 0, stderr)
  const ended = run(world, seccomp, 'exec mkdir /tmp/other')
  return { made: existsSync(world.bundle.inRoot('made')), says: stderr, status: ended.status }
}

export function refuses(world: World, seccomp: object, says?: RegExp): void {
  world.bundle.config.linux.seccomp = seccomp
  world.refused(says)
}
