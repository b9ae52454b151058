// A bind mount whose source is a link, with the option copy-symlink: inside there will be the same link, and no mount.
// A link that is there already, of an earlier container with the same rootfs, must be the same. Document: crun(1).
import { ERRNO } from '../abi/errno.ts'
import type { Origin } from '../errors.ts'
import { address, cell, fail, label, type Op, type Slot, slot, slotIn, syscall } from '../program/op.ts'
import { ALL_BITS, type Entry, type PlanContext } from './context.ts'
import { close } from './mount-calls.ts'
import { mayCoverProc, notOnProc } from './mount-target.ts'
import { ensureTarget } from './resolve.ts'

export function planLink(context: PlanContext, entry: Entry, target: string): Op[] {
  const { path, mount, where } = entry
  mayCoverProc(entry) // throws
  const origin: Origin = { pointer: where, intent: `copy the link ${mount.source} to ${path}` }
  const end = path.lastIndexOf('/')
  const name = path.slice(end + 1)
  const above = end === 0 ? undefined : ensureTarget(context, path.slice(0, end), 'directory', origin)
  const directory = above?.fd ?? context.slots.root
  const done = label('linked')
  return [
    ...(above?.ops ?? []),
    ...notOnProc(directory, path, origin),
    syscall('symlinkat', [target, directory, name], origin, { on: { errnos: ['EEXIST'] }, success: done }),
    ...mustBe(directory, name, target, origin),
    done,
    ...(above === undefined ? [] : [close(above.fd, origin)]),
  ]
}

const WORD = 8

/** Compared word by word, in the order of bytes that both architectures have. */
function mustBe(directory: Slot, name: string, target: string, origin: Origin): Op[] {
  const expected = new TextEncoder().encode(target)
  const words = new BigUint64Array(Math.ceil(expected.length / WORD))
  new Uint8Array(words.buffer).set(expected)
  const room = expected.length + 1 // a longer one shows
  const found = cell('link', (words.length + 1) * WORD)
  const length = slot('length of the link')
  const other: Origin = { ...origin, intent: `${origin.intent}: something else is there` }
  const unless = (of: Slot, value: bigint): Op =>
    fail(ERRNO.EEXIST[0], other, { slot: of, mask: ALL_BITS, is: 'ne', value })
  return [
    syscall('readlinkat', [directory, name, address(found), room], origin, { result: length }),
    unless(length, BigInt(expected.length)),
    ...Array.from(words, (word, index) => unless(slotIn(found, index * WORD), word)),
  ]
}
