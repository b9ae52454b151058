// Writes into the files of a container's groups, and what is said when one can not be written.

import { SpecError, StateError, UnsupportedError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import type { Fd } from '../host/fd.ts'
import type { Memory } from '../spec/gen/types.ts'
import { explained, type Group } from './group.ts'
import type { Write } from './write.ts'

export interface Target {
  /** The group that has a controller; undefined when no hierarchy has it. */
  group(controller: string): Group | undefined
  /** Why a file is not there, when the reason is that the group lacks the controller. */
  missing(group: Group, controller: string): string | undefined
}

/** In order; writes that bound each other (`together`) may need a second try after the others of them. */
export function applyWrites(writes: readonly Write[], target: Target): void {
  using open = new OpenFile()
  for (let at = 0; at < writes.length; ) {
    const first = writes[at]
    let end = at + 1
    while (first?.together !== undefined && writes[end]?.together === first.together) end++
    applyTogether(writes.slice(at, end), write => applyOne(write, target, open))
    at = end
  }
}

function applyTogether(writes: readonly Write[], apply: (write: Write) => void): void {
  const failed: Write[] = []
  for (const write of writes)
    try {
      apply(write)
    } catch (error) {
      if (writes.length === 1 || !isErrno(error, 'EINVAL', 'EBUSY')) throw error
      failed.push(write)
    }
  for (const write of failed) apply(write)
}

/** The file of the last write stays open for the next: device rules are many lines for one file. */
class OpenFile {
  #file: Fd | undefined
  #name = ''

  get(group: Group, name: string): Fd {
    const full = `${group.name}/${name}`
    if (this.#file === undefined || this.#name !== full) {
      this.#file?.close()
      this.#file = undefined
      this.#file = group.open(name)
      this.#name = full
    }
    return this.#file
  }

  [Symbol.dispose](): void {
    this.#file?.close()
  }
}

function applyOne(write: Write, target: Target, open: OpenFile): void {
  const group = target.group(write.controller)
  if (group === undefined)
    throw new UnsupportedError(
      `${write.file}: no cgroup hierarchy with the ${write.controller} controller is mounted`,
      {
        where: write.pointer,
      },
    )
  const found = openFirst(write, group, open)
  if (found === undefined) {
    if (write.whenMissing !== 'skip') throw missing(write, group, target)
    return
  }
  try {
    found.file.write(found.value)
  } catch (error) {
    if (write.whenDenied === 'skip' && isErrno(error, 'EPERM')) return
    const intent = `set ${found.name} of cgroup ${group.place.path} to ${found.value}`
    throw explained(error, { pointer: write.pointer, intent })
  }
  if (write.readBack) compare(write, group)
}

function openFirst(write: Write, group: Group, open: OpenFile): { file: Fd; name: string; value: string } | undefined {
  for (const choice of [write, ...(write.otherwise ? [write.otherwise] : [])])
    try {
      return { file: open.get(group, choice.file), name: choice.file, value: choice.value }
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw explained(error, { pointer: write.pointer, intent: `open ${choice.file}` })
    }
  return undefined
}

function missing(write: Write, group: Group, target: Target): UnsupportedError {
  const files = [write.file, ...(write.otherwise ? [write.otherwise.file] : [])].join(' or ')
  const controller = target.missing(group, write.controller)
  const reason = controller ?? (write.needs ? `it needs ${write.needs}` : 'this kernel does not have it')
  return new UnsupportedError(`cgroup ${group.name} has no ${files}: ${reason}`, { where: write.pointer })
}

/** v1 moves cpu.shares into its range without a word; runc's texts. */
function compare(write: Write, group: Group): void {
  const found = BigInt(group.read(write.file))
  const wanted = BigInt(write.value)
  if (found === wanted) return
  const message = `the ${wanted > found ? 'maximum' : 'minimum'} allowed cpu-shares is ${found}: found ${wanted}`
  throw new SpecError('config.json is not valid', [{ pointer: write.pointer, message }])
}

/** memory.checkBeforeUpdate: a limit below what is in use would make the kernel kill. */
export function checkUsage(memory: Memory | undefined, group: Group | undefined): void {
  const limit = BigInt(memory?.limit ?? 0)
  if (!memory?.checkBeforeUpdate || limit <= 0n || group === undefined) return
  const usage = BigInt(group.read(group.isV2 ? 'memory.current' : 'memory.usage_in_bytes'))
  if (usage >= limit)
    throw new StateError(`unable to set memory limit to ${limit}: current usage is ${usage}`, {
      where: '/linux/resources/memory/limit',
      isInConfig: true,
      hint: 'raise the limit, or leave checkBeforeUpdate out to let the kernel reclaim or kill',
    })
}
