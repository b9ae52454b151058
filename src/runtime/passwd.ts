// passwd(5) files: the home of a container's user, and names of users of this host. The container's file belongs to
// whoever made its image, so it is opened below the rootfs only, is read only if it is a regular file, and lines that
// make no sense are passed over.
import { readFileSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { openInRoot } from '../host/tree.ts'

const LARGEST = 8 * 1024 * 1024

interface Entry {
  readonly name: string
  readonly home: string
}

function entryOf(text: string, uid: number): Entry | undefined {
  for (const line of text.split('\n')) {
    const [name = '', , id, , , home = ''] = line.split(':')
    if (id === String(uid)) return { name, home }
  }
  return undefined
}

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

/** "root", or "#1234" when this host has no name for the user. */
export function userName(uid: number): string {
  try {
    return entryOf(readFileSync('/etc/passwd', 'utf8'), uid)?.name || `#${uid}`
  } catch {
    return `#${uid}`
  }
}

/** userName, which looks each user up once. */
export function userNames(): (uid: number) => string {
  const known = new Map<number, string>()
  return uid => {
    const name = known.get(uid) ?? userName(uid)
    known.set(uid, name)
    return name
  }
}
