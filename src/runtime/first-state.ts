// The state of a container before there is anything of it: what config.json and the caller say.
import { wallClock } from '../host/clock.ts'
import type { Compiled } from './compile.ts'
import { identify } from './container.ts'
import type { SavedState } from './saved.ts'

export function firstState(id: string, { bundle, rootfs, cgroup }: Compiled): SavedState {
  const { spec } = bundle
  const creator = identify(process.pid)
  if (creator === undefined) throw new Error('/proc does not show this process')
  return {
    version: 1,
    id,
    status: 'creating',
    bundle: bundle.path,
    rootfs: rootfs.path,
    created: now(),
    owner: process.geteuid?.() ?? 0,
    creator,
    ownPidNamespace: spec.linux?.namespaces?.some(({ type, path }) => type === 'pid' && !path) ?? false,
    cgroup: cgroup.saved,
    cgroupMade: false,
    annotations: spec.annotations ?? {},
    hooks: { poststart: spec.hooks?.poststart ?? [], poststop: spec.hooks?.poststop ?? [] },
  }
}

const NANOSECONDS_OF_MS = 1_000_000n

/** RFC 3339 in nanoseconds. */
function now(): string {
  const time = wallClock()
  const rest = String(time % NANOSECONDS_OF_MS).padStart(6, '0')
  return new Date(Number(time / NANOSECONDS_OF_MS)).toISOString().replace('Z', `${rest}Z`)
}
