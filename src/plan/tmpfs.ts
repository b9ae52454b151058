// A tmpfs on which more is to be done than mount(2) can say: it is made detached, completed by its descriptor, and
// appears finished. So the mode of the directory that it covers, a copy of what lies there and its propagation cannot
// go to another directory that somebody puts in its place meanwhile.
// Documents: fsopen(2), fsconfig(2), fsmount(2); tmpfs(5).
import { AT } from '../abi/fcntl.ts'
import { FSCONFIG, FSMOUNT, FSOPEN, MS } from '../abi/mount.ts'
import { STATX, statx } from '../abi/stat.ts'
import type { Origin } from '../errors.ts'
import { address, cell, jump, label, NULL, type Op, type Slot, slot, slotIn, syscall } from '../program/op.ts'
import { ALL_BITS, type Entry, type PlanContext, type PlanOptions, slotNamed } from './context.ts'
import { attach, changeMount, changePropagation, close } from './mount-calls.ts'
import { isReadonlyLater } from './mount-entries.ts'
import { attributes, NO_CHANGE } from './mount-options.ts'
import { mountTarget } from './mount-target.ts'
import { EMPTY } from './resolve.ts'

export function copying({ options }: PlanContext): NonNullable<PlanOptions['copying']> {
  if (options.copying === undefined) throw new Error('a plan of a config with copies needs what plans them')
  return options.copying
}

const setsMode = ({ options }: Entry): boolean =>
  options.data.some(word => word.startsWith('mode=') || word.includes(',mode='))

/** Whether mount(2) is not enough. */
export const isMadeDetached = (entry: Entry): boolean => {
  const { recursive, propagation, extras } = entry.options
  if (recursive !== NO_CHANGE || propagation.length > 0 || extras.length > 0) return true
  return !setsMode(entry) || isReadonlyLater(entry)
}

export function planTmpfs(context: PlanContext, entry: Entry): Op[] {
  const { options, path, where, origin } = entry
  const made = slot('made')
  const target = mountTarget(context, entry, 'directory', made)
  const top = isReadonlyLater(entry) ? slotNamed(context, `mount of ${where}`) : slot(`mount on ${path}`)
  const copiesMode = !setsMode(entry) && !target.isNew
  return [
    ...target.ops,
    ...makeTmpfs(entry, top),
    ...(copiesMode ? copyMode(target.fd, top, made, origin) : []),
    ...(options.extras.includes('tmpcopyup') ? copying(context).copyUp(context, entry, target.fd, top) : []),
    ...changeMount(top, origin, { ...options.recursive, recursive: true }),
    ...changePropagation(top, options.propagation, origin),
    attach(top, target.fd, origin),
    close(target.fd, origin),
    ...(isReadonlyLater(entry) ? [] : [close(top, origin)]),
  ]
}

/** Flags of the file system itself; all others that mount(2) knows a tmpfs always has, or they are of the mount. */
const FLAGS = [
  [MS.bits.MS_SYNCHRONOUS, 'sync'],
  [MS.bits.MS_DIRSYNC, 'dirsync'],
  [MS.bits.MS_MANDLOCK, 'mand'],
  [MS.bits.MS_LAZYTIME, 'lazytime'],
] as const

/** A comma before a digit, or in quotes, ends no option: "mpol=bind:0,2", 'context="a:b:c:s0:c1,c2"'. */
const OPTIONS = /,(?!\d)(?=(?:[^"]*"[^"]*")*[^"]*$)/
/** The quotes of mount(2)'s data are none of the label. */
const CONTEXT = /^((?:fs|def|root)?context=)"(.*)"$/

function makeTmpfs({ mount, options, origin }: Entry, result: Slot): Op[] {
  const { FSCONFIG_CMD_CREATE } = FSCONFIG.values
  const fs = slot('tmpfs')
  const words = options.data.flatMap(word => word.split(OPTIONS)).filter(Boolean)
  for (const [flag, name] of FLAGS) if ((options.flags & flag) !== 0n) words.push(name)
  const { set } = attributes({ ...options, single: { ...options.single, on: options.flags & ~MS.bits.MS_RDONLY } })
  return [
    syscall('fsopen', ['tmpfs', FSOPEN.bits.FSOPEN_CLOEXEC], origin, { result: fs }),
    ...[`source=${mount.source ?? 'tmpfs'}`, ...words].map(word =>
      configure(fs, word.replace(CONTEXT, '$1$2'), origin),
    ),
    syscall('fsconfig', [fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0], origin),
    syscall('fsmount', [fs, FSMOUNT.bits.FSMOUNT_CLOEXEC, set], origin, { result }),
    close(fs, origin),
  ]
}

function configure(fs: Slot, word: string, origin: Origin): Op {
  const { FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING } = FSCONFIG.values
  const end = word.indexOf('=')
  return end < 0
    ? syscall('fsconfig', [fs, FSCONFIG_SET_FLAG, word, NULL, 0], origin)
    : syscall('fsconfig', [fs, FSCONFIG_SET_STRING, word.slice(0, end), word.slice(end + 1), 0], origin)
}

const covered = cell('statx', statx.size)

/** A tmpfs shows the mode of the directory that it covers, as if it were that directory; a new one has none to show. */
function copyMode(directory: Slot, top: Slot, made: Slot, origin: Origin): Op[] {
  const args = [directory, EMPTY, AT.bits.AT_EMPTY_PATH, STATX.bits.STATX_MODE, address(covered)]
  // the kernel's fchmodat looks at the low 16 bits only, of those at the permissions
  const mode = slotIn(covered, statx.offset('stx_mode'))
  const own = label('own mode')
  return [
    jump(own, origin, { slot: made, mask: ALL_BITS, is: 'ne', value: 0n }),
    syscall('statx', args, origin),
    syscall('fchmodat', [top, '.', mode], origin),
    own,
  ]
}
