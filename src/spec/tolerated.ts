// What the specification does not allow or leaves open, but other runtimes accept and tools therefore write: null
// for "absent" anywhere, the empty string for "absent" in a few places, and a process without a user.

/** Path of an object, `*` for any item of a list, and its properties. */
const EMPTY_MEANS_ABSENT: readonly (readonly [path: readonly string[], names: readonly string[]])[] = [
  [[], ['hostname', 'domainname']],
  [['process'], ['apparmorProfile', 'selinuxLabel']],
  [
    ['mounts', '*'],
    ['type', 'source'],
  ],
  [['linux'], ['cgroupsPath', 'rootfsPropagation', 'mountLabel']],
  [['linux', 'namespaces', '*'], ['path']],
  [
    ['linux', 'resources', 'cpu'],
    ['cpus', 'mems'],
  ],
  [['linux', 'resources', 'devices', '*'], ['type']],
  [
    ['linux', 'seccomp'],
    ['listenerPath', 'listenerMetadata'],
  ],
]

type Holder = Record<string, unknown>
const isHolder = (value: unknown): value is Holder =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Changes the document in place and returns it. */
export function tolerated(document: unknown): unknown {
  if (typeof document === 'object' && document !== null) dropNulls(document)
  if (!isHolder(document)) return document
  for (const [path, names] of EMPTY_MEANS_ABSENT) dropEmpty(document, path, 0, names)
  if (isHolder(document.process)) document.process.user ??= { uid: 0, gid: 0 }
  return document
}

/** The nulls in a list stay: they are no properties. */
function dropNulls(value: object): void {
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) dropNulls(item)
    return
  }
  for (const [name, item] of Object.entries(value)) {
    if (item === null) delete (value as Holder)[name]
    else if (typeof item === 'object') dropNulls(item)
  }
}

function dropEmpty(value: unknown, path: readonly string[], depth: number, names: readonly string[]): void {
  const step = path[depth]
  if (step === '*') {
    if (Array.isArray(value)) for (const item of value) dropEmpty(item, path, depth + 1, names)
  } else if (isHolder(value)) {
    if (step !== undefined) dropEmpty(value[step], path, depth + 1, names)
    else for (const name of names) if (value[name] === '') delete value[name]
  }
}
