// state and list: what is known of one container, or of all below the root.
import { StateError, TsruncError } from '../errors.ts'
import { isForeign, load, STATE_FILE, type StateDocument } from './container.ts'
import { userName } from './passwd.ts'
import { type ContainerDirectory, find, names, type Runtime } from './store.ts'

export interface Listing {
  /** `owner` is a user's name, or "#" and the id. */
  readonly containers: readonly StateDocument[]
  /** Of containers whose state cannot be read. */
  readonly problems: readonly TsruncError[]
}

export function state(runtime: Runtime, id: string): StateDocument {
  using container = load(runtime, id)
  return container.state()
}

export function list(runtime: Runtime): Listing {
  const found = names(runtime)
  if (found === undefined && runtime.rootGiven)
    throw new StateError(`open ${runtime.root}: no such file or directory`, { where: runtime.root })
  const containers: StateDocument[] = []
  const problems: TsruncError[] = []
  for (const id of found ?? []) {
    try {
      const entry = entryOf(runtime, id)
      if (entry !== undefined) containers.push(entry)
    } catch (error) {
      if (!(error instanceof TsruncError)) throw error
      problems.push(error)
    }
  }
  return { containers, problems }
}

function entryOf(runtime: Runtime, id: string): StateDocument | undefined {
  {
    using directory = find(runtime, id)
    if (directory === undefined || isForeign(directory) || isAboutToBe(directory)) return undefined
  }
  using container = load(runtime, id)
  return { ...container.state(), owner: userName(container.saved.owner) }
}

/** Reserved a moment ago, its state not yet written; later than that, a crash has left it so. */
const isAboutToBe = (directory: ContainerDirectory): boolean =>
  Date.now() - directory.fd.stat().mtimeMs < RESERVATION_MS && !directory.has(STATE_FILE)
const RESERVATION_MS = 2000
