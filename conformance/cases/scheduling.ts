// When and where the program runs: config.md#linux-process (scheduler, ioPriority, execCPUAffinity),
// config-linux.md#memory-policy and #personality. Looked at by the host, whose /proc/PID tells of each.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { type Case, defineCase, Skip } from '../case.ts'
import { refuses, set } from '../changes.ts'
import { holds, statField, statusOf } from '../processes.ts'
import type { World } from '../world.ts'

const SECTION = 'config.md linux-process'
const MEMORY = 'config-linux.md memory-policy'
const PERSONALITY = 'config-linux.md personality'

const POLICIES = ['SCHED_OTHER', 'SCHED_FIFO', 'SCHED_RR', 'SCHED_BATCH', '', 'SCHED_IDLE', 'SCHED_DEADLINE']
const DEADLINE = { policy: 'SCHED_DEADLINE', runtime: 42_000, deadline: 1_000_000, period: 2_000_000 }
const CAP_SYS_NICE = 23

function needsPrivilege(): void {
  if (!holds(statusOf('self').CapEff, CAP_SYS_NICE)) throw new Skip('needs CAP_SYS_NICE')
}

/** A group of cgroup v1 has no time for real-time policies of its own. */
function allowRealtime(world: World): void {
  needsPrivilege()
  if (existsSync('/sys/fs/cgroup/cpu/cpu.rt_runtime_us'))
    set(world, { 'linux/resources': { cpu: { realtimePeriod: 1_000_000, realtimeRuntime: 10_000 } } })
  else if (spawnSync('chrt', ['-f', '1', 'true']).status !== 0)
    throw new Skip('no group of cgroup v2 has real-time here')
}

/** Of a container that sleeps, and is gone afterwards. */
function look<Seen>(world: World, see: (pid: number) => Seen): Seen {
  const seen = see(world.sleeping())
  world.ok('delete', '--force', world.id)
  return seen
}

const policyOf = (pid: number): string => POLICIES[Number(statField(pid, 41))] ?? ''
const schedulingOf = (pid: number): readonly (string | number)[] => [
  policyOf(pid),
  Number(statField(pid, 19)),
  Number(statField(pid, 40)),
]

const schedulerCases: readonly Case[] = [
  defineCase(SECTION, 'the policies of fair sharing are had with their nice value', world => {
    needsPrivilege()
    for (const [policy, nice] of [
      ['SCHED_OTHER', -20],
      ['SCHED_OTHER', 19],
      ['SCHED_BATCH', 7],
    ] as const) {
      set(world, { 'process/scheduler': { policy, nice } })
      assert.deepEqual(look(world, schedulingOf), [policy, nice, 0])
    }
    set(world, { 'process/scheduler': { policy: 'SCHED_IDLE' } })
    assert.deepEqual(look(world, schedulingOf), ['SCHED_IDLE', 0, 0])
  }),

  defineCase(SECTION, 'the real-time policies are had with their priority', world => {
    allowRealtime(world)
    for (const [policy, priority] of [
      ['SCHED_FIFO', 1],
      ['SCHED_RR', 99],
    ] as const) {
      set(world, { 'process/scheduler': { policy, priority } })
      assert.deepEqual(look(world, schedulingOf), [policy, 0, priority])
    }
  }),

  defineCase(SECTION, 'a deadline is had with its three times', world => {
    needsPrivilege()
    set(world, { 'process/scheduler': DEADLINE })
    const text = look(world, pid => execFileSync('chrt', ['-p', String(pid)], { encoding: 'utf8' }))
    assert.match(text, /SCHED_DEADLINE\n/)
    assert.match(text, /: 42000\/1000000\/2000000\n/)
  }),

  defineCase(SECTION, 'the flag to reset on fork is kept, and what the program starts has the usual policy', world => {
    allowRealtime(world)
    const scheduler = { policy: 'SCHED_FIFO', priority: 5, flags: ['SCHED_FLAG_RESET_ON_FORK'] }
    set(world, { 'process/scheduler': scheduler })
    world.bundle.script('sleep 100 & echo $! >/child; wait')
    const children = (pid: number): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    const policies = look(world, pid => {
      world.until('the child is there', () => children(pid) !== '')
      return [policyOf(pid), policyOf(Number(children(pid)))]
    })
    assert.deepEqual(policies, ['SCHED_FIFO', 'SCHED_OTHER'])
  }),

  defineCase(SECTION, 'a real-time policy is had in a user namespace as well', world => {
    allowRealtime(world)
    const all = [{ containerID: 0, hostID: 0, size: 65536 }]
    set(world, { 'linux/uidMappings': all, 'linux/gidMappings': all })
    world.bundle.config.linux.namespaces.push({ type: 'user' })
    set(world, { 'process/scheduler': { policy: 'SCHED_RR', priority: 3, flags: ['SCHED_FLAG_RESET_ON_FORK'] } })
    assert.deepEqual(look(world, schedulingOf), ['SCHED_RR', 0, 3])
  }),

  defineCase(SECTION, 'a scheduler that contradicts itself, or that no kernel has, is an error', world => {
    const schedulers = [
      { policy: 'SCHED_NOPE' },
      { policy: 'SCHED_ISO' },
      { nice: 5 },
      { policy: 'SCHED_OTHER', nice: 20 },
      { policy: 'SCHED_OTHER', priority: 1 },
      { policy: 'SCHED_FIFO' },
      { policy: 'SCHED_FIFO', priority: 100 },
      { policy: 'SCHED_BATCH', runtime: 5000 },
      { policy: 'SCHED_OTHER', flags: ['SCHED_FLAG_NOPE'] },
      { ...DEADLINE, runtime: 1_000_001 },
      { ...DEADLINE, period: 999_999 },
      { policy: 'SCHED_DEADLINE' },
    ]
    refuses(
      world,
      schedulers.map(scheduler => ({ 'process/scheduler': scheduler })),
    )
  }),

  defineCase('runc: scheduler', 'a deadline beside a cpuset that is not every CPU says so', world => {
    needsPrivilege()
    if (!existsSync('/sys/devices/system/cpu/cpu1')) throw new Skip('there is one CPU')
    set(world, { 'process/scheduler': { ...DEADLINE, nice: 19 }, 'linux/resources': { cpu: { cpus: '0' } } })
    world.refused(/process scheduler can't be used together with AllowedCPUs/)
  }),

  defineCase(SECTION, 'I/O priorities of each class', world => {
    for (const [name, priority, seen] of [
      ['IOPRIO_CLASS_RT', 0, 'realtime: prio 0'],
      ['IOPRIO_CLASS_BE', 7, 'best-effort: prio 7'],
      ['IOPRIO_CLASS_IDLE', 4, 'idle'],
    ] as const) {
      if (name === 'IOPRIO_CLASS_RT') needsPrivilege()
      set(world, { 'process/ioPriority': { class: name, priority } })
      const text = look(world, pid => execFileSync('ionice', ['-p', String(pid)], { encoding: 'utf8' }))
      assert.equal(text.trim(), seen)
    }
  }),

  defineCase(SECTION, 'an I/O priority of no class or no level is an error', world => {
    const wrong = [
      { class: 'IOPRIO_CLASS_NOPE', priority: 1 },
      { class: 'IOPRIO_CLASS_BE', priority: 8 },
      { class: 'IOPRIO_CLASS_BE', priority: -1 },
      { priority: 1 },
    ]
    refuses(
      world,
      wrong.map(ioPriority => ({ 'process/ioPriority': ioPriority })),
    )
  }),

  defineCase('runc: affinity', 'the affinity of the caller is none of the container’s business', world => {
    const all = statusOf('self').Cpus_allowed_list ?? ''
    if (all === '0') throw new Skip('there is one CPU')
    const use = (cpus: string) => execFileSync('taskset', ['-pc', cpus, String(process.pid)])
    world.atEnd(() => use(all))
    use('0')
    assert.equal(
      look(world, pid => statusOf(pid).Cpus_allowed_list),
      all,
    )
  }),

  defineCase(SECTION, 'execCPUAffinity means nothing to the first process, but is looked at', world => {
    const all = statusOf('self').Cpus_allowed_list
    set(world, { 'process/execCPUAffinity': { initial: '0', final: '0' } })
    assert.equal(
      look(world, pid => statusOf(pid).Cpus_allowed_list),
      all,
    )
    refuses(
      world,
      ['x', '1-0', '0-', '0,,1', '99999'].map(final => ({ 'process/execCPUAffinity': { final } })),
    )
  }),
]

function needsNodes(): void {
  if (!existsSync('/sys/devices/system/node/node0')) throw new Skip('the kernel has no NUMA')
  if (!existsSync('/proc/self/numa_maps')) throw new Skip('the kernel has no numa_maps')
}

const memoryCases: readonly Case[] = [
  defineCase(MEMORY, 'each mode is had, with its nodes and flags', world => {
    needsNodes()
    for (const [policy, seen] of [
      [{ mode: 'MPOL_DEFAULT' }, 'default'],
      [{ mode: 'MPOL_LOCAL' }, 'local'],
      [{ mode: 'MPOL_BIND', nodes: '0' }, 'bind:0'],
      [{ mode: 'MPOL_INTERLEAVE', nodes: '0' }, 'interleave:0'],
      [{ mode: 'MPOL_PREFERRED', nodes: '0' }, 'prefer:0'],
      [{ mode: 'MPOL_PREFERRED' }, 'local'],
      [{ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] }, 'bind=static:0'],
      [{ mode: 'MPOL_INTERLEAVE', nodes: '0', flags: ['MPOL_F_RELATIVE_NODES'] }, 'interleave=relative:0'],
    ] as const) {
      set(world, { 'linux/memoryPolicy': policy })
      const maps = look(world, pid => readFileSync(`/proc/${pid}/numa_maps`, 'utf8'))
      assert.equal(maps.split(/\s/)[1], seen, JSON.stringify(policy))
    }
  }),

  defineCase(MEMORY, 'a policy that contradicts itself, or names what is not there, is an error', world => {
    const wrong = [
      { mode: 'MPOL_NOPE' },
      { nodes: '0' },
      { mode: 'MPOL_DEFAULT', nodes: '0' },
      { mode: 'MPOL_LOCAL', nodes: '0' },
      { mode: 'MPOL_BIND' },
      { mode: 'MPOL_INTERLEAVE', nodes: '' },
      { mode: 'MPOL_BIND', nodes: '0-' },
      { mode: 'MPOL_BIND', nodes: '1023' },
      { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_NOPE'] },
      { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES', 'MPOL_F_RELATIVE_NODES'] },
    ]
    refuses(
      world,
      wrong.map(memoryPolicy => ({ 'linux/memoryPolicy': memoryPolicy })),
    )
  }),
]

const personalityCases: readonly Case[] = [
  defineCase(PERSONALITY, 'LINUX32 is seen by uname, LINUX is the usual machine', world => {
    const machine = (domain: string): string => {
      set(world, { 'linux/personality': { domain } })
      return world.output('uname -m').trim()
    }
    const host = (...command: readonly string[]) =>
      spawnSync('setarch', [...command, 'uname', '-m'], { encoding: 'utf8' })
    if (host('linux64').stdout === host('linux32').stdout) throw new Skip('the kernel shows the same machine to both')
    assert.equal(machine('LINUX'), execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim())
    assert.match(machine('LINUX32'), /^(i686|armv[78]l)$/)
  }),

  defineCase(PERSONALITY, 'another domain, or a flag, is an error', world => {
    refuses(world, [
      { 'linux/personality': { domain: 'SVR4' } },
      { 'linux/personality': {} },
      { 'linux/personality': { domain: 'LINUX', flags: ['ADDR_NO_RANDOMIZE'] } },
    ])
  }),
]

export const schedulingCases: readonly Case[] = [...schedulerCases, ...memoryCases, ...personalityCases]
