// A container's groups that are about to be made: where they will be, the groups themselves, their limits.
import { StateError, SyscallError, TsruncError, UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import type { Resources } from '../spec/gen/types.ts'
import { Cgroup, inodeOf } from './cgroup.ts'
import { delegate } from './delegation.ts'
import { explained, type Group, type Place } from './group.ts'
import type { Layout, Mode } from './layout.ts'
import type { CgroupFacts, CgroupRequest, NewCgroupManager } from './manager.ts'
import { giveTo } from './ownership.ts'
import { currentLayout, placesOf } from './places.ts'
import * as processes from './processes.ts'
import { removeMade } from './removal.ts'
import { applySettings, type Part, type Settings, settingsFor } from './settings.ts'
import { fillCpuset } from './v1-parents.ts'

const WHERE = '/linux/cgroupsPath'

export function newCgroup(request: CgroupRequest, layout: Layout = currentLayout()): NewCgroupManager {
  return new NewCgroup(layout.mode, placesOf(request, layout), request)
}

class NewCgroup extends Cgroup implements NewCgroupManager {
  readonly #optional: boolean
  readonly #isRootless: boolean
  /** Those that `create` did not find there. */
  readonly #isNew = new Set<Group>()

  constructor(mode: Mode, places: readonly Place[], { optional = false, cgroupsPath }: CgroupRequest) {
    super(mode, places)
    this.#optional = optional && !cgroupsPath
    this.#isRootless = optional
  }

  facts(): CgroupFacts {
    const { mode, all, v2 } = this.groups
    const v1 = all.filter(group => !group.isV2).map(group => group.place)
    const joins = all.map(group => ({
      directory: group.name,
      isV2: group.isV2,
      required: !this.#optional && !this.groups.isTracking(group),
    }))
    return { mode, v1, joins, ...(v2 ? { v2: { mountpoint: v2.place.mountpoint, path: v2.place.path } } : {}) }
  }

  create(): void {
    const groups = this.groups
    if (groups.mode === 'none' && !this.#optional) throw noCgroups()
    try {
      groups.all = groups.all.filter(group => this.#createOne(group))
      this.#refuseUsed()
      for (const { name } of groups.all) this.inodes.set(name, inodeOf(name) ?? '')
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
      if (this.groups.isTracking(group) && error instanceof SyscallError) {
        removeMade(group)
        return false
      }
      throw explained(error, { pointer: WHERE, intent: `create cgroup ${group.name}` })
    }
  }

  #refuseUsed(): void {
    const old = this.groups.all.filter(group => !this.#isNew.has(group))
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
    this.groups.close()
    for (const group of this.groups.all)
      try {
        removeMade(group)
      } catch (error) {
        if (failure instanceof TsruncError && error instanceof Error) failure.undoErrors.push(error)
      }
  }

  check(resources: Resources | undefined): void {
    this.#settings(resources ?? {}, 'all')
  }

  set(resources: Resources = {}, part: Part = 'all'): void {
    const { v2 } = this.groups
    applySettings(this.groups, resources, this.#settings(resources, part), {
      isNew: v2 !== undefined && this.#isNew.has(v2),
      isRootless: this.#isRootless,
    })
  }

  giveTo(uid: number): void {
    const { mode, v2 } = this.groups
    if (mode !== 'v2' || v2 === undefined) return
    try {
      giveTo(v2, uid)
    } catch (error) {
      if (!this.#isRootless || !isErrno(error, 'EPERM', 'EINVAL')) throw error
    }
  }

  #settings(resources: Resources, part: Part): Settings {
    const settings = settingsFor(this.groups, resources, part)
    const [first] = settings.writes
    const hasNone = this.groups.all.length === 0
    if (hasNone && (first !== undefined || !this.#optional)) throw noCgroups(first?.pointer)
    return settings
  }

  join(pid: number): void {
    processes.join(this.groups, pid)
  }
}

const noCgroups = (where?: string): UnsupportedError =>
  new UnsupportedError(
    where === undefined ? 'no cgroup file system is mounted' : 'limits need a cgroup, and there is none',
    { where, hint: 'mount cgroup2 on /sys/fs/cgroup, or leave linux.resources and linux.cgroupsPath out' },
  )
