// Removing a group with all groups below it. A group whose processes were just killed is busy until they are gone:
// v2 tells when (cgroup.events), v1 must be asked again. Bounded: in the end the error names who is still there.

import { O } from '../abi/fcntl.ts'
import { POLL, pollfd } from '../abi/wait.ts'
import { StateError, type SyscallError } from '../errors.ts'
import { rmdirAt } from '../host/at.ts'
import { stopwatch } from '../host/clock.ts'
import { isErrno } from '../host/errno.ts'
import type { Fd } from '../host/fd.ts'
import { processCalls } from '../host/libc-processes.ts'
import { withMemory } from '../host/memory.ts'
import {
  explained,
  forEachChild,
  type Group,
  isCgroup,
  lastOf,
  openDirectory,
  openMountpoint,
  type Place,
} from './group.ts'

const LONGEST_PAUSE_MS = 50
const EVENTS_SIZE = 4096

/** Waits no longer than until `deadline` (stopwatch()). What is gone already is fine. */
export function removeGroup(group: Group, deadline: number): void {
  const { place } = group
  try {
    using parent = openParent(place)
    if (parent !== undefined) remove(parent, lastOf(place.path), { isV2: group.isV2, deadline })
  } catch (error) {
    const busy = isErrno(error, 'EBUSY') ? stillThere(group) : undefined
    throw explained(error, { intent: `remove cgroup ${group.name}` }, busy)
  }
}

/** Removes the group if it is empty, or finds it gone already. */
export function isRemoved({ place, name }: Group): boolean {
  try {
    using parent = openParent(place)
    return parent === undefined || unlink(parent, lastOf(place.path)) === undefined
  } catch (error) {
    throw explained(error, { intent: `remove cgroup ${name}` })
  }
}

/** Removes those parents that were made for the group, as long as nobody else uses them. */
export function removeMade(group: Group): void {
  if (group.made.length === 0) return
  using mountpoint = openMountpoint(group.place)
  for (const path of group.made.reverse())
    try {
      rmdirAt(mountpoint, path.slice(1))
    } catch (error) {
      if (!isErrno(error, 'EBUSY', 'ENOTEMPTY', 'ENOENT')) throw error
    }
  group.made.length = 0
}

function openParent(place: Place): Fd | undefined {
  try {
    const mountpoint = openTree(place)
    const parent = place.path.slice(0, place.path.lastIndexOf('/'))
    if (parent === '') return mountpoint
    using _above = mountpoint
    return openDirectory(mountpoint, parent)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The place may come from a state file that somebody edited; in an ordinary folder nothing is to be removed. */
function openTree(place: Place): Fd {
  const mountpoint = openMountpoint(place)
  if (isCgroup(mountpoint)) return mountpoint
  mountpoint.close()
  throw new StateError(`${place.mountpoint} is no cgroup file system, so that ${place.path} in it is left alone`)
}

interface How {
  readonly isV2: boolean
  readonly deadline: number
}

function remove(parent: Fd, name: string | Uint8Array, how: How): void {
  for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const busy = unlink(parent, name)
    if (busy === undefined) return
    using directory = openChild(parent, name)
    if (directory === undefined) return
    forEachChild(directory, (_, child) => remove(directory, child, how))
    const left = how.deadline - stopwatch()
    if (left <= 0) throw busy
    if (!how.isV2 || !waitUnpopulated(directory, left)) sleep(Math.min(pause, left))
  }
}

/** The error when it is in use. */
function unlink(parent: Fd, name: string | Uint8Array): SyscallError | undefined {
  try {
    rmdirAt(parent, name)
    return undefined
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    if (isErrno(error, 'EBUSY', 'ENOTEMPTY')) return error
    throw error
  }
}

function openChild(parent: Fd, name: string | Uint8Array): Fd | undefined {
  try {
    return parent.openAt(name, O.bits.O_PATH | O.bits.O_DIRECTORY | O.bits.O_NOFOLLOW)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Whether it had to wait for the group to become empty; false when it was empty, so that another reason holds it. */
function waitUnpopulated(directory: Fd, timeoutMs: number): boolean {
  try {
    return waitForEvent(directory, 'populated 0', timeoutMs) === 'waited'
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV')) return true // somebody else removed it
    throw error
  }
}

/** Waits until cgroup.events of v2 holds a line. */
export function waitForEvent(directory: Fd, line: string, timeoutMs: number): 'at once' | 'waited' | 'timeout' {
  const deadline = stopwatch() + timeoutMs
  for (let waited = false; ; waited = true) {
    // opened anew each time: a read at the start arms the file for the next change
    using events = directory.openAt('cgroup.events', O.bits.O_RDONLY)
    if (events.readText(EVENTS_SIZE).split('\n').includes(line)) return waited ? 'waited' : 'at once'
    const left = deadline - stopwatch()
    if (left <= 0) return 'timeout'
    pollChange(events, Math.ceil(left))
  }
}

/** kernfs reports a change of a file as urgent data. An interruption is as good as a change: the caller looks again. */
function pollChange(file: Fd, timeoutMs: number): void {
  withMemory(memory => {
    const address = memory.put(pollfd.encode({ fd: file.number, events: POLL.bits.POLLPRI }))
    try {
      processCalls.poll(address, 1, timeoutMs)
    } catch (error) {
      if (!isErrno(error, 'EINTR')) throw error
    }
  })
}

export function sleep(milliseconds: number): void {
  try {
    processCalls.poll(null, 0, Math.ceil(milliseconds))
  } catch (error) {
    if (!isErrno(error, 'EINTR')) throw error
  }
}

function stillThere(group: Group): string | undefined {
  const pids = group.pids()
  return pids.length === 0 ? undefined : `still in it: ${pids.length} process(es), ${pids.slice(0, 10).join(' ')}`
}
