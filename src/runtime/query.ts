// list: what is known of all containers below the root; of one it is known by container.ts.
import { StateError, type TsruncError } from '../errors.ts'
import { type Container, loadFrom, STATE_FILE, type StateDocument } from './container.ts'
import { userName } from './passwd.ts'
import { type ContainerDirectory, forEachDirectory, type Runtime } from './store.ts'

export { state } from './container.ts'

export interface Listing {
  /** `owner` is a user's name, or "#" and the id. */
  readonly containers: readonly StateDocument[]
  /** Of containers whose state cannot be read. */
  readonly problems: readonly TsruncError[]
}

export function list(runtime: Runtime): Listing {
  const containers: StateDocument[] = []
  const problems: TsruncError[] = []
  const nameOf = remembered(userName)
  const visit = (directory: ContainerDirectory): void => {
    using container = loadFound(runtime, directory)
    if (container !== undefined) containers.push({ ...container.state(), owner: nameOf(container.saved.owner) })
  }
  const isThere = forEachDirectory(runtime, visit, error => problems.push(error))
  if (!isThere && runtime.rootGiven)
    throw new StateError(`open ${runtime.root}: no such file or directory`, { where: runtime.root })
  return { containers, problems }
}

/** Each user is looked up once. */
function remembered(look: (uid: number) => string): (uid: number) => string {
  const known = new Map<number, string>()
  return uid => {
    const name = known.get(uid) ?? look(uid)
    known.set(uid, name)
    return name
  }
}

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
