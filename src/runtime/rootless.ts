// What a user without privileges cannot have, refused before anything is made. A plan can be made by everyone.
import { UnsupportedError } from '../errors.ts'
import type { Spec } from '../spec/gen/types.ts'

/** Without a user namespace no other one can be made either. */
export function checkPrivileges({ linux }: Spec): void {
  if (process.geteuid?.() === 0) return
  if (linux?.namespaces?.some(({ type }) => type === 'user')) return
  throw new UnsupportedError('rootless container requires user namespaces', {
    where: '/linux/namespaces',
    hint: 'add { "type": "user" } with /linux/uidMappings and /linux/gidMappings; "tsrunc spec --rootless" writes such a config.json',
  })
}
