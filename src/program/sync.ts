// What the image and the host say to each other, and the descriptors that the image starts with.
//
//   image (SOCK_SEQPACKET)                       host
//   ------------------------------------------------------------------------
//   (waits, at once or before it forks)   <---   GO           the cgroup is there, may go on
//   MAP_IDS   value = its pid             --->                writes uid_map, gid_map, setgroups of that pid
//                                         <---   GO
//   FORKED    value = pid of init         --->                reaps the forker, follows init
//   NETWORK                               --->                moves network devices to init
//                                         <---   GO
//   HOOKS                                 --->                runs prestart and createRuntime hooks
//                                         <---   GO
//   CONSOLE   + the pty master            --->                hands it on
//   LISTENER  value = a descriptor        --->                gets a copy of it, hands it to the agent
//                                         <---   GO
//   READY                                 --->                sets the last limits
//                                         <---   GO           stores the state; init waits at exec.fifo
//   FAILED    op, value = errno or status --->                any time; the image ends after it
//
// After exec.fifo has been opened, the same FAILED record goes to the fifo, behind the byte "0" that says
// "init is alive"; end of file there means that the program runs (the fifo is closed by execve).
import { defineEnum, defineStruct } from '../abi/define.ts'

export const MESSAGE = defineEnum('tsrunc', {
  FAILED: 1n,
  FORKED: 2n,
  MAP_IDS: 3n,
  HOOKS: 4n,
  CONSOLE: 5n,
  READY: 6n,
  GO: 7n,
  LISTENER: 8n,
  NETWORK: 9n,
})
export type MessageName = keyof typeof MESSAGE.values

/** One datagram of the sync socket in either direction. `op` is the record's number, for FAILED only. */
export const message = defineStruct('tsrunc sync message', { kind: 'u32', op: 'u32', value: 'u64' })

export interface Descriptors {
  /**
   * A mount of the directory that holds nothing but exec.fifo. The lowest: execve closes the highest first, and to give
   * up a mount takes time in which nobody has to wait for the fifo to be closed.
   */
  readonly gate: number
  /** The sync socket. */
  readonly sync: number
  /** The container's rootfs, O_PATH|O_DIRECTORY, opened by the host. */
  readonly rootfs: number
  /** The state document for hooks of the container's namespace. */
  readonly hookState: number
  /** That of startContainer hooks; the same unless there are others, too: a document that is sealed says one status. */
  readonly startHookState: number
  /** Where such hooks write what they print. */
  readonly hookOutput: number
  /** The first of the user namespaces whose id maps mounts take over; they come one after the other. */
  readonly userNamespaces: number
  /** First of the numbers that the program itself may use with dup3. */
  readonly scratch: number
}

/**
 * Numbers right above stdio and the descriptors that the caller wants preserved (runc: --preserve-fds); `namespaces` is
 * how many user namespaces there are for mounts, `documents` how many state documents for hooks.
 */
export function descriptors(preserved: number, namespaces = 0, documents: 1 | 2 = 1): Descriptors {
  const gate = 3 + preserved
  const userNamespaces = gate + 5
  const second = userNamespaces + namespaces
  return {
    gate,
    sync: gate + 1,
    rootfs: gate + 2,
    hookState: gate + 3,
    startHookState: documents === 1 ? gate + 3 : second,
    hookOutput: gate + 4,
    userNamespaces,
    scratch: second + documents - 1,
  }
}

export const EXEC_FIFO = 'exec.fifo'
