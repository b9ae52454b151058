// What the specification does not allow or leaves open, but other runtimes accept and tools therefore write: null
// for "absent" anywhere, the empty string for "absent" in a few places, and a process without a user.
const EMPTY_MEANS_ABSENT: Readonly<Record<string, readonly string[]>> = {
  '': ['hostname', 'domainname'],
  '/process': ['apparmorProfile', 'selinuxLabel'],
  '/mounts/*': ['type', 'source'],
  '/linux': ['cgroupsPath', 'rootfsPropagation', 'mountLabel'],
  '/linux/namespaces/*': ['path'],
  '/linux/resources/cpu': ['cpus', 'mems'],
  '/linux/resources/devices/*': ['type'],
  '/linux/seccomp': ['listenerPath', 'listenerMetadata'],
}

type Holder = Record<string, unknown>
const isHolder = (value: unknown): value is Holder =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Changes the document in place and returns it. */
export function tolerated(document: unknown): unknown {
  dropNulls(document)
  if (!isHolder(document)) return document
  for (const [path, names] of Object.entries(EMPTY_MEANS_ABSENT)) {
    for (const holder of holders(document, path.split('/').slice(1))) {
      for (const name of names) if (holder[name] === '') delete holder[name]
    }
  }
  if (isHolder(document.process)) document.process.user ??= { uid: 0, gid: 0 }
  return document
}

function dropNulls(value: unknown): void {
  if (Array.isArray(value)) value.forEach(dropNulls)
  if (!isHolder(value)) return
  for (const [name, item] of Object.entries(value)) {
    if (item === null) delete value[name]
    else dropNulls(item)
  }
}

function holders(value: unknown, path: readonly string[]): Holder[] {
  const [name, ...rest] = path
  if (name === '*') return Array.isArray(value) ? value.flatMap(item => holders(item, rest)) : []
  if (!isHolder(value)) return []
  return name === undefined ? [value] : holders(value[name], rest)
}
