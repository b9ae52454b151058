// Writing to files of the host's /proc. They are reached from its descriptor, which the first stage has opened before
// anything of the container was mounted, so no image can put another file there (CVE-2019-16884, CVE-2025-52881); and
// which it has found to be a procfs, for the runtime may itself run where somebody else has made /proc.
import { AT_FDCWD, openHow, RESOLVE } from '../abi/fcntl.ts'
import { FSMAGIC, statfs } from '../abi/magic.ts'
import type { Origin } from '../errors.ts'
import { address, bytes, type CallRest, cell, fail, type Op, type Slot, slot, struct, syscall } from '../program/op.ts'
import type { PlanContext } from './context.ts'
import { field } from './memory.ts'
import { directoryFlags } from './resolve.ts'

export function openProc(context: PlanContext): Op[] {
  const origin: Origin = { intent: 'open /proc of the host' }
  const { proc } = context.slots
  const memory = cell('statfs of /proc', statfs.size)
  const forged = field(memory, statfs, 'f_type', 'ne', FSMAGIC.values.PROC_SUPER_MAGIC, { named: 'PROC_SUPER_MAGIC' })
  return [
    syscall('openat', [AT_FDCWD, '/proc', directoryFlags(context), 0], origin, {
      result: proc,
    }),
    syscall('fstatfs', [proc, address(memory)], origin),
    fail(0, { intent: '/proc of the host is not a proc file system' }, forged),
  ]
}

/** `path` is relative to /proc. */
export function openProcFile(context: PlanContext, path: string, result: Slot, origin: Origin, rest?: CallRest): Op {
  const { O_WRONLY, O_CLOEXEC } = context.open
  const { RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS } = RESOLVE.bits
  const how = struct(
    openHow,
    { flags: O_WRONLY | O_CLOEXEC, resolve: RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS },
    '{flags=O_WRONLY|O_CLOEXEC, resolve=RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS}',
  )
  return syscall('openat2', [context.slots.proc, path, how, openHow.size], origin, { ...rest, result })
}

/** In one write, as the files of /proc demand. */
export function writeText(file: Slot, text: string, origin: Origin): Op {
  const content = new TextEncoder().encode(text)
  return syscall('write', [file, bytes(content, JSON.stringify(text)), content.length], origin)
}

/** `path` is relative to /proc. */
export function writeProc(context: PlanContext, path: string, text: string, origin: Origin): Op[] {
  const file = slot('file of /proc')
  return [openProcFile(context, path, file, origin), writeText(file, text, origin), syscall('close', [file], origin)]
}
