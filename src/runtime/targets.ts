// Where the links of an image lead. Only names are looked at, and only names come out: whoever uses the answer resolves
// it once more below the root, so an image that changes meanwhile gains nothing.
import { readlinkSync } from 'node:fs'
import { join, normalize } from 'node:path'
import type { Fd } from '../host/fd.ts'
import type { Mount } from '../spec/gen/types.ts'

/** As in the kernel: path_resolution(7). */
const MOST_LINKS = 40

/** Destinations that a link of the image leads elsewhere, by the JSON Pointer of the mount. */
export function linkedTargets(rootfs: Fd, mounts: readonly Mount[]): Map<string, string> {
  const targets = new Map<string, string>()
  for (const [index, { destination }] of mounts.entries()) {
    const path = unslashed(normalize(`/${destination}`))
    const target = follow(rootfs, path)
    if (target !== undefined && target !== path) targets.set(`/mounts/${index}`, target)
  }
  return targets
}

/** The path without links, as far as it exists; undefined when its links have no end. */
function follow(rootfs: Fd, path: string): string | undefined {
  const rest = path.split('/').reverse()
  let found = '/'
  let links = 0
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    const here = join(found, name)
    const target = name === '' || name === '.' || name === '..' ? undefined : linkAt(rootfs, here)
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

function linkAt(rootfs: Fd, path: string): string | undefined {
  try {
    return readlinkSync(`${rootfs.path}${path}`)
  } catch {
    return undefined // no link, not there, or not to be seen: the image's own calls will tell
  }
}
