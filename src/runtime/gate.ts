// The gate between create and start: a directory that holds nothing but exec.fifo. Init is given a detached mount of
// it, so that the rest of the state directory cannot be reached through its descriptor, and blocks in opening the
// fifo for writing. fifo(7); the messages are those of program/sync.ts.
import { readFileSync } from 'node:fs'
import { AT, O } from '../abi/fcntl.ts'
import { StateError } from '../errors.ts'
import { isErrno } from '../host/errno.ts'
import type { Fd } from '../host/fd.ts'
import { fileCalls } from '../host/libc-files.ts'
import { cloneMount } from '../host/mount.ts'
import { waitReadable } from '../host/process.ts'
import { makeFifo, openNewDirectory, removeFile } from '../host/tree.ts'
import { EXEC_FIFO, MESSAGE, message } from '../program/sync.ts'
import { type Container, GATE } from './container.ts'
import type { ProcessId } from './saved.ts'
import type { ContainerDirectory } from './store.ts'

const GATE_MODE = 0o711
/** Init may have given up every id but the container's user's: all may write, nobody else gets to the directory. */
const FIFO_MODE = 0o622
/** What `ps` shows while init waits. */
export const INIT_ARGV = ['tsrunc', 'init'] as const
/** "Init is alive", the first byte on the fifo. */
const ALIVE = 0x30
/** More than init ever writes. */
const CHUNK = 4096
/** How often to look whether init has long gone through: only when another `start` died at the wrong moment. */
const DOUBT_MS = 500

/** The container's root on the host. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Makes the gate; the result is what init gets: where mounts may not be cloned, the directory. */
export function makeGate(directory: ContainerDirectory, owner: Owner, clonesMounts: boolean): Fd {
  using gate = openNewDirectory(directory.fd, GATE, GATE_MODE)
  makeFifo(gate, EXEC_FIFO, FIFO_MODE)
  const euid = process.geteuid?.()
  // a user without privileges cannot give it away; init may write to it all the same
  if (euid === 0 && (owner.uid !== euid || owner.gid !== process.getegid?.()))
    fileCalls.fchownat(gate.number, EXEC_FIFO, owner.uid, owner.gid, AT.bits.AT_SYMLINK_NOFOLLOW)
  return clonesMounts ? cloneMount(gate) : gate.duplicate()
}

export type Passage =
  | { readonly kind: 'running' }
  /** Init was gone, or somebody else has let it through. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly op: number; readonly value: bigint }

/**
 * Lets init, which the pidfd is of, through and waits until its program runs, or until it says why not. Removes the fifo.
 */
export function passGate(container: Container, init: ProcessId, pidfd: Fd): Passage {
  using gate = container.directory.fd.openAt(GATE, O.bits.O_PATH | O.bits.O_DIRECTORY | O.bits.O_NOFOLLOW)
  using fifo = gate.openAt(EXEC_FIFO, O.bits.O_RDONLY | O.bits.O_NONBLOCK | O.bits.O_NOFOLLOW)
  if (!fifo.stat().isFIFO()) throw new StateError(`container ${container.id}: ${EXEC_FIFO} is no fifo`)
  const received: Uint8Array[] = []
  for (let isShut = true; ; ) {
    const ready = waitReadable([fifo, pidfd], received.length === 0 ? DOUBT_MS : -1)
    if (ready.length === 0 && isWaiting(init.pid)) continue
    const chunk = readSome(fifo)
    if (chunk !== undefined && chunk.length > 0) received.push(chunk)
    // at once: from now on the container counts as running, whatever becomes of us
    if (isShut) removeFile(gate, EXEC_FIFO)
    isShut = false
    if (chunk?.length === 0 || (chunk === undefined && !ready.includes(fifo))) break
  }
  return decode(Buffer.concat(received))
}

/** Empty: nobody writes any more; undefined: somebody might. */
function readSome(fifo: Fd): Uint8Array | undefined {
  const chunk = new Uint8Array(CHUNK)
  try {
    return chunk.subarray(0, fifo.read(chunk))
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return undefined
    throw error
  }
}

/** Whether the process is still our image. */
function isWaiting(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `${INIT_ARGV.join('\0')}\0`
  } catch {
    return false
  }
}

function decode(received: Uint8Array): Passage {
  const isAlive = received[0] === ALIVE
  const record = received.subarray(isAlive ? 1 : 0)
  if (record.length < message.size) return { kind: isAlive ? 'running' : 'closed' }
  const { kind, op, value } = message.decode(record)
  return kind === MESSAGE.values.FAILED ? { kind: 'failed', op: Number(op), value } : { kind: 'running' }
}
