// What a plan must know of the machine where the config has labels of security modules, a memory policy, or sysctls
// beside namespaces to join. Few have: the module is loaded for them alone (parts.ts).
import { readFileSync, statSync } from 'node:fs'
import { hasAppArmor, hasSelinux, type NamespaceFile } from '../host/probe.ts'
import type { Facts } from '../plan/facts.ts'
import type { Linux, Namespace, Spec } from '../spec/gen/types.ts'

export type ProgramFacts = Pick<Facts, 'modules' | 'memoryNodes' | 'hostNamespaces'>

export function programFacts({ process, linux = {} }: Spec): ProgramFacts {
  const labelled = Boolean(process.apparmorProfile || process.selinuxLabel || linux.mountLabel)
  return {
    ...(labelled && { modules: { appArmor: hasAppArmor(), selinux: hasSelinux() } }),
    ...(linux.memoryPolicy !== undefined && { memoryNodes: memoryNodes() }),
    ...(linux.sysctl !== undefined && { hostNamespaces: hostNamespaces(linux) }),
  }
}

/** Empty where the kernel knows no nodes, or somebody hides them. */
function memoryNodes(): string {
  try {
    return readFileSync('/sys/devices/system/node/has_memory', 'utf8').trim()
  } catch {
    return ''
  }
}

const FILES: Readonly<Record<Namespace['type'], NamespaceFile>> = {
  cgroup: 'cgroup',
  ipc: 'ipc',
  mount: 'mnt',
  network: 'net',
  pid: 'pid',
  time: 'time',
  user: 'user',
  uts: 'uts',
}

const hostNamespaces = ({ namespaces = [] }: Linux): string[] =>
  namespaces.filter(({ type, path }) => path && isOwn(FILES[type], path)).map(({ type }) => type)

/** A path that leads nowhere, or may not be looked at, is a mistake that the join reports. */
function isOwn(file: NamespaceFile, path: string): boolean {
  const [own, other] = [`/proc/self/ns/${file}`, path].map(identity)
  return own !== undefined && own === other
}

function identity(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}
