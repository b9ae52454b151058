// What a tmpfs with tmpcopyup is to begin with: the names below the directory that it covers, as the host finds them.
// Links lead no further than the container's root, or than the source of an earlier bind mount that the directory
// lies on. The image copies what it then finds under these names (plan/copy-up.ts).
import { lstatSync, readlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ErrnoName } from '../abi/errno.ts'
import { O, RESOLVE } from '../abi/fcntl.ts'
import { S } from '../abi/stat.ts'
import { UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import { Fd } from '../host/fd.ts'
import { attempt } from '../host/node-error.ts'
import { names, openInRoot } from '../host/tree.ts'
import type { Copied } from '../plan/facts.ts'
import { cleanPath } from '../plan/resolve.ts'
import type { Mount, Spec } from '../spec/gen/types.ts'

/** Each costs the image about ten calls, and a kilobyte. */
const MOST = 20_000

const isBind = ({ type, options = [] }: Mount): boolean =>
  type === 'bind' || options.includes('bind') || options.includes('rbind')

/** Of what is there already. */
const isChange = (mount: Mount): boolean =>
  (mount.options?.includes('remount') ?? false) || (!isBind(mount) && (!mount.type || mount.type === 'none'))

export interface CopiedRequest {
  readonly spec: Spec
  readonly bundle: string
  /** Absent when there is none to look at. */
  readonly rootfs: Fd | undefined
  /** Where links of the image lead destinations. */
  readonly targets: ReadonlyMap<string, string> | undefined
}

export function copiedTrees(request: CopiedRequest): Map<string, readonly Copied[]> {
  const trees = new Map<string, readonly Copied[]>()
  for (const [index, { options = [] }] of (request.spec.mounts ?? []).entries()) {
    if (!options.includes('tmpcopyup')) continue
    const where = `/mounts/${index}`
    using directory = openCovered(request, index)
    if (directory !== undefined) trees.set(where, new Tree(where).list(directory))
  }
  return trees
}

/** The directory that the mount covers; undefined when there is none. */
function openCovered({ spec, bundle, rootfs, targets }: CopiedRequest, index: number): Fd | undefined {
  const mounts = spec.mounts ?? []
  const placeOf = (number: number): string =>
    targets?.get(`/mounts/${number}`) ?? cleanPath(mounts[number]?.destination ?? '')
  const path = placeOf(index)
  let lower: { mount: Mount; place: string } | undefined
  for (const [number, mount] of mounts.slice(0, index).entries()) {
    if (isChange(mount)) continue
    const place = placeOf(number)
    const isAbove = `${path}/`.startsWith(`${place}/`)
    // what a tmpfs has copied itself is what lies below it
    if (isAbove && !mount.options?.includes('tmpcopyup')) lower = { mount, place }
    if (!isAbove && place.startsWith(`${path}/`)) throw hidden(index, place)
  }
  if (lower === undefined) return rootfs && opened(() => openInRoot(rootfs, path, DIRECTORY), ['ELOOP'])
  const { mount, place } = lower
  if (mount.type === 'tmpfs' && !isBind(mount)) return undefined // empty
  if (!isBind(mount)) throw hidden(index, place)
  return opened(() => {
    using source = Fd.open(resolve(bundle, mount.source ?? ''), O.bits.O_PATH)
    return source.openat2(`./${path.slice(place.length + 1)}`, { flags: DIRECTORY, resolve: WITHOUT_LINKS })
  })
}

const DIRECTORY = O.bits.O_RDONLY | O.bits.O_DIRECTORY | O.bits.O_NOFOLLOW
const WITHOUT_LINKS = RESOLVE.bits.RESOLVE_BENEATH | RESOLVE.bits.RESOLVE_NO_SYMLINKS

const hidden = (index: number, place: string): UnsupportedError =>
  new UnsupportedError(`tmpcopyup cannot copy what an earlier mount shows on ${JSON.stringify(place)}`, {
    where: `/mounts/${index}/options`,
    hint: 'list the tmpfs before that mount',
  })

/** Without a directory there is nothing to copy; what else is wrong with the path the image says. */
function opened(open: () => Fd, more: readonly ErrnoName[] = []): Fd | undefined {
  try {
    return open()
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', ...more)) return undefined
    throw error
  }
}

class Tree {
  readonly #where: string
  readonly #found: Copied[] = []

  constructor(where: string) {
    this.#where = where
  }

  list(directory: Fd): readonly Copied[] {
    this.#add(directory, undefined)
    return this.#found
  }

  #add(directory: Fd, above: Buffer | undefined): void {
    for (const name of names(directory)) {
      const path = above === undefined ? Buffer.from(name) : Buffer.concat([above, SLASH, name])
      if (path.length >= LONGEST) throw this.#tooMuch(`paths of ${path.length} bytes`)
      if (this.#found.length >= MOST) throw this.#tooMuch(`more than ${MOST} files`)
      const one = describe(directory, name, path)
      this.#found.push(one)
      if (one.kind !== 'directory') continue
      using inner = directory.openAt(name, DIRECTORY)
      this.#add(inner, path)
    }
  }

  #tooMuch(what: string): UnsupportedError {
    return new UnsupportedError(`tmpcopyup: the directory holds ${what}`, { where: `${this.#where}/destination` })
  }
}

const SLASH = Buffer.from('/')
/** PATH_MAX */
const LONGEST = 4096
const BILLION = 1_000_000_000n

function describe(directory: Fd, name: Uint8Array, path: Buffer): Copied {
  const place = Buffer.concat([Buffer.from(`${directory.path}/`), name])
  const args = [directory, JSON.stringify(text(name))]
  const { mode, mtimeNs, rdev } = attempt('lstat', args, () => lstatSync(place, { bigint: true }))
  const kind = mode & S.bits.S_IFMT
  // a time before 1970 has its nanoseconds counted forward, too
  const nanoseconds = ((mtimeNs % BILLION) + BILLION) % BILLION
  const base = { path: text(path), mode: Number(mode), seconds: (mtimeNs - nanoseconds) / BILLION, nanoseconds }
  if (kind === S.bits.S_IFDIR) return { ...base, kind: 'directory' }
  if (kind === S.bits.S_IFREG) return { ...base, kind: 'file' }
  if (kind !== S.bits.S_IFLNK) return { ...base, kind: 'node', device: rdev }
  const target = attempt('readlink', args, () => readlinkSync(place, { encoding: 'buffer' }))
  return { ...base, kind: 'link', target: text(target) }
}

/** As text where it is one. */
function text(bytes: Uint8Array): string | Uint8Array {
  const decoded = Buffer.from(bytes).toString('utf8')
  return Buffer.from(decoded).equals(bytes) ? decoded : bytes
}
