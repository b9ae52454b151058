import { readFileSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import { kernelContext, Program, runStages, unshare } from '../dev/stages.ts'
import { isRoot } from '../host/testing.ts'
import type { Rlimit } from '../spec/gen/types.ts'
import { say, waitForGo } from './context.ts'
import { planHostLimits, planLastLimits, planLimits } from './limits.ts'

const UNLIMITED = 0xffff_ffff_ffff_ffffn
const some: readonly Rlimit[] = [
  { type: 'RLIMIT_CORE', soft: 0, hard: UNLIMITED },
  { type: 'RLIMIT_NOFILE', soft: 3, hard: 3 },
  { type: 'RLIMIT_NPROC', soft: 7, hard: 8 },
]

t.test('listing', t => {
  const stages = [planHostLimits, planLimits, planLastLimits]
  const text = stageListing({ process: { rlimits: some } }, ...stages)
  t.equal(text, golden('limits', text))
  const inUser = stageListing({ process: { rlimits: some }, linux: { namespaces: [{ type: 'user' }] } }, ...stages)
  t.equal(inUser, golden('limits-user-namespace', inUser))
  t.end()
})

/** "Max open files" → ["3", "3"], looked at from outside while the process waits at the end of the stages. */
function limits(rlimits: readonly Rlimit[], user = false): Map<string, string[]> {
  const origin = { intent: 'test' }
  const linux = { namespaces: user ? [{ type: 'user' as const }] : [] }
  const context = kernelContext({ process: { rlimits }, linux })
  const before = user ? [...planHostLimits(context), ...unshare('CLONE_NEWUSER')] : []
  const end = [...say(context, 'READY', 0n, origin), ...waitForGo(context, origin)]
  const program = new Program(context, [...before, ...planLimits(context), ...planLastLimits(context), ...end])
  const heard = program.hear()
  const text = heard?.kind === 'READY' ? readFileSync(`/proc/${program.pid}/limits`, 'utf8') : ''
  if (text !== '') program.go()
  program.end()
  const rows = text.matchAll(/^(Max [a-z ]+?) {2,}(\w+) +(\w+)/gm)
  return new Map([...rows].map(([, name = '', soft = '', hard = '']) => [name, [soft, hard]]))
}

t.test("the caller's limit of descriptors, unless the config has one", t => {
  const stages = [planHostLimits, planLimits, planLastLimits]
  const listed = (rlimits: readonly Rlimit[], soft: bigint) =>
    stageListing({ process: { rlimits }, facts: { descriptorLimit: { soft, hard: 4096n } } }, ...stages)
  t.match(listed([], 1024n), 'prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=4096}, NULL)')
  t.match(listed([], 2n), '{rlim_cur=2, rlim_max=4096}')
  t.notMatch(listed(some, 1024n), 'rlim_cur=1024')
  t.notMatch(stageListing({}, ...stages), 'RLIMIT_NOFILE')
  t.end()
})

t.test('the program has them, also one that leaves no descriptor to init', t => {
  const found = limits([...some, { type: 'RLIMIT_CPU', soft: 100, hard: 200 }])
  t.same(found.get('Max core file size'), ['0', 'unlimited'])
  t.same(found.get('Max open files'), ['3', '3'])
  t.same(found.get('Max processes'), ['7', '8'])
  t.same(found.get('Max cpu time'), ['100', '200'])
  t.end()
})

t.test('they are set in a user namespace too', { skip: isRoot ? false : 'needs root' }, t => {
  const found = limits(
    [
      { type: 'RLIMIT_NPROC', soft: 1, hard: 2 },
      { type: 'RLIMIT_NOFILE', soft: 5, hard: 64 },
    ],
    true,
  )
  t.same(found.get('Max processes'), ['1', '2'])
  t.same(found.get('Max open files'), ['5', '64'])
  t.end()
})

t.test('more than the caller may have is an error at its place', t => {
  const context = kernelContext({ process: { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 2n ** 62n }] } })
  const { error } = runStages(context, [planLimits])
  t.match(error, { syscall: 'prlimit64', errnoName: 'EPERM', where: '/process/rlimits/0' }, 'no kernel has so many')
  t.end()
})
