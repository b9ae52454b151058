// Version 1, where a group can be useless until its parents have something to give: cpuset groups start empty, and
// realtime is a share of the parent's. Documents: Documentation/admin-guide/cgroup-v1/cpusets.rst, sched-rt-group.rst.
import { O } from '../abi/fcntl.ts'
import type { Fd } from '../host/fd.ts'
import { explained, type Group, openDirectory, openMountpoint, readValue } from './group.ts'
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
