// linux.sysctl, hostname and domainname. Only kernel parameters that belong to a namespace of the container's own may
// be set, all others would be the host's. They are written through the host's /proc, whose /proc/sys shows each
// process the values of its own namespaces. See namespaces(7), config-linux.md#sysctl, sysctl(8) for the names.

import type { SyscallName } from '../abi/syscalls.ts'
import { UnsupportedError } from '../errors.ts'
import { bytes, type Op, syscall } from '../program/op.ts'
import { hasNamespace, type NamespaceKind, type PlanContext, pointer } from './context.ts'
import { writeProc } from './proc-file.ts'

/** Below /proc/sys; a trailing slash stands for all that is there. The kernel docs: admin-guide/sysctl, per namespace. */
const NAMESPACED: readonly (readonly [prefix: string, kind: NamespaceKind])[] = [
  ['kernel/msgmax', 'ipc'],
  ['kernel/msgmnb', 'ipc'],
  ['kernel/msgmni', 'ipc'],
  ['kernel/sem', 'ipc'],
  ['kernel/shmall', 'ipc'],
  ['kernel/shmmax', 'ipc'],
  ['kernel/shmmni', 'ipc'],
  ['kernel/shm_rmid_forced', 'ipc'],
  ['fs/mqueue/', 'ipc'],
  ['net/', 'network'],
  ['kernel/domainname', 'uts'],
  ['user/', 'user'],
]

export const planSysctl = (context: PlanContext): Op[] =>
  Object.entries(context.spec.linux?.sysctl ?? {}).flatMap(([key, value]) => {
    const path = sysctlPath(key)
    const where = pointer('linux', 'sysctl', key)
    const reason = whyNot(context, path)
    if (reason !== undefined) throw new UnsupportedError(`sysctl ${JSON.stringify(key)} ${reason}`, { where })
    return writeProc(context, `sys/${path}`, value, { pointer: where, intent: `set sysctl ${key}` })
  })

/**
 * "net.ipv4.ip_forward" and "net/ipv4/ip_forward" name the same. Which of both separates is told by the one that comes
 * first; the other then stands for itself: "net.ipv4.conf.eth0/100.mtu" is of the interface eth0.100.
 */
export function sysctlPath(key: string): string {
  const first = /[./]/.exec(key)?.[0]
  if (first !== '.') return key
  return key.replace(/[./]/g, separator => (separator === '.' ? '/' : '.'))
}

function whyNot(context: PlanContext, path: string): string | undefined {
  if (path.split('/').some(part => part === '' || part === '.' || part === '..')) return 'is not the name of a sysctl'
  if (path === 'kernel/hostname') return 'is not allowed as it conflicts with the OCI "hostname" field'
  const row = NAMESPACED.find(([prefix]) => (prefix.endsWith('/') ? path.startsWith(prefix) : path === prefix))
  if (row === undefined) return 'is not in a separate kernel namespace'
  const [, kind] = row
  const isShared = !hasNamespace(context, kind) || context.facts.hostNamespaces?.includes(kind) === true
  return isShared ? `is not allowed in the host's ${kind} namespace` : undefined
}

export const planHostname = ({ spec }: PlanContext): Op[] => [
  ...setName('sethostname', spec.hostname, 'hostname'),
  ...setName('setdomainname', spec.domainname, 'domainname'),
]

function setName(name: SyscallName, value: string | undefined, property: string): Op[] {
  if (value === undefined || value === '') return []
  const text = new TextEncoder().encode(value)
  const origin = { pointer: pointer(property), intent: `set the ${property} to ${value}` }
  return [syscall(name, [bytes(text, JSON.stringify(value)), text.length], origin)]
}
