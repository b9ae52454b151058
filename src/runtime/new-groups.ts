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

export function makeCgroup({ compiled, directory }: Place, undo: Undo, save: Save): void {
  const { cgroup, bundle } = compiled
  cgroup.create() // takes itself back when it fails
  undo.push(() => {
    cgroup[Symbol.dispose]() // looks anew: the groups may have been removed and made again
    if (cgroup.pids().length > 0) {
      if (directory.isRemoved) return // after a forced delete: these belong to a new container of the same name
      cgroup.killAll(SIG.SIGKILL) // what hooks of the container have left behind
    }
    cgroup.remove()
  })
  directory.add(CGROUP_FILE, JSON.stringify(cgroup.saved)) // should state.json be damaged
  save({ cgroup: cgroup.saved, cgroupMade: true })
  cgroup.set(bundle.spec.linux?.resources, 'early')
  const owner = cgroupOwner(bundle.spec)
  if (owner !== undefined && owner !== process.geteuid?.()) cgroup.giveTo(owner)
}

export function makeRdtGroup({ compiled: { rdt }, directory }: Place, undo: Undo, save: Save): void {
  if (rdt === undefined) return
  directory.add(RDT_FILE, JSON.stringify(rdt.saved))
  save({ rdt: rdt.saved })
  undo.push(() => rdt.remove())
  rdt.make()
}
