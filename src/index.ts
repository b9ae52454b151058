// The library's door: the verbs, what they take and give, and the errors they throw. A verb changes nothing of the
// process that calls it (working directory, umask, environment, standard streams) and blocks it until it is done;
// `run` alone does not block. Containers are children of the calling process until it ends.
import './runtime/all-parts.ts'

export * from './errors.ts'
export type { StateDocument, Status } from './runtime/container.ts'
export { type CreateOptions, create } from './runtime/create.ts'
export { type RemoveOptions, remove } from './runtime/delete.ts'
export { features } from './runtime/features.ts'
export { type KillOptions, kill } from './runtime/kill.ts'
export { type Plan, plan } from './runtime/plan.ts'
export { type Listing, list, state } from './runtime/query.ts'
export { type RunOptions, run } from './runtime/run.ts'
export { sampleSpec } from './runtime/sample.ts'
export { start } from './runtime/start.ts'
export { openRuntime, type Runtime, type RuntimeOptions } from './runtime/store.ts'
export type { Features } from './spec/gen/features-types.ts'
export type { Spec } from './spec/gen/types.ts'
