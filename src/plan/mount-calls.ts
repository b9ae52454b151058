// The mount calls as ops, with the arguments that a plan has: descriptors instead of paths wherever the kernel
// allows it. Documents: open_tree(2), move_mount(2), mount_setattr(2) (Linux 5.12), mount(2).
import { AT } from '../abi/fcntl.ts'
import { MOUNT_ATTR, MOVE_MOUNT, MS, mountAttr, OPEN_TREE } from '../abi/mount.ts'
import type { Origin } from '../errors.ts'
import { type CallRest, NULL, type Op, type Slot, struct, syscall } from '../program/op.ts'
import { EMPTY, HERE } from './resolve.ts'

interface Tree {
  readonly recursive: boolean
  readonly result: Slot
}

/** A detached copy of what is mounted at the path, or with a descriptor at exactly that place. */
export function cloneTree(from: string | Slot | number, origin: Origin, { recursive, result }: Tree): Op {
  const flags = recursive ? CLONE | AT_RECURSIVE : CLONE
  const args = typeof from === 'string' ? [HERE, from, flags] : [from, EMPTY, flags | AT_EMPTY_PATH]
  return syscall('open_tree', args, origin, { result })
}

const { AT_EMPTY_PATH, AT_RECURSIVE } = AT.bits
const CLONE = OPEN_TREE.bits.OPEN_TREE_CLONE | OPEN_TREE.bits.OPEN_TREE_CLOEXEC

export interface Change {
  readonly set?: bigint
  readonly clear?: bigint
  /** MS_SHARED and its like, without MS_REC. */
  readonly propagation?: bigint
  readonly recursive?: boolean
}

/** Changes the mount, or with `recursive` the whole tree, behind a descriptor; no op when there is nothing to do. */
export function changeMount(mount: Slot, origin: Origin, change: Change): Op[] {
  const { set = 0n, clear = 0n, propagation = 0n, recursive = false } = change
  if (set === 0n && clear === 0n && propagation === 0n) return []
  const text = (): string => {
    const words = [
      set === 0n ? [] : [`set=${MOUNT_ATTR.format(set)}`],
      clear === 0n ? [] : [`clear=${MOUNT_ATTR.format(clear)}`],
      propagation === 0n ? [] : [`propagation=${MS.format(propagation)}`],
    ]
    return `{${words.flat().join(', ')}}`
  }
  const attributes = struct(mountAttr, { attr_set: set, attr_clr: clear, propagation }, text)
  const flags = recursive ? AT_EMPTY_PATH | AT_RECURSIVE : AT_EMPTY_PATH
  const args = [mount, EMPTY, flags, attributes, mountAttr.size]
  return [syscall('mount_setattr', args, origin)]
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
