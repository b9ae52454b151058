// The home of a container's user, from its passwd(5) file. That belongs to whoever made the image, so it is opened below
// the rootfs only, is read only if it is a regular file, and lines that make no sense are passed over.
import { O } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { openInRoot } from '../host/tree.ts'
import { entryOf } from './user-names.ts'

const LARGEST = 8 * 1024 * 1024

/** The home of a user in the container's /etc/passwd. */
export function homeOf(rootfs: Fd, uid: number): string | undefined {
  try {
    // looked at before it is opened: a device of the image would act on that, a fifo would hold us
    using found = openInRoot(rootfs, 'etc/passwd', O.bits.O_PATH)
    if (!found.stat().isFile()) return undefined
    using file = Fd.open(found.path, O.bits.O_RDONLY)
    const home = entryOf(file.readText(LARGEST), uid)?.home
    return home?.includes('\0') ? undefined : home || undefined
  } catch {
    return undefined // an image without users, or with a file that nobody can read: no home
  }
}
