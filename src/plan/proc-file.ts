// Writing to files of the host's /proc. They are reached from its descriptor, which the first stage has opened before
// anything of the container was mounted, so no image can put another file there (CVE-2019-16884, CVE-2025-52881).
import { openFlags, openHow, RESOLVE } from '../abi/fcntl.ts'
import type { Origin } from '../errors.ts'
import { bytes, int, load, type Op, slot, str, struct, syscall } from '../program/op.ts'
import type { PlanContext } from './context.ts'

/** `path` is relative to /proc. The text arrives in one write, as sysctls demand. */
export function writeProc(context: PlanContext, path: string, text: string, origin: Origin): Op[] {
  const { O_WRONLY, O_CLOEXEC } = openFlags(context.facts.architecture).bits
  const { RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS } = RESOLVE.bits
  const how = struct(
    openHow,
    { flags: O_WRONLY | O_CLOEXEC, resolve: RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS },
    '{flags=O_WRONLY|O_CLOEXEC, resolve=RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS}',
  )
  const file = slot('file of /proc')
  const content = new TextEncoder().encode(text)
  return [
    syscall('openat2', [load(context.slots.proc), str(path), how, int(openHow.size)], origin, { result: file }),
    syscall('write', [load(file), bytes(content, JSON.stringify(text)), int(content.length)], origin),
    syscall('close', [load(file)], origin),
  ]
}
