// The manager that works on the cgroup file systems directly: the same group in every hierarchy of the host.
import { SIG } from '../abi/signal.ts'
import { StateError, SyscallError, TsruncError, UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/libc.ts'
import { sendSignal } from '../host/process.ts'
import type { Resources } from '../spec/gen/types.ts'
import { applyWrites, checkUsage, type Target } from './apply.ts'
import { deviceRules, deviceWrites } from './devices.ts'
import { explained, Group, openMountpoint, type Place } from './group.ts'
import type { Mode } from './layout.ts'
import type { CgroupFacts, CgroupManager, Part, SavedCgroup } from './manager.ts'
import { removeGroup, removeMade } from './removal.ts'
import { resourceWrites, type Version } from './resources.ts'
import { fillCpuset, freezerState, freezeV1, thawV1 } from './v1.ts'
import * as v2 from './v2.ts'
import type { Write } from './write.ts'

/** After a kill the kernel needs time to take the processes down: to write cores, to give back memory. */
const REMOVE_TIMEOUT_MS = 5000
const DEVICES = '/linux/resources/devices'

export class Cgroup implements CgroupManager {
  readonly #mode: Mode
  readonly #optional: boolean
  #groups: Group[]
  /** Those that `create` did not find there. */
  readonly #isNew = new Set<Group>()

  constructor(mode: Mode, places: readonly Place[], optional: boolean) {
    this.#mode = mode
    this.#optional = optional
    this.#groups = places.map(place => new Group(place))
  }

  get saved(): SavedCgroup {
    const directories = this.#groups.map(({ name, place: { controllers, mountpoint } }) => {
      return { controllers, mountpoint, directory: name }
    })
    return { mode: this.#mode, directories }
  }

  facts(): CgroupFacts {
    const v1 = this.#groups.filter(group => !group.isV2).map(group => group.place)
    const tree = this.#v2?.place
    return { mode: this.#mode, v1, ...(tree ? { v2: { mountpoint: tree.mountpoint, path: tree.path } } : {}) }
  }

  // ---- create, remove ----

  create(): void {
    if (this.#mode === 'none' && !this.#optional) throw noCgroups()
    try {
      this.#groups = this.#groups.filter(group => this.#createOne(group))
      this.#refuseUsed()
      if (this.#mode === 'v2' && this.#v2 !== undefined) v2.delegate(this.#v2)
    } catch (error) {
      this.#undo(error)
      if (!this.#optional || !isErrno(error, 'EACCES', 'EPERM', 'EROFS')) throw error
      this.#groups = []
    }
  }

  #undo(failure: unknown): void {
    this[Symbol.dispose]()
    for (const group of this.#groups)
      try {
        removeMade(group)
      } catch (error) {
        if (failure instanceof TsruncError && error instanceof Error) failure.undoErrors.push(error)
      }
  }

  /** False when the host can do without it and does not let us. */
  #createOne(group: Group): boolean {
    try {
      if (group.create()) this.#isNew.add(group)
      if (group.controllers.includes('cpuset')) fillCpuset(group)
      return true
    } catch (error) {
      if (this.#isTracking(group) && error instanceof SyscallError) return false
      throw explained(error, { pointer: '/linux/cgroupsPath', intent: `create cgroup ${group.name}` })
    }
  }

  /** Hierarchies without a controller: systemd's own, and the v2 tree of a hybrid host. As in runc, best effort. */
  #isTracking(group: Group): boolean {
    return group.place.controllers.startsWith('name=') || (group.isV2 && this.#mode === 'hybrid')
  }

  #refuseUsed(): void {
    const found = new Set(this.#groups.filter(group => !this.#isNew.has(group)).flatMap(group => group.pids()))
    const where = '/linux/cgroupsPath'
    const hint = `name another group, or free ${this.#groups.map(group => group.place.path)[0]} first`
    if (found.size > 0)
      throw new StateError(`container's cgroup is not empty: ${found.size} process(es) found`, { where, hint })
    if (this.#groups.length > 0 && this.state() === 'frozen')
      throw new StateError("container's cgroup unexpectedly frozen", { where, hint })
  }

  remove(): void {
    const deadline = performance.now() + REMOVE_TIMEOUT_MS
    let first: unknown
    // the v2 tree first: it tells when the last process is gone, which then holds for all
    for (const group of [...this.#groups].sort((a, b) => Number(b.isV2) - Number(a.isV2)))
      try {
        group.close()
        removeGroup(group, deadline)
        removeMade(group)
      } catch (error) {
        first ??= error
      }
    if (first !== undefined) throw first
  }

  // ---- settings ----

  check(resources: Resources | undefined): void {
    this.#writes(resources ?? {}, 'all')
  }

  set(resources: Resources = {}, part: Part = 'all'): void {
    const writes = this.#writes(resources, part)
    const tree = this.#v2
    if (this.#mode === 'hybrid' && tree !== undefined) {
      const controllers = writes.map(write => write.controller).filter(name => this.#groupOf(name) === tree)
      if (controllers.length > 0) v2.delegate(tree, controllers)
    }
    checkUsage(resources.memory, this.#groupOf('memory'))
    applyWrites(writes, this.#target)
    if (this.#wantsDevices(resources, part) && this.#devicesBy === 'program' && tree !== undefined)
      v2.setDeviceProgram(tree, deviceRules(resources.devices), this.#isNew.has(tree))
  }

  #writes(resources: Resources, part: Part): Write[] {
    const writes = resourceWrites(resources, controller => this.#version(controller))
    const [first] = writes
    if (this.#groups.length === 0 && (first !== undefined || !this.#optional)) throw noCgroups(first?.pointer)
    if (this.#wantsDevices(resources, part)) {
      if (this.#devicesBy === 'lines') writes.push(...deviceWrites(deviceRules(resources.devices)))
      else if (this.#devicesBy === 'nothing' && !this.#optional)
        throw new UnsupportedError('device rules: no devices hierarchy of cgroup v1 and no cgroup v2 is mounted', {
          where: DEVICES,
        })
    }
    if (part === 'all' || part === 'update') return writes
    return writes.filter(write => (write.late === true) === (part === 'late'))
  }

  #wantsDevices(resources: Resources, part: Part): boolean {
    return part === 'update' ? resources.devices !== undefined : part !== 'early'
  }

  get #devicesBy(): 'lines' | 'program' | 'nothing' {
    if (this.#v1('devices') !== undefined) return 'lines'
    return this.#v2 === undefined ? 'nothing' : 'program'
  }

  get #target(): Target {
    return {
      group: controller => this.#groupOf(controller),
      missing: (group, controller) => (group.isV2 ? v2.whyMissing(group, controller) : undefined),
    }
  }

  /** Of a hybrid host's controllers most are in v1, but what v1 has not mounted may be had from the v2 tree. */
  #version(controller: string): Version {
    if (this.#mode === 'v2') return 'v2'
    if (this.#mode !== 'hybrid' || controller === '' || this.#v1(controller) !== undefined) return 'v1'
    const tree = this.#v2
    if (tree === undefined) return 'v1'
    using mountpoint = openMountpoint(tree.place)
    return v2.controllersOf(mountpoint).includes(controller === 'blkio' ? 'io' : controller) ? 'v2' : 'v1'
  }

  #groupOf(controller: string): Group | undefined {
    return this.#v1(controller) ?? this.#v2
  }

  #v1(controller: string): Group | undefined {
    return this.#groups.find(group => group.controllers.includes(controller) && !group.isV2)
  }

  get #v2(): Group | undefined {
    return this.#groups.find(group => group.isV2)
  }

  // ---- processes ----

  join(pid: number): void {
    for (const group of this.#groups)
      try {
        if (group.isV2) v2.joinV2(group, pid)
        else group.join(pid)
      } catch (error) {
        if (!this.#isTracking(group) || isErrno(error, 'ESRCH')) throw error
      }
  }

  pids(): number[] {
    return [...new Set(this.#trackers().flatMap(group => this.#pidsOf(group)))]
  }

  /** The groups that show all processes: the v2 tree and, since joining it is best effort on a hybrid host, one of v1. */
  #trackers(): Group[] {
    const v1 = this.#v1('freezer') ?? this.#groups.find(group => !group.isV2 && !this.#isTracking(group))
    return [this.#v2, v1].filter(group => group !== undefined)
  }

  #pidsOf(group: Group): number[] {
    try {
      return group.pids()
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENODEV')) return []
      throw error
    }
  }

  state(): 'frozen' | 'thawed' {
    const freezer = this.#v1('freezer')
    const tree = this.#v2
    try {
      if (freezer !== undefined) return freezerState(freezer)
      return tree !== undefined && v2.isFrozen(tree) ? 'frozen' : 'thawed'
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENODEV')) return 'thawed' // removed: nothing in it is frozen
      throw error
    }
  }

  freeze(): void {
    const freezer = this.#freezer()
    if (freezer.isV2) v2.freezeV2(freezer, true)
    else freezeV1(freezer)
  }

  thaw(): void {
    const freezer = this.#freezer()
    if (freezer.isV2) v2.freezeV2(freezer, false)
    else thawV1(freezer)
  }

  get #freezerOrNone(): Group | undefined {
    return this.#v1('freezer') ?? this.#v2
  }

  #freezer(): Group {
    const group = this.#freezerOrNone
    if (group === undefined) throw new UnsupportedError('freezing needs the freezer of cgroup v1, or cgroup v2')
    return group
  }

  /** A frozen container stays frozen, except that SIGKILL lets it go: nothing frozen dies in v1. */
  killAll(signal: number): void {
    const isKill = signal === SIG.SIGKILL
    const wasFrozen = this.state() === 'frozen'
    const killed = isKill ? this.#killTree() : new Set<number>()
    if (this.pids().some(pid => !killed.has(pid))) {
      // held still, nothing can fork away between the list and the signals
      const freezes = !wasFrozen && this.#freezerOrNone !== undefined
      if (freezes) this.#tryFreeze()
      for (const pid of this.pids()) sendSignal(pid, signal)
      if (freezes) this.thaw()
    }
    if (isKill && wasFrozen) this.thaw()
  }

  /** Kills what is in the v2 tree at once; the processes that were there. */
  #killTree(): ReadonlySet<number> {
    const tree = this.#v2
    if (tree === undefined) return new Set()
    try {
      const pids = this.#pidsOf(tree)
      return new Set(v2.killV2(tree) ? pids : [])
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENODEV')) return new Set()
      throw error
    }
  }

  /** Signals reach more processes when they hold still, but those that do not must be signalled too. */
  #tryFreeze(): void {
    try {
      this.freeze()
    } catch (error) {
      if (!(error instanceof StateError)) throw error
    }
  }

  [Symbol.dispose](): void {
    for (const group of this.#groups) group.close()
  }
}

const noCgroups = (where?: string): UnsupportedError =>
  new UnsupportedError(
    where === undefined ? 'no cgroup file system is mounted' : 'limits need a cgroup, and none could be made',
    { where, hint: 'mount cgroup2 on /sys/fs/cgroup, or leave linux.resources and linux.cgroupsPath out' },
  )
