// Parts of create and plan that few configs ask for. Each is a module of its own, loaded before the bundle is compiled
// and only when its config asks for it: what is loaded costs every start. The verbs themselves are synchronous and find
// the parts here; the library, which has no start to save, has them all from the beginning (all-parts.ts).
import type { Spec } from '../spec/gen/types.ts'
import { readBundle } from './bundle.ts'
import type { CompileOptions } from './compile.ts'

export interface Parts {
  readonly intelRdt: typeof import('./intel-rdt.ts')
  readonly netDevices: typeof import('./net-devices.ts')
}

const parts: { -readonly [Name in keyof Parts]?: Parts[Name] } = {}

export function provide(all: Parts): void {
  Object.assign(parts, all)
}

export async function loadParts({ linux }: Spec): Promise<void> {
  if (linux?.intelRdt !== undefined) parts.intelRdt ??= await import('./intel-rdt.ts')
  if (linux?.netDevices !== undefined) parts.netDevices ??= await import('./net-devices.ts')
}

/** A part that the config asks for, and that has been loaded therefore. */
export function part<Name extends keyof Parts>(name: Name): Parts[Name] {
  const found = parts[name]
  if (found === undefined) throw new Error(`the part ${name} has not been loaded`)
  return found
}

/** The same options, with the bundle read and all loaded that it needs. */
export async function prepared<Options extends CompileOptions>(options: Options): Promise<Options> {
  const read = readBundle(options.bundle)
  await loadParts(read.spec)
  return { ...options, read }
}
