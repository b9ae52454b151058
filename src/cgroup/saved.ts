// The groups that state.json remembers.
import { StateError } from '../errors.ts'
import { Cgroup } from './cgroup.ts'
import { clean, type Mode } from './layout.ts'
import type { CgroupManager, SavedCgroup } from './manager.ts'

const MODES: readonly string[] = ['v1', 'hybrid', 'v2', 'none'] satisfies Mode[]

/** From state.json, which somebody may have edited: nothing outside of the mountpoints is ever touched. */
export function savedCgroup(saved: SavedCgroup): CgroupManager {
  if (!MODES.includes(saved.mode)) throw new StateError(`the saved cgroup has an unknown mode: ${saved.mode}`)
  const places = saved.directories.map(({ controllers, mountpoint, directory }) => {
    const path = directory.slice(mountpoint.length)
    const isBelow = directory.startsWith(`${mountpoint}/`) && path === clean(path) && path !== '/'
    if (!isBelow) throw new StateError(`the saved cgroup ${directory} is not a group below ${mountpoint}`)
    return { controllers, mountpoint, path }
  })
  const inodes = saved.directories.flatMap(({ directory, inode }) => (inode ? [[directory, inode] as const] : []))
  return new Cgroup(saved.mode, places, new Map(inodes))
}
