// The manager that works on the cgroup file systems directly: the same group in every hierarchy of the host.
import { statSync } from 'node:fs'
import { StateError, SyscallError, TsruncError, UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/libc.ts'
import { attempt } from '../host/node-error.ts'
import type { Resources } from '../spec/gen/types.ts'
import { explained, Group, type Place } from './group.ts'
import { Groups } from './groups.ts'
import type { Mode } from './layout.ts'
import type { CgroupFacts, CgroupManager, SavedCgroup } from './manager.ts'
import * as processes from './processes.ts'
import { removeGroup, removeMade } from './removal.ts'
import { applySettings, type Part, type Settings, settingsFor } from './settings.ts'
import { fillCpuset } from './v1.ts'
import { delegate } from './v2.ts'

/** After a kill the kernel needs time to take the processes down: to write cores, to give back memory. */
const REMOVE_TIMEOUT_MS = 5000
const WHERE = '/linux/cgroupsPath'

export class Cgroup implements CgroupManager {
  readonly #groups: Groups
  readonly #optional: boolean
  /** Those that `create` did not find there. */
  readonly #isNew = new Set<Group>()
  /** Name of a group → the number by which it is told from a later one of that name. */
  readonly #inodes: Map<string, string>

  constructor(mode: Mode, places: readonly Place[], optional: boolean, inodes = new Map<string, string>()) {
    this.#inodes = inodes
    this.#groups = new Groups(
      mode,
      places.map(place => new Group(place)),
    )
    this.#optional = optional
  }

  get saved(): SavedCgroup {
    const directories = this.#groups.all.map(({ name, place: { controllers, mountpoint } }) => {
      const inode = this.#inodes.get(name)
      return { controllers, mountpoint, directory: name, ...(inode !== undefined && { inode }) }
    })
    return { mode: this.#groups.mode, directories }
  }

  get isReplaced(): boolean {
    return this.#groups.all.some(({ name }) => {
      const [known, found] = [this.#inodes.get(name), inodeOf(name)]
      return known !== undefined && found !== undefined && known !== found
    })
  }

  holds(pid: number): boolean {
    return processes.holds(this.#groups, pid)
  }

  facts(): CgroupFacts {
    const { mode, all, v2 } = this.#groups
    const v1 = all.filter(group => !group.isV2).map(group => group.place)
    const joins = all.map(group => ({
      directory: group.name,
      isV2: group.isV2,
      required: !this.#optional && !this.#groups.isTracking(group),
    }))
    return { mode, v1, joins, ...(v2 ? { v2: { mountpoint: v2.place.mountpoint, path: v2.place.path } } : {}) }
  }

  create(): void {
    const groups = this.#groups
    if (groups.mode === 'none' && !this.#optional) throw noCgroups()
    try {
      groups.all = groups.all.filter(group => this.#createOne(group))
      this.#refuseUsed()
      for (const { name } of groups.all) this.#inodes.set(name, inodeOf(name) ?? '')
      if (groups.mode === 'v2' && groups.v2 !== undefined) delegate(groups.v2)
    } catch (error) {
      this.#undo(error)
      if (!this.#optional || !isErrno(error, 'EACCES', 'EPERM', 'EROFS')) throw error
      groups.all = []
    }
  }

  /** False when the host can do without it and does not let us. */
  #createOne(group: Group): boolean {
    try {
      if (group.create()) this.#isNew.add(group)
      if (group.controllers.includes('cpuset')) fillCpuset(group)
      return true
    } catch (error) {
      if (this.#groups.isTracking(group) && error instanceof SyscallError) {
        removeMade(group)
        return false
      }
      throw explained(error, { pointer: WHERE, intent: `create cgroup ${group.name}` })
    }
  }

  #refuseUsed(): void {
    const old = this.#groups.all.filter(group => !this.#isNew.has(group))
    const found = new Set(old.flatMap(group => group.pids()))
    const hint = 'give the container a group of its own, or wait until the one that used it before is deleted'
    if (found.size > 0)
      throw new StateError(`container's cgroup is not empty: ${found.size} process(es) found`, { where: WHERE, hint })
    if (this.state() === 'frozen')
      throw new StateError("container's cgroup unexpectedly frozen", {
        where: WHERE,
        hint: 'thaw it or a parent of it',
      })
  }

  #undo(failure: unknown): void {
    this.#groups.close()
    for (const group of this.#groups.all)
      try {
        removeMade(group)
      } catch (error) {
        if (failure instanceof TsruncError && error instanceof Error) failure.undoErrors.push(error)
      }
  }

  remove(): void {
    const deadline = performance.now() + REMOVE_TIMEOUT_MS
    let first: unknown
    this.#groups.close()
    // the v2 tree first: it tells when the last process is gone, which then holds for all
    for (const group of [...this.#groups.all].sort((a, b) => Number(b.isV2) - Number(a.isV2)))
      try {
        removeGroup(group, deadline)
        removeMade(group)
      } catch (error) {
        first ??= error
      }
    if (first !== undefined) throw first
  }

  check(resources: Resources | undefined): void {
    this.#settings(resources ?? {}, 'all')
  }

  set(resources: Resources = {}, part: Part = 'all'): void {
    const { v2 } = this.#groups
    applySettings(this.#groups, resources, this.#settings(resources, part), v2 !== undefined && this.#isNew.has(v2))
  }

  #settings(resources: Resources, part: Part): Settings {
    const settings = settingsFor(this.#groups, resources, part)
    const [first] = settings.writes
    const hasNone = this.#groups.all.length === 0
    if (hasNone && (first !== undefined || !this.#optional)) throw noCgroups(first?.pointer)
    return settings
  }

  join(pid: number): void {
    processes.join(this.#groups, pid)
  }

  pids(): number[] {
    return processes.pids(this.#groups)
  }

  state(): 'frozen' | 'thawed' {
    return processes.state(this.#groups)
  }

  freeze(): void {
    processes.freeze(this.#groups)
  }

  thaw(): void {
    processes.thaw(this.#groups)
  }

  killAll(signal: number): void {
    processes.killAll(this.#groups, signal)
  }

  [Symbol.dispose](): void {
    this.#groups.close()
  }
}

const inodeOf = (path: string): string | undefined =>
  attempt('stat', [JSON.stringify(path)], () => statSync(path, { bigint: true, throwIfNoEntry: false }))?.ino.toString()

const noCgroups = (where?: string): UnsupportedError =>
  new UnsupportedError(
    where === undefined ? 'no cgroup file system is mounted' : 'limits need a cgroup, and there is none',
    { where, hint: 'mount cgroup2 on /sys/fs/cgroup, or leave linux.resources and linux.cgroupsPath out' },
  )
