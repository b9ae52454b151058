// Container ids: checked before any path is made of them. The set is runc's; the length is that of a directory's
// name, which the id becomes in the state directory and in the cgroup tree.
import { StateError } from '../errors.ts'

const ALLOWED = /^[A-Za-z0-9_+.-]+$/
const LONGEST = 255

const quoted = (id: string): string => JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}…` : id)

/** Throws StateError unless the id may name a container. */
export function checkId(id: string): void {
  if (id === '') throw new StateError('container id cannot be empty')
  const wrong = (why: string): StateError => new StateError(`invalid container ID format: ${quoted(id)} ${why}`)
  if (id === '.' || id === '..') throw wrong('names a directory')
  if (!ALLOWED.test(id)) throw wrong('has characters other than A-Z, a-z, 0-9, "_", "+", "." and "-"')
  if (id.length > LONGEST) throw wrong(`has ${id.length} characters, at most ${LONGEST} are possible`)
}
