// The document that `state` prints, and engines parse; keys are in runc's order. runtime.md, "State".
import type { State } from '../spec/gen/state-types.ts'
import type { SavedState } from './saved.ts'

export type Status = State['status']

/** The document of `state`; all its fields are there. */
export type StateDocument = State & Required<Pick<State, 'pid' | 'rootfs' | 'created' | 'owner'>>

/** The version of the runtime-spec that our documents follow. */
export const OCI_VERSION = '1.3.0'

type Told = Pick<SavedState, 'id' | 'bundle' | 'rootfs' | 'created' | 'annotations' | 'init'>

/** `owner` is a user's name; `state` tells none. */
export function stateDocument(saved: Told, status: Status, owner = ''): StateDocument {
  const { id, bundle, rootfs, created, annotations } = saved
  const pid = status === 'stopped' ? 0 : (saved.init?.pid ?? 0)
  return isEmpty(annotations)
    ? { ociVersion: OCI_VERSION, id, pid, status, bundle, rootfs, created, owner }
    : { ociVersion: OCI_VERSION, id, pid, status, bundle, rootfs, created, annotations, owner }
}

export function isEmpty(map: object): boolean {
  for (const _ in map) return false
  return true
}
