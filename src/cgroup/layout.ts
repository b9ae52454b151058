// Which cgroup hierarchies this host has, and which path below each of them is a container's: pure functions over
// /proc/self/mountinfo and /proc/self/cgroup. v2 alone, v1, or hybrid (v1 with an additional v2 tree that mostly
// tracks processes). Documents: cgroups(7), config-linux.md "Cgroups Path".
import { SpecError } from '../errors.ts'
import type { MountEntry } from '../host/mountinfo.ts'

export type Mode = 'v1' | 'hybrid' | 'v2' | 'none'

export interface Hierarchy {
  /** "cpu,cpuacct", "name=systemd"; "" is the v2 tree, as in /proc/self/cgroup. */
  readonly controllers: string
  readonly mountpoint: string
  /** The group of this process below the mountpoint: "/" or "/a/b". */
  readonly own: string
}

export interface Layout {
  readonly mode: Mode
  /** In the order of the mounts. */
  readonly hierarchies: readonly Hierarchy[]
}

type Mount = Pick<MountEntry, 'root' | 'mountPoint' | 'type' | 'superOptions'>

export const CGROUP_ROOT = '/sys/fs/cgroup'

/** `ownGroups` is the text of /proc/self/cgroup. */
export function layoutOf(mounts: readonly Mount[], ownGroups: string): Layout {
  const own = parseOwnGroups(ownGroups)
  const v2 = mounts.filter(mount => mount.type === 'cgroup2').map(mount => hierarchy('', mount, own))
  const v1 = v1Hierarchies(mounts, own)
  const onTop = mounts.findLast(mount => mount.mountPoint === CGROUP_ROOT)
  // what lies at the usual place decides: a single v1 controller mounted elsewhere does not make a host v1
  if (onTop?.type === 'cgroup2') return { mode: 'v2', hierarchies: [hierarchy('', onTop, own)] }
  const [tree] = v2
  if (v1.length > 0) return { mode: tree ? 'hybrid' : 'v1', hierarchies: tree ? [...v1, tree] : v1 }
  return tree ? { mode: 'v2', hierarchies: [tree] } : { mode: 'none', hierarchies: [] }
}

/** "4:memory:/a/b" → memory: /a/b. A path may hold colons, the names of controllers can not. */
export function parseOwnGroups(text: string): Map<string, string> {
  const groups = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [first, second] = [line.indexOf(':'), line.indexOf(':', line.indexOf(':') + 1)]
    if (second > 0) groups.set(line.slice(first + 1, second), line.slice(second + 1))
  }
  return groups
}

function v1Hierarchies(mounts: readonly Mount[], own: ReadonlyMap<string, string>): Hierarchy[] {
  const found = new Map<string, Hierarchy>()
  for (const mount of mounts) {
    if (mount.type !== 'cgroup') continue
    const options = new Set(mount.superOptions)
    const controllers = [...own.keys()].find(key => key !== '' && key.split(',').every(name => options.has(name)))
    // one hierarchy can be mounted at several places; the one at the usual place is the one that others look at
    if (controllers === undefined) continue
    const known = found.get(controllers)
    if (known === undefined || (!usual(known.mountpoint) && usual(mount.mountPoint)))
      found.set(controllers, hierarchy(controllers, mount, own))
  }
  return [...found.values()]
}

const usual = (mountpoint: string): boolean => mountpoint.startsWith(`${CGROUP_ROOT}/`)

const hierarchy = (controllers: string, mount: Mount, own: ReadonlyMap<string, string>): Hierarchy => ({
  controllers,
  mountpoint: mount.mountPoint,
  own: belowMount(own.get(controllers) ?? '/', mount.root),
})

/** The mount may show only a part of the hierarchy; a group outside of it has no place below the mountpoint. */
function belowMount(group: string, root: string): string {
  if (root === '/') return clean(group)
  if (group === root) return '/'
  return group.startsWith(`${root}/`) ? clean(group.slice(root.length)) : '/'
}

/** The path made absolute, without ".", ".." and doubled slashes; ".." ends at the root. */
export function clean(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/'))
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  return `/${parts.join('/')}`
}

const POINTER = '/linux/cgroupsPath'

/**
 * The container's group in a hierarchy. An absolute path counts from the mountpoint. A relative or absent one counts
 * from our own group, as in runc; on v2 from its parent, since a group that holds processes can not hand on controllers.
 */
export function groupPath(asked: string | undefined, id: string, { mode }: Layout, { own }: Hierarchy): string {
  const path = asked || id
  const problem = (message: string): SpecError =>
    new SpecError('config.json is not valid', [{ pointer: POINTER, message: `${JSON.stringify(path)} ${message}` }])
  if (path.includes('\0') || path.includes('\n')) throw problem('holds a character that no cgroup name can have')
  const cleaned = clean(path)
  if (cleaned === '/')
    throw problem('names the root of the hierarchy or our own group, which is no place for a container')
  if (path.startsWith('/')) return cleaned
  const base = mode === 'v2' ? clean(`${own}/..`) : own
  return clean(`${base}/${cleaned}`)
}
