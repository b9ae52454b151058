// What a case is. A case drives a runtime from outside and throws when the runtime does not do what the named section
// of the runtime-spec (https://github.com/opencontainers/runtime-spec) asks, or, where the section says "runc", what
// callers of runc rely on.
import type { World } from './world.ts'

export interface Case {
  /** Unique; misses.ts refers to it. */
  readonly name: string
  /** "runtime.md create", or "runc" with the subject. */
  readonly section: string
  run(world: World): void | Promise<void>
}

/** Thrown by a case that cannot be tried here; says why. */
export class Skip extends Error {}

export const defineCase = (section: string, name: string, run: Case['run']): Case => ({ section, name, run })
