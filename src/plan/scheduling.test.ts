import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing, testContext } from '../dev/golden.ts'
import { kernelContext, Program, runStages, unshare } from '../dev/stages.ts'
import { isRoot, thrown } from '../host/testing.ts'
import { syscall } from '../program/op.ts'
import type { Linux, MemoryPolicy, Process, Scheduler } from '../spec/gen/types.ts'
import { say, waitForGo } from './context.ts'
import { planExec } from './gate.ts'
import { planPersonality } from './process.ts'
import { planHostScheduling, planScheduling } from './scheduling.ts'

const skip = isRoot ? false : 'needs root'
const USER = { namespaces: [{ type: 'user' }] } as const
const ALL_FLAGS = [
  'SCHED_FLAG_RESET_ON_FORK',
  'SCHED_FLAG_RECLAIM',
  'SCHED_FLAG_DL_OVERRUN',
  'SCHED_FLAG_KEEP_POLICY',
  'SCHED_FLAG_KEEP_PARAMS',
  'SCHED_FLAG_UTIL_CLAMP_MIN',
  'SCHED_FLAG_UTIL_CLAMP_MAX',
] as const
const DEADLINE: Scheduler = {
  policy: 'SCHED_DEADLINE',
  runtime: 10_000_000,
  deadline: 20_000_000n,
  period: 2n ** 63n - 1n,
  flags: ALL_FLAGS,
}
const FIFO: Scheduler = { policy: 'SCHED_FIFO', priority: 99, flags: ['SCHED_FLAG_RESET_ON_FORK'] }

t.test('listing', t => {
  const list = (process: Partial<Process>, linux?: Linux): string =>
    stageListing({ process, ...(linux && { linux }) }, planHostScheduling, planScheduling, planPersonality)
  const text = [
    list({}),
    list({ scheduler: DEADLINE, ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 7 } }),
    list({ scheduler: { policy: 'SCHED_OTHER', nice: -20 } }, { personality: { domain: 'LINUX32' } }),
    list(
      { scheduler: FIFO, ioPriority: { class: 'IOPRIO_CLASS_RT', priority: 0 } },
      { ...USER, memoryPolicy: { mode: 'MPOL_INTERLEAVE', nodes: '0-1,64', flags: ['MPOL_F_STATIC_NODES'] } },
    ),
    list(
      { scheduler: { policy: 'SCHED_BATCH', nice: 5 }, ioPriority: { class: 'IOPRIO_CLASS_IDLE', priority: 4 } },
      USER,
    ),
  ].join('\n')
  t.equal(text, golden('scheduling', text))
  t.end()
})

t.test('a deadline in a user namespace is refused beforehand', t => {
  const context = testContext({ process: { scheduler: DEADLINE }, linux: USER })
  t.match(
    thrown(() => planHostScheduling(context)),
    { code: 'TSRUNC_UNSUPPORTED', where: '/process/scheduler/policy' },
  )
  t.end()
})

t.test('nodes that the machine has not got', t => {
  const plan = (memoryPolicy: MemoryPolicy, memoryNodes: string) =>
    planScheduling(testContext({ linux: { memoryPolicy }, facts: { memoryNodes } })).length
  const two: MemoryPolicy = { mode: 'MPOL_BIND', nodes: '2-3' }
  t.match(
    thrown(() => plan(two, '0-1,5')),
    {
      where: '/linux/memoryPolicy/nodes',
      message: 'this machine has none of the memory nodes 2-3',
      hint: /it has 0-1,5/,
    },
  )
  t.equal(plan(two, '0,3'), 2, 'the kernel takes those that are there')
  t.equal(plan(two, ''), 2, 'nobody knows')
  t.equal(plan({ ...two, flags: ['MPOL_F_RELATIVE_NODES'] }, '0'), 2, 'counted within the cpuset')
  t.end()
})

/** Fields of /proc/PID/stat, from "state" on, and the policy of its memory, while the process waits behind the stages. */
function looked(given: { process?: Partial<Process>; linux?: Linux }): { stat: string[]; maps: string; cpus: string } {
  const context = kernelContext(given)
  const origin = { intent: 'test' }
  const user = given.linux?.namespaces !== undefined
  const ops = [
    ...planHostScheduling(context),
    ...(user ? unshare('CLONE_NEWUSER') : []),
    ...planScheduling(context),
    ...say(context, 'READY', 0n, origin),
    ...waitForGo(context, origin),
  ]
  const program = new Program(context, ops)
  const heard = program.hear()
  const read = (name: string): string =>
    heard?.kind === 'READY' ? readFileSync(`/proc/${program.pid}/${name}`, 'utf8') : ''
  const stat = read('stat').slice(read('stat').lastIndexOf(')') + 2)
  const found = { stat: stat.split(' '), maps: read('numa_maps'), cpus: read('status') }
  if (heard?.kind === 'READY') program.go()
  const { error } = heard?.kind === 'FAILED' ? { error: program.explain(heard.op, heard.value) } : program.end()
  if (heard?.kind === 'FAILED') program.end()
  if (error !== undefined) throw error
  return found
}

/** proc_pid_stat(5): fields 19 and 40, 41, the first of these being number 3. */
const schedulingOf = (scheduler: Scheduler, linux?: Linux): string => {
  const { stat } = looked({ process: { scheduler }, ...(linux && { linux }) })
  return `nice ${stat[16]} priority ${stat[37]} policy ${stat[38]}`
}

t.test('the kernel has the policy', { skip }, t => {
  t.equal(schedulingOf({ policy: 'SCHED_OTHER', nice: -20 }), 'nice -20 priority 0 policy 0')
  t.equal(schedulingOf({ policy: 'SCHED_BATCH', nice: 19 }), 'nice 19 priority 0 policy 3')
  t.equal(schedulingOf({ policy: 'SCHED_IDLE' }), 'nice 0 priority 0 policy 5')
  t.equal(schedulingOf({ policy: 'SCHED_FIFO', priority: 1 }), 'nice 0 priority 1 policy 1')
  t.equal(schedulingOf({ policy: 'SCHED_RR', priority: 99, nice: 3 }), 'nice 0 priority 99 policy 2')
  const deadline: Scheduler = { policy: 'SCHED_DEADLINE', runtime: 42_000, deadline: 1_000_000, period: 1_000_000 }
  t.equal(schedulingOf(deadline), 'nice 0 priority 0 policy 6')
  const kept: Scheduler = { policy: 'SCHED_FIFO', flags: ['SCHED_FLAG_KEEP_POLICY', 'SCHED_FLAG_KEEP_PARAMS'] }
  t.match(schedulingOf(kept), 'policy 0')
  t.end()
})

t.test('also in a user namespace', { skip }, t => {
  t.equal(schedulingOf(FIFO, USER), 'nice 0 priority 99 policy 1')
  t.equal(schedulingOf({ policy: 'SCHED_OTHER', nice: -5 }, USER), 'nice -5 priority 0 policy 0')
  const { stat } = looked({ process: { ioPriority: { class: 'IOPRIO_CLASS_RT', priority: 3 } }, linux: USER })
  t.ok(stat.length > 40)
  t.end()
})

t.test('what the kernel refuses is told with what to do', { skip }, t => {
  const run = (process: Partial<Process>, linux?: Linux) => {
    const user = syscall('setresuid', [1000, 1000, 1000], { intent: 'test' })
    return runStages(kernelContext({ process, ...(linux && { linux }) }), [() => [user], planScheduling]).error
  }
  const scheduler: Scheduler = { policy: 'SCHED_FIFO', priority: 5 }
  t.match(run({ scheduler }), {
    syscall: 'sched_setattr',
    errnoName: 'EPERM',
    where: '/process/scheduler',
    hint: /CAP_SYS_NICE/,
  })
  const ioPriority = { class: 'IOPRIO_CLASS_RT', priority: 5 } as const
  t.match(run({ ioPriority }), { syscall: 'ioprio_set', errnoName: 'EPERM', where: '/process/ioPriority' })
  const memoryPolicy: MemoryPolicy = { mode: 'MPOL_BIND', nodes: '1023' }
  t.match(run({}, { memoryPolicy }), {
    syscall: 'set_mempolicy',
    errnoName: /EINVAL|ENOSYS/,
    where: '/linux/memoryPolicy',
  })
  t.end()
})

t.test('memory policies', t => {
  const policyOf = (memoryPolicy: MemoryPolicy): string =>
    /^\S+ (\S+)/.exec(looked({ linux: { memoryPolicy } }).maps)?.[1] ?? 'none'
  try {
    policyOf({ mode: 'MPOL_LOCAL' })
  } catch (error) {
    t.match(error, { errnoName: 'ENOSYS' })
    t.pass('no NUMA', { skip: 'the kernel has no NUMA' })
    return t.end()
  }
  if (looked({}).maps === '') {
    t.pass('no numa_maps', { skip: 'the kernel has no /proc/PID/numa_maps' })
    return t.end()
  }
  t.equal(policyOf({ mode: 'MPOL_DEFAULT' }), 'default')
  t.equal(policyOf({ mode: 'MPOL_LOCAL' }), 'local')
  t.equal(policyOf({ mode: 'MPOL_BIND', nodes: '0' }), 'bind:0')
  t.equal(policyOf({ mode: 'MPOL_INTERLEAVE', nodes: '0' }), 'interleave:0')
  t.equal(policyOf({ mode: 'MPOL_PREFERRED', nodes: '0' }), 'prefer:0')
  t.equal(policyOf({ mode: 'MPOL_PREFERRED' }), 'local')
  t.equal(policyOf({ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] }), 'bind=static:0')
  t.equal(policyOf({ mode: 'MPOL_BIND', nodes: '0,5', flags: ['MPOL_F_RELATIVE_NODES'] }), 'bind=relative:0')
  t.end()
})

t.test("the caller's CPU affinity does not last", t => {
  const pinned = syscall(
    'sched_setaffinity',
    [0, 8, { kind: 'data', parts: [new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])], text: '[0]' }],
    {
      intent: 'test',
    },
  )
  const args = ['/bin/grep', 'Cpus_allowed_list', '/proc/self/status']
  const context = kernelContext({ process: { args } })
  const ended = runStages(context, [() => [pinned], planScheduling, planExec])
  const own = /^Cpus_allowed_list:.*\n/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[0]
  t.equal(ended.stdout, own)
  t.end()
})

t.test('execution domains', t => {
  const machine = (domain: 'LINUX' | 'LINUX32'): string => {
    const context = kernelContext({ process: { args: ['/bin/uname', '-m'] }, linux: { personality: { domain } } })
    return runStages(context, [planPersonality, planExec]).stdout.trim()
  }
  t.match(machine('LINUX'), /^(x86_64|aarch64)$/)
  const shown = spawnSync('setarch', ['linux32', 'uname', '-m'], { encoding: 'utf8' }).stdout
  if (shown) t.equal(machine('LINUX32'), shown.trim())
  t.end()
})
