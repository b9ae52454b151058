// The soft limit of open descriptors, raised while a config with very many bind mounts is set up: each source is a
// descriptor from its clone to its mount.
import { RLIMIT, rlimit64 } from '../abi/resource.ts'
import type { Origin } from '../errors.ts'
import { address, cell, NULL, type Op, set, slotIn, syscall } from '../program/op.ts'
import { type PlanContext, slotNamed } from './context.ts'

const limit: Origin = { pointer: '/mounts', intent: 'allow as many descriptors as there are bind mounts' }

const SAVED = 'saved descriptor limit'

export function raiseDescriptorLimit(context: PlanContext): Op[] {
  const before = cell('descriptor limit', rlimit64.size)
  const raised = cell('raised descriptor limit', rlimit64.size)
  const nofile = RLIMIT.values.RLIMIT_NOFILE
  const saved = slotNamed(context, SAVED)
  const hard = slotIn(before, rlimit64.offset('rlim_max'))
  return [
    syscall('prlimit64', [0, nofile, NULL, address(before)], limit),
    set(saved, slotIn(before, rlimit64.offset('rlim_cur')), limit),
    set(slotIn(raised, rlimit64.offset('rlim_cur')), hard, limit),
    set(slotIn(raised, rlimit64.offset('rlim_max')), hard, limit),
    syscall('prlimit64', [0, nofile, address(raised), NULL], limit),
  ]
}

/** The program gets the soft limit that it would have had. */
export function planDescriptorLimit(context: PlanContext): Op[] {
  const saved = context.named.get(SAVED)
  if (saved === undefined) return []
  const memory = cell('descriptor limit of the program', rlimit64.size)
  const nofile = RLIMIT.values.RLIMIT_NOFILE
  return [
    syscall('prlimit64', [0, nofile, NULL, address(memory)], limit),
    set(slotIn(memory, rlimit64.offset('rlim_cur')), saved, limit),
    syscall('prlimit64', [0, nofile, address(memory), NULL], limit),
  ]
}
