// What create makes of groups: those of the cgroup hierarchies and the one of resctrl. Each is written to the container's
// directory when `delete` would have to know of it.
import { SIG } from '../abi/signal.ts'
import { cgroupOwner } from './cgroup-owner.ts'
import type { Compiled } from './compile.ts'
import { CGROUP_FILE, RDT_FILE } from './container.ts'
import type { SavedState } from './saved.ts'
import type { ContainerDirectory } from './store.ts'
import type { Undo } from './undo.ts'

interface Place {
  readonly compiled: Compiled
  readonly directory: ContainerDirectory
}
type Save = (change: Partial<SavedState>) => void

export class NewGroups {
  readonly #place: Place
  readonly #made = { cgroup: false, rdt: false }

  /** Before anything is started that may come into them: what is undone first is what was done last. */
  constructor(place: Place, undo: Undo) {
    this.#place = place
    undo.push(() => this.#takeBackCgroup())
    if (place.compiled.rdt !== undefined) undo.push(() => this.#takeBackRdt())
  }

  make(save: Save): void {
    this.#makeCgroup(save)
    this.#makeRdtGroup(save)
  }

  #makeCgroup(save: Save): void {
    const { compiled, directory } = this.#place
    const { cgroup, bundle } = compiled
    cgroup.create() // takes itself back when it fails
    this.#made.cgroup = true
    directory.add(CGROUP_FILE, JSON.stringify(cgroup.saved)) // should state.json be damaged
    save({ cgroup: cgroup.saved, cgroupMade: true })
    cgroup.set(bundle.spec.linux?.resources, 'early')
    const owner = cgroupOwner(bundle.spec)
    if (owner !== undefined && owner !== process.geteuid?.()) cgroup.giveTo(owner)
  }

  #takeBackCgroup(): void {
    if (!this.#made.cgroup) return
    const { compiled, directory } = this.#place
    const { cgroup } = compiled
    cgroup[Symbol.dispose]() // looks anew: the groups may have been removed and made again
    if (cgroup.pids().length > 0) {
      if (directory.isRemoved) return // after a forced delete: these belong to a new container of the same name
      cgroup.killAll(SIG.SIGKILL) // what hooks of the container have left behind
    }
    cgroup.remove()
  }

  #makeRdtGroup(save: Save): void {
    const { compiled, directory } = this.#place
    const { rdt } = compiled
    if (rdt === undefined) return
    directory.add(RDT_FILE, JSON.stringify(rdt.saved))
    save({ rdt: rdt.saved })
    this.#made.rdt = true
    rdt.make()
  }

  #takeBackRdt(): void {
    if (this.#made.rdt) this.#place.compiled.rdt?.remove()
  }
}
