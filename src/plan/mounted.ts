// What the plan has mounted so far, and what that says of targets below: a new tmpfs is empty but for what the plan has
// made there, and in the kernel's own file systems nothing can be made. Both save calls: a target that cannot be there
// need not be looked for, and one that cannot be made need not be tried.
import type { Origin } from '../errors.ts'
import type { Op } from '../program/op.ts'
import type { Entry, Mounted, PlanContext } from './context.ts'
import { close } from './mount-calls.ts'
import { isBind, isChange } from './mount-entries.ts'

const KERNEL = ['proc', 'sysfs']

/** The ops are for a directory that is covered now. */
export function noteMounted(context: PlanContext, entry: Entry, order: number): Op[] {
  if (isChange(entry)) return []
  const { path, mount, options } = entry
  if (context.facts.links?.has(entry.where)) {
    noteMade(context, path)
    return []
  }
  const type = isBind(entry) ? 'bind' : (mount.type ?? '')
  // a link may lead any other target here; and copies can be anything, links too
  const { targets, links } = context.facts
  const hasLinks = (targets?.size ?? 0) + (links?.size ?? 0) > 0
  const isOurs = type === 'tmpfs' && !hasLinks && !options.extras.includes('tmpcopyup')
  const holds = isOurs ? 'made' : KERNEL.includes(type) ? 'kernel' : 'anything'
  const { mounted } = context
  noteMade(context, path)
  const covered = mounted.get(path)
  mounted.set(path, { path, order, holds, names: new Set() })
  return covered === undefined ? [] : closeDirectory(covered)
}

export function noteMade(context: PlanContext, path: string): void {
  const above = mountedAbove(context, path)
  above?.names.add(nameBelow(above, path))
}

/** The mount that a path lies on: of those on its parents the last one. */
export function mountedAbove({ mounted }: PlanContext, path: string): Mounted | undefined {
  let found: Mounted | undefined
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const one = mounted.get(path.slice(0, end))
    if (one !== undefined && one.order > (found?.order ?? -1)) found = one
  }
  return found
}

/** "/dev", "/dev/a/b" → "a" */
function nameBelow({ path: above }: Mounted, path: string): string {
  const end = path.indexOf('/', above.length + 1)
  return path.slice(above.length + 1, end < 0 ? undefined : end)
}

/** Nothing can be at the path: it is right below a directory of the plan's own, which has not made it. */
export function isAbsent(context: PlanContext, path: string): boolean {
  const above = mountedAbove(context, path)
  if (above?.holds !== 'made' || path.lastIndexOf('/') !== above.path.length) return false
  return !above.names.has(nameBelow(above, path))
}

export function closeDirectories({ mounted }: PlanContext): Op[] {
  const ops: Op[] = []
  for (const one of mounted.values()) ops.push(...closeDirectory(one))
  return ops
}

const closeDirectory = ({ path, directory }: Mounted): Op[] =>
  directory === undefined ? [] : [close(directory, opening(path))]

export const opening = (path: string): Origin => ({ intent: `open ${path} of the container` })
