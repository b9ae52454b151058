// The mount calls as ops, with the arguments that a plan has: descriptors instead of paths wherever the kernel
// allows it. Documents: open_tree(2), move_mount(2), mount_setattr(2) (Linux 5.12), mount(2).
import { AT } from '../abi/fcntl.ts'
import { MOUNT_ATTR, MOVE_MOUNT, MS, mountAttr, OPEN_TREE } from '../abi/mount.ts'
import type { Origin } from '../errors.ts'
import { type CallRest, NULL, type Op, type Slot, struct, syscall } from '../program/op.ts'
import { EMPTY, HERE } from './resolve.ts'

interface Tree extends Pick<CallRest, 'on'> {
  readonly recursive: boolean
  /** A link at the end of the path is itself what is cloned. */
  readonly nofollow?: boolean | undefined
  readonly result: Slot
}

/** A detached copy of what is mounted at the path, or with a descriptor at exactly that place. */
export function cloneTree(from: string | Slot | number, origin: Origin, tree: Tree): Op {
  const { recursive, nofollow, result, on } = tree
  const flags = (recursive ? CLONE | AT_RECURSIVE : CLONE) | (nofollow ? AT_SYMLINK_NOFOLLOW : 0n)
  const args = typeof from === 'string' ? [HERE, from, flags] : [from, EMPTY, flags | AT_EMPTY_PATH]
  return syscall('open_tree', args, origin, on === undefined ? { result } : { result, on })
}

const { AT_EMPTY_PATH, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW } = AT.bits
const CLONE = OPEN_TREE.bits.OPEN_TREE_CLONE | OPEN_TREE.bits.OPEN_TREE_CLOEXEC

export interface Change {
  readonly set?: bigint
  readonly clear?: bigint
  /** MS_SHARED and its like, without MS_REC. */
  readonly propagation?: bigint
  readonly recursive?: boolean
  /** Number of a descriptor, for MOUNT_ATTR_IDMAP. */
  readonly userNamespace?: number
  /** Goes without where the kernel has locked the flag. */
  readonly unlessLocked?: boolean
}

/** Changes the mount, or with `recursive` the whole tree, behind a descriptor; no op when there is nothing to do. */
export function changeMount(mount: Slot, origin: Origin, change: Change): Op[] {
  const { set = 0n, clear = 0n, propagation = 0n, recursive = false, userNamespace } = change
  if (set === 0n && clear === 0n && propagation === 0n) return []
  const text = (): string => {
    const words = [
      set === 0n ? [] : [`set=${MOUNT_ATTR.format(set)}`],
      clear === 0n ? [] : [`clear=${MOUNT_ATTR.format(clear)}`],
      propagation === 0n ? [] : [`propagation=${MS.format(propagation)}`],
      userNamespace === undefined ? [] : [`userns_fd=${userNamespace}`],
    ]
    return `{${words.flat().join(', ')}}`
  }
  const values = { attr_set: set, attr_clr: clear, propagation, userns_fd: userNamespace ?? 0 }
  const attributes = struct(mountAttr, values, text)
  const flags = recursive ? AT_EMPTY_PATH | AT_RECURSIVE : AT_EMPTY_PATH
  const args = [mount, EMPTY, flags, attributes, mountAttr.size]
  return [syscall('mount_setattr', args, origin, change.unlessLocked ? { on: { errnos: ['EPERM'] } } : undefined)]
}

/** Words of mount(2): MS_SHARED and its like, with MS_REC for the whole tree. */
export function changePropagation(mount: Slot, words: readonly bigint[], origin: Origin): Op[] {
  const { MS_REC } = MS.bits
  return words.flatMap(word =>
    changeMount(mount, origin, { propagation: word & ~MS_REC, recursive: (word & MS_REC) !== 0n }),
  )
}

/** Puts a detached mount on the file or directory behind another descriptor. */
export function attach(mount: Slot, target: Slot | number, origin: Origin, rest?: CallRest): Op {
  return syscall('move_mount', [mount, EMPTY, target, EMPTY, BY_DESCRIPTORS], origin, rest)
}

const BY_DESCRIPTORS = MOVE_MOUNT.bits.MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT.bits.MOVE_MOUNT_T_EMPTY_PATH

interface MountArguments {
  readonly source?: string
  readonly target: string
  readonly type?: string
  readonly flags: bigint
  readonly data?: string
}

export function mount({ source, target, type, flags, data }: MountArguments, origin: Origin, rest?: CallRest): Op {
  return syscall('mount', [source ?? NULL, target, type ?? NULL, flags, data ?? NULL], origin, rest)
}

export const close = (fd: Slot, origin: Origin): Op => syscall('close', [fd], origin)
