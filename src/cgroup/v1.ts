// What only version 1 has: cpuset groups that start empty, and the freezer controller.
// Documents: Documentation/admin-guide/cgroup-v1/cpusets.rst, freezer-subsystem.rst.

import { O } from '../abi/fcntl.ts'
import { StateError } from '../errors.ts'
import type { Fd } from '../host/fd.ts'
import { explained, type Group, openDirectory, openMountpoint, readValue } from './group.ts'
import { sleep } from './removal.ts'
import type { Write } from './write.ts'

const FILES = ['cpuset.cpus', 'cpuset.mems'] as const

/**
 * A new cpuset has no CPUs and no memory nodes, and nothing can join it. Fills the group, and those parents that are
 * empty too, with the values from above.
 */
export function fillCpuset(group: Group): void {
  using mountpoint = openMountpoint(group.place)
  fill(mountpoint, parentOf(group.place.path), group.directory)
}

function fill(mountpoint: Fd, above: string, directory: Fd): void {
  const empty = FILES.filter(file => readValue(directory, file) === '')
  if (empty.length === 0) return
  using parent = openDirectory(mountpoint, above)
  if (above !== '') fill(mountpoint, parentOf(above), parent)
  for (const file of empty) {
    using target = directory.openAt(file, O.bits.O_WRONLY)
    target.write(readValue(parent, file))
  }
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))

/** Realtime of a group is a share of its parent's, and a new parent has none: those that we made get the same. */
export function allowRealtime(group: Group, writes: readonly Write[]): void {
  const realtime = writes.filter(write => write.file.startsWith('cpu.rt_'))
  if (realtime.length === 0) return
  using mountpoint = openMountpoint(group.place)
  for (const path of group.made.filter(made => made !== group.place.path)) {
    using parent = openDirectory(mountpoint, path)
    for (const { file, value, pointer } of realtime)
      try {
        using target = parent.openAt(file, O.bits.O_WRONLY)
        target.write(value)
      } catch (error) {
        throw explained(error, { pointer, intent: `set ${file} of cgroup ${path} to ${value}` })
      }
  }
}

export const freezerState = (group: Group): 'frozen' | 'thawed' =>
  group.read('freezer.state') === 'THAWED' ? 'thawed' : 'frozen'

const FREEZE_TIMEOUT_MS = 2000
const LONGEST_PAUSE_MS = 10

/** A process that forks meanwhile keeps the group FREEZING; writing again, now and then after a thaw, catches it. */
export function freezeV1(group: Group): void {
  const deadline = performance.now() + FREEZE_TIMEOUT_MS
  for (let pause = 0, round = 1; ; pause = Math.min(2 * pause + 1, LONGEST_PAUSE_MS), round++) {
    group.write('freezer.state', 'FROZEN')
    if (group.read('freezer.state') === 'FROZEN') return
    if (performance.now() > deadline) {
      group.write('freezer.state', 'THAWED')
      throw new StateError(`cgroup ${group.name} could not be frozen within ${FREEZE_TIMEOUT_MS} ms`)
    }
    if (round % 20 === 0) group.write('freezer.state', 'THAWED')
    sleep(pause)
  }
}

export const thawV1 = (group: Group): void => group.write('freezer.state', 'THAWED')
