// Asks the machine what a plan must know. Changes nothing and needs no privileges, so that `plan` works for everyone.
import { existsSync, lstatSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { NewCgroupManager } from '../cgroup/manager.ts'
import type { Fd } from '../host/fd.ts'
import { architecture, boundingSet, inUserNamespace, lastCapability, resourceLimit } from '../host/identity.ts'
import { canCloneMounts } from '../host/mount.ts'
import { mountEntries } from '../host/mountinfo.ts'
import type { Facts, SourceKind } from '../plan/facts.ts'
import { descriptors } from '../program/sync.ts'
import type { Mount, Spec } from '../spec/gen/types.ts'
import { GATE } from './container.ts'
import { hasRareMounts, hasRareProcess, part } from './parts.ts'
import { homeOf } from './passwd.ts'
import { linkedTargets } from './targets.ts'

export interface FactsRequest {
  readonly id: string
  readonly bundle: string
  /** The container's directory of the state directory. */
  readonly directory: string
  readonly spec: Spec
  /** Absent when there is none to look at. */
  readonly rootfs: Fd | undefined
  readonly cgroup: NewCgroupManager
  /** How many descriptors from 3 on go to the program. */
  readonly preserved: number
  readonly noPivot: boolean
  /** The soft one that the caller had. */
  readonly descriptorLimit: bigint | undefined
}

export function gatherFacts(request: FactsRequest): Facts {
  const { id, bundle, directory, spec, rootfs, cgroup, preserved, noPivot, descriptorLimit } = request
  const limit = descriptorLimit === undefined ? undefined : resourceLimit('RLIMIT_NOFILE')
  const needsHome = !spec.process.env?.some(variable => variable.startsWith('HOME='))
  const home = needsHome && rootfs !== undefined ? homeOf(rootfs, spec.process.user.uid) : undefined
  const euid = process.geteuid?.() ?? 0
  const inside = inUserNamespace()
  const documents = spec.hooks?.createContainer?.length && spec.hooks.startContainer?.length ? 2 : 1
  const numbers = descriptors(preserved, 0, documents)
  const targets = rootfs && linkedTargets(rootfs, spec.mounts ?? [])
  const rare = hasRareMounts(spec)
    ? part('rareMounts').rareMounts({ spec, bundle, rootfs, targets }, numbers.userNamespaces)
    : undefined
  return {
    architecture,
    euid,
    egid: process.getegid?.() ?? 0,
    inUserNamespace: inside,
    clonesMounts: euid === 0 && (!inside || canCloneMounts()),
    ...capabilityFacts(spec, euid),
    cgroup: cgroup.facts(),
    sources: sourceKinds(spec.mounts ?? [], bundle),
    ...(targets && { targets }),
    ...(noPivot && { kernelMounts: kernelMounts(rootfs) }),
    ...(home === undefined ? {} : { home }),
    ...(limit && descriptorLimit !== undefined && descriptorLimit < limit.soft
      ? { descriptorLimit: { soft: descriptorLimit, hard: limit.hard } }
      : {}),
    ...(hasRareProcess(spec) && part('programFacts').programFacts(spec)),
    kcore: existsSync('/proc/kcore'),
    descriptors: rare === undefined ? numbers : descriptors(preserved, rare.namespaces, documents),
    ...rare?.facts,
    bundle,
    containerId: id,
    gate: `${directory}/${GATE}`,
  }
}

/** Of root: what an execve leaves him. Others have what a user namespace gives them. */
function capabilityFacts({ process, linux }: Spec, euid: number): Pick<Facts, 'lastCapability' | 'capabilities'> {
  const last = lastCapability()
  const isPlain = euid === 0 && linux?.namespaces?.some(({ type }) => type === 'user') !== true
  if (!isPlain || process.capabilities === undefined) return { lastCapability: last }
  const bounding = boundingSet()
  if (bounding === 2 ** (last + 1) - 1) return { lastCapability: last }
  const held: number[] = []
  for (let number = 0; number <= last; number++) if (Math.floor(bounding / 2 ** number) % 2 === 1) held.push(number)
  return { lastCapability: last, capabilities: held }
}

/** Not those in the rootfs: they come along, and their places are the container's. */
function kernelMounts(rootfs: Fd | undefined): string[] {
  const inside = `${rootfs?.link() ?? ''}/`
  const whole = mountEntries().filter(({ type, root }) => (type === 'proc' || type === 'sysfs') && root === '/')
  return whole.map(({ mountPoint }) => mountPoint).filter(path => rootfs === undefined || !path.startsWith(inside))
}

const isBind = ({ type, options = [] }: Mount): boolean =>
  type === 'bind' || options.includes('bind') || options.includes('rbind')

function sourceKinds(mounts: readonly Mount[], bundle: string): Map<string, SourceKind> {
  const kinds = new Map<string, SourceKind>()
  for (const [index, mount] of mounts.entries())
    if (isBind(mount)) {
      const look = mount.options?.includes('src-nofollow') ? lstatSync : statSync
      kinds.set(`/mounts/${index}`, kindOf(resolve(bundle, mount.source ?? ''), look))
    }
  return kinds
}

function kindOf(path: string, look: typeof statSync): SourceKind {
  try {
    return look(path).isDirectory() ? 'directory' : 'file'
  } catch {
    return 'missing'
  }
}
