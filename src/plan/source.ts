// One clone of something of the host: where it comes from, what is changed of it before it appears in the container.
import { MS } from '../abi/mount.ts'
import type { Origin } from '../errors.ts'
import type { Slot } from '../program/op.ts'
import { hasNamespace, type PlanContext, slotNamed } from './context.ts'
import type { Change } from './mount-calls.ts'
import type { Entry } from './mount-entries.ts'
import type { MountOptions } from './mount-options.ts'

export interface Source {
  readonly path: string
  readonly recursive: boolean
  readonly changes: readonly Change[]
  readonly fd: Slot
  readonly origin: Origin
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

/** As few calls as the kernel allows: one for the tree, one for its top, one for each further propagation. */
export function bindChanges(context: PlanContext, options: MountOptions): Change[] {
  const { MS_REC, MS_SHARED } = MS.bits
  const [first = 0n, ...rest] = options.propagation
  // a tree that becomes private or slave as a whole needs no other cut; a shared one must first leave the host's group
  const replaces = (first & MS_REC) !== 0n && (first & MS_SHARED) === 0n
  const propagation = replaces ? first & ~MS_REC : clonePropagation(context)
  const later = replaces || first === 0n ? rest : [first, ...rest]
  return [
    { ...options.recursive, propagation, recursive: true },
    options.attributes,
    ...later.map(word => ({ propagation: word & ~MS_REC, recursive: (word & MS_REC) !== 0n })),
  ]
}

export const cutOrigin = ({ spec }: PlanContext): Origin => ({
  ...(spec.linux?.rootfsPropagation && { pointer: '/linux/rootfsPropagation' }),
  intent: 'keep mounts of the container from the host',
})
