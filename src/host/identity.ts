// What this process is and where it runs: ids, capabilities, limits, kernel. proc_pid_status(5), uname(2), prlimit(2).
import { readFileSync } from 'node:fs'
import { CAP, type CapabilityName, capabilityName } from '../abi/capability.ts'
import { RLIMIT, rlimit64 } from '../abi/resource.ts'
import { processCalls } from './libc-processes.ts'
import { attempt } from './node-error.ts'

export { architecture } from './signature.ts'
export { inUserNamespace } from './user-namespace.ts'

export interface Capabilities {
  readonly effective: bigint
  readonly permitted: bigint
  readonly inheritable: bigint
  readonly bounding: bigint
  readonly ambient: bigint
}

const read = (path: string): string => attempt('read', [JSON.stringify(path)], () => readFileSync(path, 'utf8'))

/** The capability sets of a process, as masks. */
export function capabilities(process: number | 'self' = 'self'): Capabilities {
  const status = read(`/proc/${process}/status`)
  const mask = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`)
  return {
    effective: mask('CapEff'),
    permitted: mask('CapPrm'),
    inheritable: mask('CapInh'),
    bounding: mask('CapBnd'),
    ambient: mask('CapAmb'),
  }
}

export const hasCapability = (name: CapabilityName): boolean =>
  ((capabilities().effective >> BigInt(CAP[name])) & 1n) === 1n

/** The names of a mask's capabilities that we have a name for. */
export const capabilityNames = (mask: bigint): CapabilityName[] =>
  Object.values(CAP)
    .filter(number => ((mask >> BigInt(number)) & 1n) === 1n)
    .map(number => capabilityName(number))
    .filter(name => name !== undefined)

/** What execve leaves to root, as a number with a bit for each capability; a question of most starts, so a quick one. */
export function boundingSet(): number {
  const status = read('/proc/self/status')
  const start = status.indexOf(BOUNDING) + BOUNDING.length
  return Number(`0x${status.slice(start, status.indexOf('\n', start))}`)
}
const BOUNDING = 'CapBnd:\t'

/** Number of the last capability that this kernel knows. */
export const lastCapability = (): number => Number(read('/proc/sys/kernel/cap_last_cap'))

export interface KernelVersion {
  readonly major: number
  readonly minor: number
  /** As uname -r prints it. */
  readonly release: string
}

export function kernelVersion(): KernelVersion {
  const text = read('/proc/sys/kernel/osrelease')
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? []
  return { major: Number(major), minor: Number(minor), release: text }
}

export const euid = (): number => process.geteuid?.() ?? 0
export const egid = (): number => process.getegid?.() ?? 0

export interface Limit {
  readonly soft: bigint
  readonly hard: bigint
}

/** A resource limit of a process, 0 for this one; RLIM_INFINITY is 2^64 - 1. */
export function resourceLimit(name: keyof typeof RLIMIT.values, pid = 0): Limit {
  const bytes = new Uint8Array(rlimit64.size)
  processCalls.prlimit(pid, RLIMIT.values[name], null, bytes)
  const { rlim_cur: soft, rlim_max: hard } = rlimit64.decode(bytes)
  return { soft, hard }
}
