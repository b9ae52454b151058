// The config.json that `spec` writes, for this host and this user.
import { currentLayout } from '../cgroup/places.ts'
import type { Spec } from '../spec/gen/types.ts'
import { sampleSpec as sampleFor } from '../spec/sample.ts'

export function sampleSpec({ rootless = false }: { readonly rootless?: boolean } = {}): Spec {
  const uid = process.geteuid?.() ?? 0
  const gid = process.getegid?.() ?? 0
  return sampleFor({ rootless, cgroupV2: currentLayout().mode === 'v2', uid, gid })
}
