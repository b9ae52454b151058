// One clone of something of the host: where it comes from, what is changed of it before it appears in the container.
import { MS } from '../abi/mount.ts'
import type { Origin } from '../errors.ts'
import type { Op, Slot } from '../program/op.ts'
import { type Entry, hasNamespace, type PlanContext, slotNamed } from './context.ts'
import { type Change, changeMount, cloneTree } from './mount-calls.ts'
import { attributes, type MountOptions } from './mount-options.ts'

export interface Source {
  /** A path of the host, or the number of a descriptor. */
  readonly from: string | number
  readonly kind: 'directory' | 'file'
  readonly recursive: boolean
  /** Of a path that ends in a link: the link itself. */
  readonly nofollow?: boolean
  readonly changes: readonly Change[]
  readonly fd: Slot
  readonly origin: Origin
  /** The last change of all, with an origin of its own: what it is refused for is then this alone. */
  readonly mapped?: readonly [Change, Origin] | undefined
}

export function cloneSource({ from, recursive, nofollow, changes, fd, origin, mapped }: Source): Op[] {
  const ops = [cloneTree(from, origin, { recursive, nofollow, result: fd })]
  for (const change of changes) ops.push(...changeMount(fd, origin, change))
  if (mapped !== undefined) ops.push(...changeMount(fd, mapped[1], mapped[0]))
  return ops
}

/** Absolute on the host; relative paths of config.json start at the bundle. */
export const hostPath = (context: PlanContext, path: string): string =>
  path.startsWith('/') ? path : `${context.facts.bundle}/${path}`

export const rootfsPath = (context: PlanContext): string => hostPath(context, context.spec.root.path)

export const sourceSlot = (context: PlanContext, where: string): Slot => slotNamed(context, `source of ${where}`)

/** Whether a mount of sysfs may have to be a clone of the host's. */
export const hostSysfs = (context: PlanContext, { mount }: Entry): boolean =>
  mount.type === 'sysfs' && hasNamespace(context, 'user')

/** A clone follows what happens on the host unless the config asks for less or more: mount_namespaces(7). */
export function clonePropagation(context: PlanContext): bigint {
  const asked = context.spec.linux?.rootfsPropagation ?? 'rslave'
  if (asked.endsWith('shared')) return 0n // stays a peer of the host's mount: what the config asks for
  return asked.endsWith('slave') ? MS.bits.MS_SLAVE : MS.bits.MS_PRIVATE
}

/** The one propagation that a clone can have from the start: private or slave as a whole, and nothing after it. */
function wholePropagation({ propagation: [first = 0n, ...rest] }: MountOptions): bigint | undefined {
  const { MS_REC, MS_PRIVATE, MS_SLAVE } = MS.bits
  const whole = first === (MS_PRIVATE | MS_REC) || first === (MS_SLAVE | MS_REC)
  return whole && rest.length === 0 ? first & ~MS_REC : undefined
}

/**
 * What makes a clone complete, in as few calls as the kernel allows: one for its top, one for the tree. An r-form holds
 * for all of the tree, also where the plain form says something else: "rw", "rro".
 */
export const bindChanges = (context: PlanContext, options: MountOptions): Change[] => [
  attributes(options),
  { ...options.recursive, propagation: wholePropagation(options) ?? clonePropagation(context), recursive: true },
]

/**
 * Propagation that is still to be set when a clone is about to be attached: a shared mount would come out of a copy of
 * its namespace as a slave, and an unbindable one could not be cloned again.
 */
export const laterPropagation = (options: MountOptions): readonly bigint[] =>
  wholePropagation(options) === undefined ? options.propagation : []

export const cutOrigin = ({ spec }: PlanContext): Origin => ({
  ...(spec.linux?.rootfsPropagation && { pointer: '/linux/rootfsPropagation' }),
  intent: 'keep mounts of the container from the host',
})
