// The freezer controller of version 1. Document: Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst.

import { StateError } from '../errors.ts'
import { stopwatch } from '../host/clock.ts'
import type { Group } from './group.ts'
import { sleep } from './removal.ts'

export const freezerState = (group: Group): 'frozen' | 'thawed' =>
  group.read('freezer.state') === 'THAWED' ? 'thawed' : 'frozen'

const FREEZE_TIMEOUT_MS = 2000
const LONGEST_PAUSE_MS = 10

/** A process that forks meanwhile keeps the group FREEZING; writing again, now and then after a thaw, catches it. */
export function freezeV1(group: Group): void {
  const deadline = stopwatch() + FREEZE_TIMEOUT_MS
  for (let pause = 0, round = 1; ; pause = Math.min(2 * pause + 1, LONGEST_PAUSE_MS), round++) {
    group.write('freezer.state', 'FROZEN')
    if (group.read('freezer.state') === 'FROZEN') return
    if (stopwatch() > deadline) {
      group.write('freezer.state', 'THAWED')
      throw new StateError(`cgroup ${group.name} could not be frozen within ${FREEZE_TIMEOUT_MS} ms`)
    }
    if (round % 20 === 0) group.write('freezer.state', 'THAWED')
    sleep(pause)
  }
}

export const thawV1 = (group: Group): void => group.write('freezer.state', 'THAWED')
