// A container's groups that are about to be made: where they will be, the groups themselves, their limits.
import { accessSync, constants, existsSync } from 'node:fs'
import { StateError, SyscallError, TsruncError, UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import type { Fd } from '../host/fd.ts'
import type { Resources } from '../spec/gen/types.ts'
import { Cgroup, inodeOf } from './cgroup.ts'
import { delegate } from './delegation.ts'
import { loadRules } from './device-attachment.ts'
import { explained, type Group, type Place } from './group.ts'
import { isTracking } from './groups.ts'
import type { Layout, Mode } from './layout.ts'
import type { CgroupFacts, CgroupRequest, NewCgroupManager } from './manager.ts'
import { giveTo } from './ownership.ts'
import { currentLayout, ownPlaces, placesOf } from './places.ts'
import * as processes from './processes.ts'
import { removeMade } from './removal.ts'
import { allSettings, applySettings, type Part, type Settings, selected, settingsFor } from './settings.ts'
import { fillCpuset } from './v1-parents.ts'

const WHERE = '/linux/cgroupsPath'
const NONE: Resources = {}

export function newCgroup(request: CgroupRequest, layout: Layout = currentLayout()): NewCgroupManager {
  return new NewCgroup(layout, request)
}

class NewCgroup extends Cgroup implements NewCgroupManager {
  readonly #isRootless: boolean
  readonly #optional: boolean
  /** The groups that the container stays in, for want of permission to make any. */
  readonly #inherited: readonly Place[] | undefined
  /** Those that `create` did not find there. */
  readonly #isNew = new Set<Group>()
  /** Device rules that are loaded, but not yet in force. */
  #program: Fd | undefined
  #known: { readonly resources: Resources; readonly all: readonly Group[]; readonly settings: Settings } | undefined

  constructor(layout: Layout, request: CgroupRequest) {
    const optional = request.optional === true && !request.cgroupsPath
    const places = placesOf(request, layout)
    const inherits = optional && !mayMake(places, layout.mode)
    super(layout.mode, inherits ? [] : places)
    this.#isRootless = request.optional === true
    this.#optional = optional
    this.#inherited = inherits ? ownPlaces(layout) : undefined
  }

  facts(): CgroupFacts {
    const { mode, all, v2 } = this.groups
    if (this.#inherited !== undefined) return inheritedFacts(mode, this.#inherited)
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
      const made = groups.all.filter(group => this.#createOne(group))
      if (made.length < groups.all.length) groups.all = made
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
      const hint = this.#isRootless && isErrno(error, 'EACCES', 'EPERM', 'EROFS') ? NOT_GRANTED : undefined
      throw explained(error, { pointer: WHERE, intent: `create cgroup ${group.name}` }, hint)
    }
  }

  #refuseUsed(): void {
    const old = this.groups.all.filter(group => !this.#isNew.has(group))
    const found = new Set(old.flatMap(group => group.pids()))
    const hint = 'give the container a group of its own, or wait until the one that used it before is deleted'
    if (found.size > 0)
      throw new StateError(`container's cgroup is not empty: ${found.size} process(es) found`, {
        where: WHERE,
        isInConfig: true,
        hint,
      })
    if (this.state() === 'frozen')
      throw new StateError("container's cgroup unexpectedly frozen", {
        where: WHERE,
        isInConfig: true,
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
    this.#settings(resources ?? NONE, 'all')
  }

  set(resources: Resources = NONE, part: Part = 'all'): void {
    const { v2 } = this.groups
    using program = this.#takeProgram(part)
    applySettings(this.groups, resources, this.#settings(resources, part), {
      isNew: v2 !== undefined && this.#isNew.has(v2),
      isRootless: this.#isRootless,
      program,
    })
  }

  prepareLate(resources: Resources = NONE): void {
    try {
      const { program } = this.#settings(resources, 'late')
      if (program !== undefined && this.groups.v2 !== undefined) this.#program = loadRules(program)
    } catch (error) {
      if (!(error instanceof TsruncError)) throw error // `set` meets it again, when its time has come
    }
  }

  #takeProgram(part: Part): Fd | undefined {
    if (part !== 'late') return undefined
    const program = this.#program
    this.#program = undefined
    return program
  }

  override [Symbol.dispose](): void {
    this.#program?.close()
    this.#program = undefined
    super[Symbol.dispose]()
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

  /** They are asked for several times: they stay the same as long as the groups do. */
  #allSettings(resources: Resources): Settings {
    const { all } = this.groups
    if (this.#known?.resources !== resources || this.#known.all !== all)
      this.#known = { resources, all, settings: allSettings(this.groups, resources) }
    return this.#known.settings
  }

  #settings(resources: Resources, part: Part): Settings {
    const settings =
      part === 'update' ? settingsFor(this.groups, resources, part) : selected(this.#allSettings(resources), part)
    const [first] = settings.writes
    const hasNone = this.groups.all.length === 0
    if (hasNone && this.#inherited !== undefined && first !== undefined) throw notAllowed(first.pointer)
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

/** In runc's words. */
const NOT_GRANTED = 'rootless needs no limits + no cgrouppath when no permission is granted for cgroups'

const notAllowed = (where: string): UnsupportedError =>
  new UnsupportedError(`${NOT_GRANTED}: ${where} needs a cgroup`, {
    where,
    hint: 'have a cgroup delegated to you (systemd-run --user --scope -p Delegate=yes …), or take the limit out',
  })

/** Whether this user may make the groups, or what is missing of the path to them. */
function mayMake(places: readonly Place[], mode: Mode): boolean {
  const needed = places.filter(place => !isTracking(place, mode))
  return needed.every(({ mountpoint, path }) => {
    for (let at = `${mountpoint}${path}`; at.length >= mountpoint.length; at = at.slice(0, at.lastIndexOf('/')))
      if (existsSync(at)) return isWritable(at)
    return false
  })
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

function inheritedFacts(mode: Mode, places: readonly Place[]): CgroupFacts {
  const v2 = places.find(({ controllers }) => controllers === '')
  const v1 = places.filter(place => place !== v2)
  return { mode, v1, joins: [], inherited: true, ...(v2 && { v2: { mountpoint: v2.mountpoint, path: v2.path } }) }
}
