// How init comes into its cgroup, which the host has made. Moving another process, or a whole one into a v2 group, makes
// the kernel wait for all CPUs (cgroup_threadgroup_rwsem: some 10 ms); two ways do not: a thread that moves itself through
// a v1 `tasks` file, and a child that is born in its v2 group (CLONE_INTO_CGROUP, clone(2)). So the first process joins
// the v1 groups by itself, and the fork puts init into the v2 group.
// Documents: cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
import { CLONE, cloneArgs } from '../abi/sched.ts'
import type { Origin } from '../errors.ts'
import { address, bytes, cell, type Label, label, type Op, type Slot, slot, slotIn, syscall } from '../program/op.ts'
import { hasNamespace, isNew, type PlanContext } from './context.ts'
import type { CgroupJoin } from './facts.ts'
import { close } from './mount-calls.ts'
import { directoryFlags, HERE } from './resolve.ts'

const ITSELF = new TextEncoder().encode('0')

const origin = ({ directory }: CgroupJoin): Origin => ({
  pointer: '/linux/cgroupsPath',
  intent: `join the cgroup ${directory}`,
})

/**
 * The v2 group that init is born in; in a user namespace it would not be allowed to, and in a cgroup namespace that has
 * been joined it is not to be seen where it is not below the root of that.
 */
export function birthplace(context: PlanContext): CgroupJoin | undefined {
  const joinsView = hasNamespace(context, 'cgroup') && !isNew(context, 'cgroup')
  return hasNamespace(context, 'user') || joinsView ? undefined : context.facts.cgroup.joins.find(({ isV2 }) => isV2)
}

/** Before any namespace is entered, with the privileges of the host. */
export function planJoinCgroups(context: PlanContext): Op[] {
  const atBirth = birthplace(context)
  const ops: Op[] = []
  for (const join of context.facts.cgroup.joins) if (join !== atBirth) ops.push(...joinByItself(context, join))
  return ops
}

function joinByItself(context: PlanContext, join: CgroupJoin): Op[] {
  const why = origin(join)
  const file = `${join.directory}/${join.isV2 ? 'cgroup.procs' : 'tasks'}`
  const fd = slot(`fd of ${file}`)
  const without = label('without it')
  const flags = context.open.O_WRONLY | context.open.O_CLOEXEC
  return [
    syscall('openat', [HERE, file, flags, 0], why, {
      result: fd,
      ...(join.required ? {} : { on: { errnos: 'any', to: without } }),
    }),
    syscall('write', [fd, bytes(ITSELF, '"0"'), ITSELF.length], why, {
      ...(join.required ? {} : { on: { errnos: 'any' } }),
    }),
    close(fd, why),
    ...(join.required ? [] : [without]),
  ]
}

/** clone3 into the group; what cannot be done and is not required goes on at `otherwise`. */
export function cloneInto(
  context: PlanContext,
  join: CgroupJoin,
  flags: bigint,
  child: Slot,
  otherwise: Label,
): { ops: Op[]; group: Slot } {
  const why = origin(join)
  const word = flags | CLONE.bits.CLONE_INTO_CGROUP
  const memory = cell(() => `clone_args {flags=${CLONE.format(word)}}`, cloneArgs.size, [
    cloneArgs.encode({ flags: word }),
  ])
  const group = slotIn(memory, cloneArgs.offset('cgroup'))
  const tolerant = join.required ? {} : { on: { errnos: 'any', to: otherwise } as const }
  const open = directoryFlags(context)
  const ops = [
    syscall('openat', [HERE, join.directory, open, 0], why, { result: group, ...tolerant }),
    syscall('clone3', [address(memory), cloneArgs.size], why, { result: child, ...tolerant }),
  ]
  return { ops, group }
}

/** By the process that stays: the group that it is in now becomes the root of what the container sees. */
export function planCgroupNamespace(context: PlanContext): Op[] {
  const wish = context.namespaces.get('cgroup')
  if (wish === undefined || !isNew(context, 'cgroup')) return []
  const why = { pointer: wish.pointer, intent: 'make a new cgroup namespace' }
  return [syscall('unshare', [CLONE.bits.CLONE_NEWCGROUP], why)]
}
