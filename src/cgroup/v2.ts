// What only version 2 has for processes: threaded groups, freezing and killing by one write. Controllers are
// delegation.ts's, device rules device-attachment.ts's. Document: Documentation/admin-guide/cgroup-v2.rst.
import { StateError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import type { Group } from './group.ts'
import { waitForEvent } from './removal.ts'

/** A group made below a threaded one accepts processes only once it is threaded itself. */
export function joinV2(group: Group, pid: number): void {
  try {
    group.join(pid)
  } catch (error) {
    if (!isErrno(error, 'EOPNOTSUPP') || group.read('cgroup.type') !== 'domain invalid') throw error
    group.write('cgroup.type', 'threaded')
    group.join(pid)
  }
}

const FREEZE_TIMEOUT_MS = 2000

/** Frozen by itself or by a group above. */
export const isFrozen = (group: Group): boolean => group.read('cgroup.events').split('\n').includes('frozen 1')

export function freezeV2(group: Group, frozen: boolean): void {
  group.write('cgroup.freeze', frozen ? '1' : '0')
  if (!frozen) return
  if (waitForEvent(group.directory, 'frozen 1', FREEZE_TIMEOUT_MS) !== 'timeout') return
  group.write('cgroup.freeze', '0')
  throw new StateError(`cgroup ${group.name} could not be frozen within ${FREEZE_TIMEOUT_MS} ms`)
}

/** Kills all processes of the group and below, frozen ones too; false before Linux 5.14. */
export function killV2(group: Group): boolean {
  try {
    group.write('cgroup.kill', '1')
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}
