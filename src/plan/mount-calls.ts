// The mount calls as ops, with the arguments that a plan has: descriptors instead of paths wherever the kernel
// allows it. Documents: open_tree(2), move_mount(2), mount_setattr(2) (Linux 5.12), mount(2).
import { AT } from '../abi/fcntl.ts'
import { MOUNT_ATTR, MOVE_MOUNT, MS, mountAttr, OPEN_TREE } from '../abi/mount.ts'
import type { Origin } from '../errors.ts'
import { NULL, type OnErrno, type Op, type Operand, type Slot, struct, syscall } from '../program/op.ts'
import { EMPTY, HERE } from './resolve.ts'

interface Tree {
  readonly recursive: boolean
  readonly result: Slot
  readonly on?: OnErrno
}

/** A detached copy of what is mounted at the path, or with a descriptor at exactly that place. */
export function cloneTree(from: string | Slot | number, origin: Origin, { recursive, result, on }: Tree): Op {
  const { OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC } = OPEN_TREE.bits
  const { AT_EMPTY_PATH, AT_RECURSIVE } = AT.bits
  const path = typeof from === 'string'
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0n) | (path ? 0n : AT_EMPTY_PATH)
  const args = path ? [HERE, from, flags] : [descriptor(from), EMPTY, flags]
  return syscall('open_tree', args, origin, on === undefined ? { result } : { result, on })
}

const descriptor = (from: Slot | number): Operand => (typeof from === 'number' ? from : from)

export interface Change {
  readonly set?: bigint
  readonly clear?: bigint
  /** MS_SHARED and its like, without MS_REC. */
  readonly propagation?: bigint
  readonly recursive?: boolean
}

/** Changes the mount, or with `recursive` the whole tree, behind a descriptor; no op when there is nothing to do. */
export function changeMount(mount: Slot, origin: Origin, change: Change, on?: OnErrno): Op[] {
  const { set = 0n, clear = 0n, propagation = 0n, recursive = false } = change
  if (set === 0n && clear === 0n && propagation === 0n) return []
  const words = [
    set === 0n ? [] : [`set=${MOUNT_ATTR.format(set)}`],
    clear === 0n ? [] : [`clear=${MOUNT_ATTR.format(clear)}`],
    propagation === 0n ? [] : [`propagation=${MS.format(propagation)}`],
  ]
  const attributes = struct(mountAttr, { attr_set: set, attr_clr: clear, propagation }, `{${words.flat().join(', ')}}`)
  const flags = AT.bits.AT_EMPTY_PATH | (recursive ? AT.bits.AT_RECURSIVE : 0n)
  const args = [mount, EMPTY, flags, attributes, mountAttr.size]
  return [syscall('mount_setattr', args, origin, on === undefined ? {} : { on })]
}

/** Puts a detached mount on the file or directory behind another descriptor. */
export function attach(mount: Slot, target: Slot | number, origin: Origin, on?: OnErrno): Op {
  const { MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH } = MOVE_MOUNT.bits
  const args = [mount, EMPTY, descriptor(target), EMPTY, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH]
  return syscall('move_mount', args, origin, on === undefined ? {} : { on })
}

interface MountArguments {
  readonly source?: string
  readonly target: string
  readonly type?: string
  readonly flags: bigint
  readonly data?: string
}

export function mount({ source, target, type, flags, data }: MountArguments, origin: Origin, on?: OnErrno): Op {
  const text = (value: string | undefined): Operand => (value === undefined ? NULL : value)
  const args = [text(source), target, text(type), flags, text(data)]
  return syscall('mount', args, origin, on === undefined ? {} : { on })
}

export const close = (fd: Slot, origin: Origin): Op => syscall('close', [fd], origin)
