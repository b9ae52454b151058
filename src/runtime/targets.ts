// Where the links of an image lead. Only names are looked at, and only names come out: whoever uses the answer resolves
// it once more below the root, so an image that changes meanwhile gains nothing.
import { lstatSync, readlinkSync } from 'node:fs'
import { join, normalize } from 'node:path'
import type { Fd } from '../host/fd.ts'
import type { Mount } from '../spec/gen/types.ts'

/** As in the kernel: path_resolution(7). */
const MOST_LINKS = 40

/** Destinations that a link of the image leads elsewhere, by the JSON Pointer of the mount. */
export function linkedTargets(rootfs: Fd, mounts: readonly Mount[]): Map<string, string> {
  const targets = new Map<string, string>()
  const known: Known = new Map()
  for (const [index, { destination }] of mounts.entries()) {
    const path = unslashed(normalize(`/${destination}`))
    const target = follow(rootfs, path, known)
    if (target !== undefined && target !== path) targets.set(`/mounts/${index}`, target)
  }
  return targets
}

/** The path without links, as far as it exists; undefined when its links have no end. */
function follow(rootfs: Fd, path: string, known: Known): string | undefined {
  const rest = path.split('/').reverse()
  let found = '/'
  let links = 0
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    const here = join(found, name)
    const target = name === '' || name === '.' || name === '..' ? undefined : linkAt(rootfs, here, known)
    if (target === undefined) found = here
    else {
      if (++links > MOST_LINKS) return undefined
      if (target.startsWith('/')) found = '/'
      rest.push(...target.split('/').reverse())
    }
  }
  return unslashed(found)
}

const unslashed = (path: string): string => path.replace(/(?<=.)\/$/, '')

/** What was looked at, and where it leads if it is a link: most destinations lie below /dev. */
type Known = Map<string, string | undefined>

function linkAt(rootfs: Fd, path: string, known: Known): string | undefined {
  if (known.has(path)) return known.get(path)
  const target = targetOf(`${rootfs.path}${path}`)
  known.set(path, target)
  return target
}

function targetOf(path: string): string | undefined {
  try {
    // an error takes more time than one more call
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined
  } catch {
    return undefined // not to be seen: the image's own calls will tell
  }
}
