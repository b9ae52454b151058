// Parts of create and plan that few configs ask for. Each is a module of its own, loaded before the bundle is compiled
// and only when its config asks for it: what is loaded costs every start. The verbs themselves are synchronous and find
// the parts here; the library, which has no start to save, has them all from the beginning (all-parts.ts).
import type { Linux, Spec } from '../spec/gen/types.ts'
import { type BundleOptions, readBundle } from './bundle.ts'

export interface Parts {
  readonly intelRdt: typeof import('./intel-rdt.ts')
  readonly netDevices: typeof import('./net-devices.ts')
  readonly seccomp: typeof import('./seccomp.ts')
  readonly programFacts: typeof import('./program-facts.ts')
  readonly rareMounts: typeof import('./rare-mounts.ts')
}

const parts: { -readonly [Name in keyof Parts]?: Parts[Name] } = {}

export function provide(some: Partial<Parts>): void {
  Object.assign(parts, some)
}

export async function loadParts(spec: Spec): Promise<void> {
  const { linux } = spec
  if (linux?.intelRdt !== undefined) parts.intelRdt ??= await import('./intel-rdt.ts')
  if (linux?.netDevices !== undefined) parts.netDevices ??= await import('./net-devices.ts')
  if (linux?.seccomp !== undefined) parts.seccomp ??= await import('./seccomp.ts')
  if (hasRareProcess(spec)) parts.programFacts ??= await import('./program-facts.ts')
  if (hasRareMounts(spec)) parts.rareMounts ??= await import('./rare-mounts.ts')
}

/** What a plan asks the machine about security modules, memory nodes and joined namespaces for. */
export function hasRareProcess({ process, linux }: Spec): boolean {
  const { apparmorProfile, selinuxLabel } = process
  return Boolean(
    apparmorProfile || selinuxLabel || linux?.mountLabel || linux?.memoryPolicy !== undefined || joinsForSysctls(linux),
  )
}

const joinsForSysctls = ({ sysctl, namespaces }: Linux = {}): boolean =>
  sysctl !== undefined && namespaces?.some(({ path }) => path) === true

/** Mounts that are id-mapped or copy something. */
export function hasRareMounts({ mounts = [] }: Spec): boolean {
  for (const { options = [], uidMappings, gidMappings } of mounts) {
    if (uidMappings !== undefined || gidMappings !== undefined) return true
    // an expression would have to be compiled first, at every start
    for (const option of options)
      if (option.includes('idmap') || option === 'tmpcopyup' || option === 'copy-symlink') return true
  }
  return false
}

/** A part that the config asks for, and that has been loaded therefore. */
export function part<Name extends keyof Parts>(name: Name): Parts[Name] {
  const found = parts[name]
  if (found === undefined) throw new Error(`the part ${name} has not been loaded`)
  return found
}

/** The same options, with the bundle read and all loaded that it needs. */
export async function prepared<Options extends BundleOptions>(options: Options): Promise<Options> {
  const read = readBundle(options.bundle)
  await loadParts(read.spec)
  return { ...options, read }
}
