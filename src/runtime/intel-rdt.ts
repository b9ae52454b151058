// linux.intelRdt: the container's group in resctrl, which bounds its share of caches and of memory bandwidth, and its
// monitoring group. A part of parts.ts: loaded only for a config that has the property. Removing is resctrl.ts's.
// Documents: config-linux.md#intelrdt, Documentation/filesystems/resctrl.rst.
import { explained } from '../cgroup/group.ts'
import { type Origin, StateError, UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import { type MountEntry, mountEntries } from '../host/mountinfo.ts'
import type { IntelRdt } from '../spec/gen/types.ts'
import { isReservedGroup } from '../spec/resource-checks.ts'
import { removeGroups, type SavedRdt } from './resctrl.ts'
import { Resctrl } from './resctrl-files.ts'
import { differences } from './schemata.ts'

const POINTER = '/linux/intelRdt'

/** The group of a container that is about to be made. Throws what can be known without touching anything. */
export function rdtGroup(id: string, wish: IntelRdt, mounts: readonly MountEntry[] = mountEntries()): RdtGroup {
  const mount = mounts.findLast(({ type }) => type === 'resctrl')
  if (mount === undefined)
    throw new UnsupportedError('intelRdt: no resctrl file system is mounted', {
      where: POINTER,
      hint: 'mount -t resctrl resctrl /sys/fs/resctrl (needs a CPU with RDT and a kernel with CONFIG_X86_CPU_RESCTRL)',
    })
  return new RdtGroup(new Resctrl(mount.mountPoint), id, wish)
}

interface Schema {
  readonly pointer: string
  readonly line: string
}

export class RdtGroup {
  readonly #resctrl: Resctrl
  readonly #isOwn: boolean
  /** Below the mountpoint; "" is the default group. */
  readonly #group: string
  readonly #monitor: string | undefined
  readonly #schemata: readonly Schema[]
  /** `make` is to make it, and has not found it. */
  readonly #isNew: boolean
  /** What `make` has made; what it was to make and has found may be another container's. */
  readonly #made = new Set<string>()

  constructor(resctrl: Resctrl, id: string, wish: IntelRdt) {
    this.#resctrl = resctrl
    this.#isOwn = !wish.closID
    this.#group = wish.closID === '/' ? '' : wish.closID || id
    this.#monitor = wish.enableMonitoring ? join(this.#group, `mon_groups/${id}`) : undefined
    this.#schemata = schemataOf(wish)
    if (isReservedGroup(this.#group))
      throw new StateError(`intelRdt: resctrl has a directory ${this.#group} of its own`, {
        where: POINTER,
        isInConfig: true,
      })
    this.#isNew = !resctrl.has(this.#group)
    if (this.#isNew) this.#mustBeMakable()
    else this.#compare()
  }

  /** What goes with the container: the group only when it is the container's alone and was not there. */
  get saved(): SavedRdt {
    const own = this.#isOwn && this.#isNew ? [this.#group] : []
    const directories = this.#monitor === undefined ? own : [this.#monitor, ...own]
    return { mountpoint: this.#resctrl.mountpoint, directories }
  }

  /** A group that it makes and can not set up is removed again; what is left is for `remove`. */
  make(): void {
    const made = this.#isNew && this.#makeGroup()
    try {
      this.#write()
    } catch (error) {
      if (made) this.#resctrl.remove(this.#group)
      throw error
    }
    if (this.#monitor !== undefined) this.#makeMonitor(this.#monitor)
  }

  /** Before the process has children: they are born into its groups. */
  join(pid: number): void {
    this.#explain(POINTER, `move init into the resctrl group ${this.#name}`, () => {
      this.#resctrl.write(this.#group, 'tasks', [String(pid)])
      // the kernel takes only tasks of the group around it
      if (this.#monitor !== undefined) this.#resctrl.write(this.#monitor, 'tasks', [String(pid)])
    })
  }

  /** Takes `make` back. */
  remove(): void {
    const { mountpoint, directories } = this.saved
    removeGroups({ mountpoint, directories: directories.filter(each => this.#made.has(each)) }, this.#resctrl.type)
  }

  get #name(): string {
    return `${this.#resctrl.mountpoint}/${this.#group}`
  }

  #mustBeMakable(): void {
    if (this.#isOwn || this.#schemata.length > 0) return
    throw new StateError(`intelRdt: there is no resctrl group ${this.#name}, and no schema to make it with`, {
      where: `${POINTER}/closID`,
      isInConfig: true,
      hint: 'make the group beforehand, or give a schema',
    })
  }

  /** Other containers may be in a group that is there already. */
  #compare(): void {
    if (this.#schemata.length === 0) return
    const found = this.#resctrl.read(this.#group, 'schemata')
    for (const { pointer, line } of this.#schemata) {
      const [difference] = differences(line, found, resource => this.#resctrl.granularity(resource))
      if (difference !== undefined)
        throw new StateError(
          `the resctrl group ${this.#name} has another schema: ${difference}, asked for is ${line}`,
          {
            where: pointer,
            isInConfig: true,
            hint: 'use a group with this schema, or another closID',
          },
        )
    }
  }

  /** False when somebody else has made it meanwhile. */
  #makeGroup(): boolean {
    try {
      this.#explain(`${POINTER}/closID`, `make the resctrl group ${this.#name}`, () => this.#resctrl.make(this.#group))
      this.#made.add(this.#group)
      return true
    } catch (error) {
      if (this.#isOwn || !isErrno(error, 'EEXIST')) throw error
      this.#compare()
      return false
    }
  }

  #makeMonitor(path: string): void {
    const intent = `make the monitoring group ${this.#resctrl.mountpoint}/${path}`
    this.#explain(`${POINTER}/enableMonitoring`, intent, () => this.#resctrl.make(path))
    this.#made.add(path)
  }

  /** One write a line: in one write the kernel would take no second value for the same cache. */
  #write(): void {
    for (const { pointer, line } of this.#schemata)
      this.#explain(pointer, `set the schemata of the resctrl group ${this.#name} to ${line}`, () =>
        this.#resctrl.write(this.#group, 'schemata', [line]),
      )
  }

  #explain(pointer: string, intent: string, work: () => void): void {
    const origin: Origin = { pointer, intent }
    try {
      work()
    } catch (error) {
      const said = this.#resctrl.lastStatus()
      throw explained(error, origin, said && `the kernel says: ${said}`)
    }
  }
}

const join = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`)

/** In the order of writing, which the spec has. */
function schemataOf({ l3CacheSchema, memBwSchema, schemata = [] }: IntelRdt): Schema[] {
  const found: Schema[] = []
  if (l3CacheSchema) found.push({ pointer: `${POINTER}/l3CacheSchema`, line: l3CacheSchema })
  if (memBwSchema) found.push({ pointer: `${POINTER}/memBwSchema`, line: memBwSchema })
  for (const [index, line] of schemata.entries())
    if (line !== '') found.push({ pointer: `${POINTER}/schemata/${index}`, line })
  return found
}
