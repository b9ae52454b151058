// The groups of a container that has been made, on the cgroup file systems directly: the same one in every hierarchy.
// Making them and setting limits is new-cgroup.ts's, which the commands on existing containers need not load.

import { statSync } from 'node:fs'
import { stopwatch } from '../host/clock.ts'
import { attempt } from '../host/node-error.ts'
import { Group, type Place } from './group.ts'
import { Groups } from './groups.ts'
import type { Mode } from './layout.ts'
import type { CgroupManager, SavedCgroup } from './manager.ts'
import * as processes from './processes.ts'
import { isRemoved, removeGroup, removeMade } from './removal.ts'

/** After a kill the kernel needs time to take the processes down: to write cores, to give back memory. */
const REMOVE_TIMEOUT_MS = 5000

export class Cgroup implements CgroupManager {
  protected readonly groups: Groups
  /** Name of a group → the number by which it is told from a later one of that name. */
  protected readonly inodes: Map<string, string>

  constructor(mode: Mode, places: readonly Place[], inodes = new Map<string, string>()) {
    this.inodes = inodes
    this.groups = new Groups(
      mode,
      places.map(place => new Group(place)),
    )
  }

  get saved(): SavedCgroup {
    const directories = this.groups.all.map(({ name, place: { controllers, mountpoint } }) => {
      const inode = this.inodes.get(name)
      return { controllers, mountpoint, directory: name, ...(inode !== undefined && { inode }) }
    })
    return { mode: this.groups.mode, directories }
  }

  get isReplaced(): boolean {
    return this.groups.all.some(({ name }) => {
      const [known, found] = [this.inodes.get(name), inodeOf(name)]
      return known !== undefined && found !== undefined && known !== found
    })
  }

  holds(pid: number): boolean {
    return processes.holds(this.groups, pid)
  }

  remove(): void {
    const deadline = stopwatch() + REMOVE_TIMEOUT_MS
    let first: unknown
    this.groups.close()
    for (const group of inOrder(this.groups))
      try {
        removeGroup(group, deadline)
        removeMade(group)
      } catch (error) {
        first ??= error
      }
    if (first !== undefined) throw first
  }

  removeEmpty(): boolean {
    this.groups.close()
    return inOrder(this.groups).every(isRemoved)
  }

  pids(): number[] {
    return processes.pids(this.groups)
  }

  state(): 'frozen' | 'thawed' {
    return processes.state(this.groups)
  }

  freeze(): void {
    processes.freeze(this.groups)
  }

  thaw(): void {
    processes.thaw(this.groups)
  }

  killAll(signal: number): void {
    processes.killAll(this.groups, signal)
  }

  [Symbol.dispose](): void {
    this.groups.close()
  }
}

/** The v2 tree first: it tells when the last process is gone, which then holds for all. */
const inOrder = ({ all }: Groups): Group[] => [...all].sort((a, b) => Number(b.isV2) - Number(a.isV2))

export const inodeOf = (path: string): string | undefined =>
  attempt('stat', [JSON.stringify(path)], () => statSync(path, { bigint: true, throwIfNoEntry: false }))?.ino.toString()
