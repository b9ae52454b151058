// state and list: what is seen at a glance, and a close look at the rest.
import { StateError, type TsruncError } from '../errors.ts'
import { type Container, load, loadFrom, STATE_FILE, type StateDocument } from './container.ts'
import { glance, type Overview, overview } from './glance.ts'
import { type ContainerDirectory, forEachDirectory, type Runtime } from './store.ts'
import { userNames } from './user-names.ts'

export interface Listing {
  /** `owner` is a user's name, or "#" and the id. */
  readonly containers: readonly StateDocument[]
  /** Of containers whose state cannot be read. */
  readonly problems: readonly TsruncError[]
}

/** The verb: the document of one container. */
export function state(runtime: Runtime, id: string): StateDocument {
  const seen = glance(runtime, id)
  if (seen !== undefined) return seen
  using container = load(runtime, id)
  return container.state()
}

/** `seen` is for who has had the overview already. */
export function list(runtime: Runtime, seen?: Overview): Listing {
  const { containers, doubtful } = seen ?? overview(runtime) ?? { containers: [], doubtful: undefined }
  const problems: TsruncError[] = []
  if (doubtful?.length === 0) return { containers, problems }
  const nameOf = userNames()
  const found: StateDocument[] = []
  const visit = (directory: ContainerDirectory): void => {
    using container = loadFound(runtime, directory)
    if (container !== undefined) found.push({ ...container.state(), owner: nameOf(container.saved.owner) })
  }
  const isThere = forEachDirectory(runtime, visit, error => problems.push(error), doubtful)
  if (!isThere && runtime.rootGiven)
    throw new StateError(`open ${runtime.root}: no such file or directory`, { where: runtime.root })
  return { containers: containers.length === 0 ? found : merged(containers, found), problems }
}

const merged = (some: readonly StateDocument[], others: readonly StateDocument[]): StateDocument[] =>
  [...some, ...others].sort((a, b) => (a.id < b.id ? -1 : 1)) // as their names were sorted

/** Undefined when it is another runtime's, or so new that its state is not written yet; later, a crash has left it so. */
function loadFound(runtime: Runtime, directory: ContainerDirectory): Container | undefined {
  try {
    return loadFrom(runtime, directory)
  } catch (error) {
    if (error instanceof StateError && error.missing) return undefined
    if (!directory.has(STATE_FILE) && Date.now() - directory.fd.stat().mtimeMs < RESERVATION_MS) return undefined
    throw error
  }
}
const RESERVATION_MS = 2000
