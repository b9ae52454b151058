// What a plan must know of mounts whose options ask for more than flags: one module, loaded only for them (parts.ts).
import { isUtf8 } from 'node:buffer'
import { readlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import { UnsupportedError } from '../errors.ts'
import type { Facts } from '../plan/facts.ts'
import { type CopiedRequest, copiedTrees } from './copied.ts'
import { mountNamespaces } from './id-mapped.ts'

export * as copying from '../plan/copying.ts'
export { OpenNamespaces } from './id-mapped.ts'

export interface RareMounts {
  readonly facts: Pick<Facts, 'idMapped' | 'copied' | 'links'>
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
  const facts = { ...(mounts.size > 0 && { idMapped }), copied, links: copiedLinks(request) }
  return { facts, namespaces: sources.length }
}

/** Sources that are links and shall be links inside, too (copy-symlink). */
function copiedLinks({ spec, bundle }: CopiedRequest): Map<string, string> {
  const links = new Map<string, string>()
  for (const [index, { source, options = [] }] of (spec.mounts ?? []).entries()) {
    const target = source && options.includes('copy-symlink') ? linkAt(resolve(bundle, source)) : undefined
    if (target === undefined) continue
    const where = `/mounts/${index}`
    if (!isUtf8(target)) throw new UnsupportedError('a link can only be copied when it is UTF-8', { where })
    links.set(where, target.toString())
  }
  return links
}

function linkAt(path: string): Buffer | undefined {
  try {
    return readlinkSync(path, { encoding: 'buffer' })
  } catch {
    return undefined // no link, or not there: a mount like any other
  }
}
