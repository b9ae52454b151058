// The processes of a container's groups: joining, listing, freezing, killing. A group that is gone has none.
import { readFileSync } from 'node:fs'
import { SIG } from '../abi/signal.ts'
import { StateError, UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import { sendSignal } from '../host/process.ts'
import { type Group, lastOf } from './group.ts'
import type { Groups } from './groups.ts'
import { parseOwnGroups } from './layout.ts'
import { freezerState, freezeV1, thawV1 } from './v1.ts'
import { freezeV2, isFrozen, joinV2, killV2 } from './v2.ts'

export function join(groups: Groups, pid: number): void {
  for (const group of groups.all)
    try {
      if (group.isV2) joinV2(group, pid)
      else group.join(pid)
    } catch (error) {
      if (!groups.isTracking(group) || isErrno(error, 'ESRCH')) throw error
    }
}

/** What `work` gives, or `gone` when the group was removed. */
function unlessGone<T>(work: () => T, gone: T): T {
  try {
    return work()
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV')) return gone
    throw error
  }
}

/**
 * By the group's own name: how the path to it begins depends on the cgroup namespace of who looks. One hierarchy is
 * enough, an administrator may have moved the process in others.
 */
export function holds({ all }: Groups, pid: number): boolean {
  const own = ownGroups(pid)
  return (
    all.length === 0 || all.some(({ place }) => own.get(place.controllers)?.split('/').includes(lastOf(place.path)))
  )
}

function ownGroups(pid: number): Map<string, string> {
  try {
    return parseOwnGroups(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))
  } catch {
    return new Map() // it is gone
  }
}

const pidsOf = (group: Group): number[] => unlessGone(() => group.pids(), [])
export const pids = (groups: Groups): number[] => [...new Set(groups.trackers.flatMap(pidsOf))]

export function state({ freezer }: Groups): 'frozen' | 'thawed' {
  if (freezer === undefined) return 'thawed'
  if (!freezer.isV2) return unlessGone(() => freezerState(freezer), 'thawed')
  return unlessGone(() => isFrozen(freezer), false) ? 'frozen' : 'thawed'
}

export function freeze(groups: Groups): void {
  const freezer = freezerOf(groups)
  mustNotHoldUs(groups, 'freeze')
  if (freezer.isV2) freezeV2(freezer, true)
  else freezeV1(freezer)
}

export function thaw(groups: Groups): void {
  const freezer = freezerOf(groups)
  if (freezer.isV2) freezeV2(freezer, false)
  else thawV1(freezer)
}

function freezerOf({ freezer }: Groups): Group {
  if (freezer !== undefined) return freezer
  throw new UnsupportedError('freezing needs the freezer of cgroup v1, or cgroup v2')
}

/** Frozen, we could never thaw it again. */
function mustNotHoldUs(groups: Groups, verb: string): void {
  const [group] = groups.trackers
  if (group !== undefined && pids(groups).includes(process.pid))
    throw new StateError(`can not ${verb} cgroup ${group.name}: this process is in it`)
}

/** A frozen container stays frozen, except that SIGKILL lets it go: nothing frozen dies in v1. */
export function killAll(groups: Groups, signal: number): void {
  mustNotHoldUs(groups, 'kill')
  const isKill = signal === SIG.SIGKILL
  const wasFrozen = state(groups) === 'frozen'
  const killed = isKill ? killTree(groups) : new Set<number>()
  if (pids(groups).some(pid => !killed.has(pid))) {
    // held still, nothing can fork away between the list and the signals
    const freezes = !wasFrozen && groups.freezer !== undefined
    if (freezes) tryFreeze(groups)
    for (const pid of pids(groups)) sendSignal(pid, signal)
    if (freezes) thaw(groups)
  }
  if (isKill && wasFrozen) thaw(groups)
}

/** Kills what is in the v2 tree at once; the processes that were there. */
function killTree({ v2 }: Groups): ReadonlySet<number> {
  if (v2 === undefined) return new Set()
  const there = pidsOf(v2)
  return new Set(unlessGone(() => killV2(v2), true) ? there : [])
}

/** Signals reach more processes when they hold still, but those that do not must be signalled too. */
function tryFreeze(groups: Groups): void {
  try {
    freeze(groups)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
  }
}
