// The entries of /mounts as the stages need them: destination cleaned, options read, and everything refused that can
// be refused without looking at the rootfs.
// Document: runtime-spec config.md "Mounts".
import { MS } from '../abi/mount.ts'
import { UnsupportedError } from '../errors.ts'
import type { Mount } from '../spec/gen/types.ts'
import type { Entry, PlanContext } from './context.ts'
import { contextOption } from './labels.ts'
import { type Extra, type MountOptions, parseMountOptions } from './mount-options.ts'
import { cleanPath } from './resolve.ts'

/** mount(2) copies one page of data, and cuts the rest off without a word. */
const DATA_BYTES = 4095

export function mountEntries(context: PlanContext): readonly Entry[] {
  context.entries ??= (context.spec.mounts ?? []).map((mount, index) =>
    readEntry(mount, `/mounts/${index}`, context.spec.linux?.mountLabel),
  )
  return context.entries
}

function readEntry(mount: Mount, where: string, mountLabel: string | undefined): Entry {
  const path = cleanPath(mount.destination)
  const read = parseMountOptions(mount.options ?? [])
  const options = mountLabel && takesContext({ mount, options: read }) ? labelled(read, mountLabel) : read
  const bind = isBind({ mount, options })
  const what = isChange({ mount, options }) ? 'change the mount' : bind ? `bind ${mount.source}` : `mount ${mount.type}`
  const entry = { mount, options, where, path, origin: { pointer: where, intent: `${what} on ${path}` } }
  refuse(entry, bind)
  return entry
}

function refuse({ mount, options, where, path }: Entry, bind: boolean): void {
  const no = (message: string, place: string) => new UnsupportedError(message, { where: `${where}${place}` })
  if (path === '/') throw no(`cannot mount on "/": ${JSON.stringify(mount.destination)}`, '/destination')
  for (const extra of options.extras) {
    const needs = NEEDS[extra] ?? 'bind'
    if (needs === (bind ? 'bind' : mount.type) && !isRemount({ mount, options })) continue
    throw no(`the option ${extra} is for a new ${needs} mount`, '/options')
  }
  if (bind && options.data.length > 0) {
    throw no(`a bind mount has no file system to take the option ${JSON.stringify(options.data[0])}`, '/options')
  }
  if (isTooLong(options.data.join(','))) {
    throw no(`the options for the file system are longer than ${DATA_BYTES} bytes`, '/options')
  }
  if (
    isChange({ mount, options }) &&
    !isRemount({ mount, options }) &&
    (options.flags !== 0n || options.data.length > 0)
  ) {
    throw no('an entry without type and bind changes propagation, and nothing else', '/options')
  }
  if (path === '/proc' && !bind && !isChange({ mount, options }) && mount.type !== 'proc') {
    throw no('"/proc" cannot be mounted because it is not of type proc', '/type')
  }
}

/** The kind of mount that an option of ours is for; absent: a bind. */
const NEEDS: { readonly [Name in Extra]?: string } = { tmpcopyup: 'tmpfs' }

/** What the kernel labels by itself: SELinux refuses a context there (mqueue is labelled once it is mounted). */
const OWN_LABELS = ['proc', 'sysfs', 'mqueue', 'cgroup', 'cgroup2']

const takesContext = (entry: Kind): boolean =>
  !isBind(entry) &&
  !isChange(entry) &&
  !OWN_LABELS.includes(entry.mount.type ?? '') &&
  !entry.options.data.some(word => word.includes('context='))

const labelled = (options: MountOptions, mountLabel: string): MountOptions => ({
  ...options,
  data: [...options.data, contextOption(mountLabel)],
})

/** No unit of UTF-16 has more than three bytes. */
const isTooLong = (text: string): boolean =>
  3 * text.length > DATA_BYTES && new TextEncoder().encode(text).length > DATA_BYTES

type Kind = Pick<Entry, 'mount' | 'options'>

export const isBind = ({ mount, options }: Kind): boolean =>
  (options.flags & MS.bits.MS_BIND) !== 0n || mount.type === 'bind'

export const isRemount = ({ options }: Kind): boolean => (options.flags & MS.bits.MS_REMOUNT) !== 0n

/** Of something that is mounted already: remount, and entries that are nothing but a propagation. */
export const isChange = (entry: Kind): boolean =>
  isRemount(entry) || ((!entry.mount.type || entry.mount.type === 'none') && !isBind(entry))

/** Written to until all is set up, by us (devices, links) or by later entries (their targets): read-only at the end. */
export const isReadonlyLater = ({ mount, options, path }: Entry): boolean =>
  (options.flags & MS.bits.MS_RDONLY) !== 0n && (mount.type === 'tmpfs' || path === '/dev')

/** What mount(2) takes as its last argument. */
export const dataOf = ({ options }: Kind): { data?: string } =>
  options.data.length === 0 ? {} : { data: options.data.join(',') }
