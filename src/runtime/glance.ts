// The plain case of `state` and `list`: containers of ours below a root that nobody else can change, told with the
// fewest system calls and little code, since engines ask often and lists are long. Whatever is unusual – somebody else
// may write to it, a file is missing, damaged or another runtime's, a call fails – is left to container.ts, which says
// what is wrong. What is not shown is not looked at: damage of that is found by the commands that need it.
import { closeSync, existsSync, fstatSync, lstatSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { S } from '../abi/stat.ts'
import { type StateDocument, stateDocument } from './document.ts'
import { checkId } from './id.ts'
import { type PlainState, readPlain, StatusReader } from './plain-state.ts'
import type { Runtime } from './runtime.ts'
import { userNames } from './user-names.ts'

const OPEN_DIRECTORY = Number(O.bits.O_PATH | O.bits.O_DIRECTORY | O.bits.O_CLOEXEC)
const [KIND, DIRECTORY, STICKY] = [Number(S.bits.S_IFMT), Number(S.bits.S_IFDIR), Number(S.bits.S_ISVTX)]
const WRITABLE_BY_OTHERS = 0o022
/** To look for one process takes as long as to list so many. */
const LISTED_IN_ONE_LOOK = 4

export interface Overview {
  /** Sorted by id. */
  readonly containers: readonly StateDocument[]
  /** Names in the root that need a closer look. */
  readonly doubtful: readonly string[]
}

/** Undefined: look closely. Throws StateError when no container can have that id. */
export function glance(runtime: Runtime, id: string): StateDocument | undefined {
  checkId(id)
  return withRoot(runtime, root => documentOf(readContainer(root, id), new StatusReader(hasProcess)))
}

/** Undefined: look closely at all of them. */
export const overview = (runtime: Runtime): Overview | undefined =>
  withRoot(runtime, root => {
    const ids = readdirSync(root).sort()
    const path = trustedPath(root) ?? root
    const found = ids.map(id => orUndefined(() => readContainer(path, id)))
    // the processes after the files that name them: none of these is missing for being too new
    const statuses = new StatusReader(isWorthListing(ids.length) ? isListed() : hasProcess)
    const nameOf = userNames()
    const containers: StateDocument[] = []
    const doubtful: string[] = []
    found.forEach((plain, index) => {
      const document = orUndefined(() => documentOf(plain, statuses, nameOf))
      if (document === undefined) doubtful.push(ids[index] ?? '')
      else containers.push(document)
    })
    return { containers, doubtful }
  })

function documentOf(
  plain: PlainState | undefined,
  statuses: StatusReader,
  nameOf?: (uid: number) => string,
): StateDocument | undefined {
  const status = plain && statuses.read(plain)
  return status && stateDocument(plain.shown, status, nameOf?.(plain.shown.owner))
}

function orUndefined<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

/** Calls with a path of the root, when only its owner can put something into it. */
const withRoot = <T>(runtime: Runtime, work: (root: string) => T): T | undefined =>
  orUndefined(() => {
    const root = openSync(runtime.root, OPEN_DIRECTORY)
    try {
      const { mode, uid } = fstatSync(root)
      return (mode & WRITABLE_BY_OTHERS) === 0 && isTrusted(uid) ? work(`/proc/self/fd/${root}`) : undefined
    } finally {
      closeSync(root)
    }
  })

const isTrusted = (uid: number): boolean => uid === 0 || uid === process.geteuid?.()

/** The root's own path, which the kernel resolves in half the time: when nobody else can change what it means. */
function trustedPath(root: string): string | undefined {
  const path = readlinkSync(root)
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const { mode, uid } = lstatSync(end < 0 ? path : path.slice(0, end))
    const isFixed = (mode & WRITABLE_BY_OTHERS) === 0 || (mode & STICKY) !== 0
    if ((mode & KIND) !== DIRECTORY || !isFixed || !isTrusted(uid)) return undefined
    if (end < 0) return path
  }
}

function readContainer(root: string, id: string): PlainState | undefined {
  const directory = `${root}/${id}`
  const { mode, uid } = lstatSync(directory)
  const isOurs = (mode & KIND) === DIRECTORY && (mode & WRITABLE_BY_OTHERS) === 0 && isTrusted(uid)
  return isOurs ? readPlain(directory, id) : undefined
}

const hasProcess = (pid: number): boolean => existsSync(`/proc/${pid}`)

/** The links of /proc are counted as if each process had one. */
const isWorthListing = (containers: number): boolean => lstatSync('/proc').nlink < containers * LISTED_IN_ONE_LOOK

function isListed(): (pid: number) => boolean {
  const processes = new Set(readdirSync('/proc'))
  return pid => processes.has(String(pid))
}
