// The place that an entry of /mounts covers. A container that can cover files of procfs can lie to the runtime about
// labels and limits (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561): such a place is refused by name where the config
// says it, and by file system when it is open, since a symlink of the image can lead any name to /proc.
import { ERRNO } from '../abi/errno.ts'
import { FSMAGIC } from '../abi/magic.ts'
import { type Origin, UnsupportedError } from '../errors.ts'
import { address, cell, fail, jump, label, type Op, type Slot, slotIn, syscall } from '../program/op.ts'
import { ALL_BITS, type PlanContext } from './context.ts'
import type { Entry } from './mount-entries.ts'
import { ensureTarget, type Opened } from './resolve.ts'

/** Files that tools such as lxcfs cover with the container's own numbers. */
const COVERABLE = [
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/loadavg',
  '/proc/meminfo',
  '/proc/net/dev',
  '/proc/slabinfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/sys/crypto/fips_enabled',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/uptime',
]

/** The types that give power over the kernel: on an ordinary directory only, reached without a symlink. */
const ORDINARY = ['proc', 'sysfs']

export function mountTarget(context: PlanContext, entry: Entry, kind: 'directory' | 'file', made?: Slot): Opened {
  const { path, origin, mount, where } = entry
  const madeAs = context.facts.targets?.get(where)
  const mayBeProc = path === '/proc' || mayCoverProc(entry)
  const type = mount.type ?? ''
  const ordinary = `filesystem ${JSON.stringify(type)} must be mounted on ordinary directory`
  const rest = { ...(ORDINARY.includes(type) ? { ordinary } : madeAs && { madeAs }), ...(made && { made }) }
  const target = ensureTarget(context, path, kind, origin, rest)
  if (mayBeProc) return target
  const refusal = `${JSON.stringify(path)} cannot be mounted because it leads into /proc`
  return { ops: [...target.ops, ...checkProc(target.fd, 'ne', origin, refusal)], fd: target.fd }
}

/** A bind on /proc must itself be a procfs. */
export const mustBeProc = (source: Slot, origin: Origin): Op[] =>
  checkProc(source, 'eq', origin, '"/proc" cannot be mounted because it is not of type proc')

/** Throws for a path below /proc that may never be covered. */
function mayCoverProc({ path, where }: Entry): boolean {
  if (COVERABLE.includes(path)) return true
  if (!path.startsWith('/proc/')) return false
  throw new UnsupportedError(`${JSON.stringify(path)} cannot be mounted because it is inside /proc`, {
    where: `${where}/destination`,
    hint: `allowed below /proc: ${COVERABLE.map(name => name.slice('/proc/'.length)).join(', ')}`,
  })
}

const statfsSize = 120 // struct statfs; its first word is f_type
const statfs = cell('statfs', statfsSize)

function checkProc(fd: Slot, is: 'eq' | 'ne', origin: Origin, refusal: string): Op[] {
  const fine = label('fine')
  const value = FSMAGIC.values.PROC_SUPER_MAGIC
  return [
    syscall('fstatfs', [fd, address(statfs)], origin),
    jump(fine, origin, { slot: slotIn(statfs), mask: ALL_BITS, is, value }),
    fail(ERRNO.EPERM[0], { ...origin, intent: refusal }),
    fine,
  ]
}
