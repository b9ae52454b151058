// Where on this host a container's groups are, or will be.
import { O } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { mountEntriesWith } from '../host/mountinfo.ts'
import type { Place } from './group.ts'
import { CGROUP_ROOT, groupPath, type Layout, layoutOf } from './layout.ts'
import type { CgroupRequest } from './manager.ts'

/** The layout of this host as this process sees it. */
export function currentLayout(): Layout {
  using file = Fd.open('/proc/self/cgroup', O.bits.O_RDONLY)
  return layoutOf(mountEntriesWith([CGROUP_ROOT, 'cgroup']), file.readText())
}

export const placesOf = (request: CgroupRequest, layout: Layout): Place[] =>
  layout.hierarchies.map(hierarchy => ({
    controllers: hierarchy.controllers,
    mountpoint: hierarchy.mountpoint,
    path: groupPath(request.cgroupsPath, request.id, layout, hierarchy),
  }))

/** The groups that this process is in. */
export const ownPlaces = (layout: Layout): Place[] =>
  layout.hierarchies.map(({ controllers, mountpoint, own }) => ({ controllers, mountpoint, path: own }))
