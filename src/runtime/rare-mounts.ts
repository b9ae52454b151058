// What a plan must know of mounts whose options ask for more than flags: one module, loaded only for them (parts.ts).
import type { Facts } from '../plan/facts.ts'
import { type CopiedRequest, copiedTrees } from './copied.ts'
import { mountNamespaces } from './id-mapped.ts'

export { OpenNamespaces } from './id-mapped.ts'

export interface RareMounts {
  readonly facts: Pick<Facts, 'idMapped' | 'copied'>
  /** How many user namespaces the mounts need. */
  readonly namespaces: number
}

/** `first`: the number that the first of the namespaces will have in the image. */
export function rareMounts(request: CopiedRequest, first: number): RareMounts {
  const { sources, mounts } = mountNamespaces(request.spec, request.bundle)
  const idMapped = new Map(
    [...mounts].map(([where, { index, ...mapped }]) => [where, { ...mapped, namespace: first + index }]),
  )
  const copied = copiedTrees(request)
  return { facts: { ...(mounts.size > 0 && { idMapped }), copied }, namespaces: sources.length }
}
