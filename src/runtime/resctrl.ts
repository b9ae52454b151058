// The resctrl file system, and taking back what create has made in it (intel-rdt.ts). Loaded by delete too, hence small.
// Document: Documentation/filesystems/resctrl.rst.
import { statfsSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { FSMAGIC } from '../abi/magic.ts'
import { rmdirAt } from '../host/at.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import { attempt } from '../host/node-error.ts'

/** What of resctrl goes with the container. */
export interface SavedRdt {
  readonly mountpoint: string
  /** Below the mountpoint, inner ones first. */
  readonly directories: readonly string[]
}

const { O_DIRECTORY, O_NOFOLLOW, O_PATH } = O.bits

/** Removes the groups, whose tasks the kernel moves up. With the file system all groups are gone, too. */
export function removeGroups({ mountpoint, directories }: SavedRdt, type = FSMAGIC.values.RDTGROUP_SUPER_MAGIC): void {
  using root = openMounted(mountpoint, type)
  for (const path of root === undefined ? [] : directories)
    try {
      const end = path.lastIndexOf('/')
      using parent = root?.openAt(path.slice(0, end + 1) || '.', O_PATH | O_DIRECTORY | O_NOFOLLOW)
      if (parent !== undefined) rmdirAt(parent, path.slice(end + 1))
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
    }
}

/** undefined where no file system of that type is mounted: state.json may have been edited, or be old. */
function openMounted(mountpoint: string, type: bigint): Fd | undefined {
  let root: Fd
  try {
    root = Fd.open(mountpoint, O_PATH | O_DIRECTORY)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
  if (BigInt(attempt('fstatfs', [root], () => statfsSync(root.path)).type) === type) return root
  root.close()
  return undefined
}
