// A container's cgroup, whatever the host has: v1, v2 or both. Other managers (systemd's units) fit the same interface.
// Each step may fail and leaves what it made for `remove`; `create` undoes itself. layout.ts finds the places, group.ts
// and its neighbours do the work, resources.ts knows the files. saved.ts and new-cgroup.ts make managers.

import type { Resources } from '../spec/gen/types.ts'
import type { Place } from './group.ts'
import type { Mode } from './layout.ts'
import type { Part } from './settings.ts'

export type { Part } from './settings.ts'

/** What state.json keeps. */
export interface SavedCgroup {
  readonly mode: Mode
  readonly directories: readonly SavedDirectory[]
}
export interface SavedDirectory {
  /** "cpu,cpuacct", "name=systemd"; "" is v2. */
  readonly controllers: string
  readonly mountpoint: string
  /** The group itself, below the mountpoint. */
  readonly directory: string
  /** Known once it is made. */
  readonly inode?: string
}

/** What a plan needs to know for mounts of type cgroup; the same shape as plan/facts.ts has. */
export interface CgroupFacts {
  readonly mode: Mode
  readonly v1: readonly Place[]
  readonly v2?: Pick<Place, 'mountpoint' | 'path'>
  /** These are the groups of the caller, which the container stays in. */
  readonly inherited?: boolean
  /** The groups that init joins by itself. */
  readonly joins: readonly { readonly directory: string; readonly isV2: boolean; readonly required: boolean }[]
}

export interface CgroupManager {
  readonly saved: SavedCgroup
  /** Other groups than those that were made stand under the names: they belong to somebody else. */
  readonly isReplaced: boolean
  pids(): number[]
  /** Whether a process is in one of the groups; true when there are none. */
  holds(pid: number): boolean
  freeze(): void
  thaw(): void
  state(): 'frozen' | 'thawed'
  killAll(signal: number): void
  remove(): void
  /** The same, if nobody is in the groups and none are below them; else false, and they are left as they are. */
  removeEmpty(): boolean
  /** Closes descriptors; the manager can still be used, and opens them again. */
  [Symbol.dispose](): void
}

export interface NewCgroupManager extends CgroupManager {
  facts(): CgroupFacts
  /** Throws what `set` would, without touching anything. */
  check(resources: Resources | undefined): void
  create(): void
  /** To a user of the host, where the whole host is v2: delegation of v1 is not safe. */
  giveTo(uid: number): void
  /** Device rules are set also when there are no resources: every container has the default ones. */
  set(resources: Resources | undefined, part?: Part): void
  /** Does what `set` of the late part would do first, without touching the groups; says nothing of what is wrong. */
  prepareLate(resources: Resources | undefined): void
  join(pid: number): void
}

export interface CgroupRequest {
  readonly cgroupsPath?: string | undefined
  readonly id: string
  /**
   * Without permission for cgroups and without cgroupsPath, go on without a group; and without device rules where the
   * kernel denies them (rootless).
   */
  readonly optional?: boolean
}
