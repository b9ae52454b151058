// The groups of one container, one in each hierarchy of the host, and which of them is asked for what.
import type { Group, Place } from './group.ts'
import type { Mode } from './layout.ts'

export const isTracking = ({ controllers }: Place, mode: Mode): boolean =>
  controllers.startsWith('name=') || (controllers === '' && mode === 'hybrid')

export class Groups {
  readonly mode: Mode
  all: Group[]

  constructor(mode: Mode, all: Group[]) {
    this.mode = mode
    this.all = all
  }

  v1(controller: string): Group | undefined {
    return this.all.find(group => !group.isV2 && group.controllers.includes(controller))
  }

  get v2(): Group | undefined {
    return this.all.find(group => group.isV2)
  }

  /** The group whose files set a controller's limits. */
  holding(controller: string): Group | undefined {
    return this.v1(controller) ?? this.v2
  }

  get freezer(): Group | undefined {
    return this.v1('freezer') ?? this.v2
  }

  /** Hierarchies without a controller: systemd's own, and the v2 tree of a hybrid host. As in runc, best effort. */
  isTracking(group: Group): boolean {
    return isTracking(group.place, this.mode)
  }

  /** Those that show all processes: the v2 tree and, since joining it is best effort on a hybrid host, one of v1. */
  get trackers(): Group[] {
    const v1 = this.v1('freezer') ?? this.all.find(group => !group.isV2 && !this.isTracking(group))
    return [this.v2, v1].filter(group => group !== undefined)
  }

  close(): void {
    for (const group of this.all) group.close()
  }
}
