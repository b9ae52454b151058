// Unix sockets: messages with descriptors in them. What arrives is close-on-exec and owned at once; what arrives cut
// short is an error. sendmsg(2), recvmsg(2), unix(7), cmsg(3).
import { statSync } from 'node:fs'
import { ERRNO } from '../abi/errno.ts'
import { O } from '../abi/fcntl.ts'
import { AF, cmsghdr, iovec, MSG, msghdr, SCM, SO, SOCK, SOL, timeval } from '../abi/socket.ts'
import { SyscallError } from '../errors.ts'
import { isErrno, retried } from './errno.ts'
import { Fd } from './fd.ts'
import { socketCalls } from './libc-sockets.ts'
import { type Memory, withMemory } from './memory.ts'
import { waitReadable } from './wait.ts'

export interface Received {
  readonly bytes: Uint8Array
  readonly fds: Fd[]
}

/** The kernel's SCM_MAX_FD. */
const MAX_FDS = 253
const INT = 4
const ALIGN = 8
/** sockaddr_un.sun_path with its final NUL. */
const MAX_PATH = 108
/** Seconds. */
const PATIENCE = 10
const aligned = (length: number): number => Math.ceil(length / ALIGN) * ALIGN

/** Two ends that keep message boundaries. */
export function seqpacketPair(): [Fd, Fd] {
  const { SOCK_CLOEXEC, SOCK_SEQPACKET } = SOCK.bits
  const ends = new Uint8Array(2 * INT)
  socketCalls.socketpair(AF.values.AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)
  const view = new DataView(ends.buffer)
  return [Fd.adopt(view.getInt32(0, true)), Fd.adopt(view.getInt32(INT, true))]
}

export const newSocket = (type: bigint): Fd =>
  Fd.adopt(socketCalls.socket(AF.values.AF_UNIX, type | SOCK.bits.SOCK_CLOEXEC, 0))

/**
 * A socket connected to one in the file system: a stream if nothing else is said. A peer that does not accept, or later
 * does not read, is waited for that many seconds; then it is EAGAIN.
 */
export function connectUnix(path: string, type = SOCK.bits.SOCK_STREAM, patience = PATIENCE): Fd {
  const socket = newSocket(type)
  try {
    const time = timeval.encode({ tv_sec: patience })
    socketCalls.setsockopt(
      socket.number,
      Number(SOL.values.SOL_SOCKET),
      Number(SO.values.SO_SNDTIMEO),
      time,
      time.length,
    )
    connect(socket, path)
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}

function connect(socket: Fd, path: string): void {
  if (Buffer.byteLength(path) < MAX_PATH) connectTo(socket, path, path)
  else {
    // a longer path does not fit the address
    using file = Fd.open(path, O.bits.O_PATH)
    connectTo(socket, file.path, path)
  }
}

/** sockaddr_un of a path; the bytes of a name in the abstract namespace are not ended by a NUL but begin with one. */
export function unixAddress(path: string, isAbstract = false): Uint8Array {
  const text = Buffer.from(path)
  if (text.includes(0)) throw new RangeError(`the path of a socket holds a NUL byte: ${JSON.stringify(path)}`)
  const address = new Uint8Array(2 + text.length + 1)
  new DataView(address.buffer).setUint16(0, Number(AF.values.AF_UNIX), true)
  address.set(text, isAbstract ? 3 : 2)
  return address
}

function connectTo(socket: Fd, path: string, shown: string): void {
  const address = unixAddress(path)
  try {
    retried(() => socketCalls.connect(socket.number, address, address.length))
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error
    const hint = isErrno(error, 'ECONNREFUSED') ? notSocket(shown) : undefined
    throw new SyscallError({ syscall: 'connect', args: [JSON.stringify(shown)], errno: error.errno, hint })
  }
}

/** The kernel says "connection refused" of every file that is no socket. */
function notSocket(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.isSocket()) return undefined
  return `this is ${found.isDirectory() ? 'a directory' : found.isFIFO() ? 'a fifo' : 'a file'}, not a socket`
}

/** Sends one message; on a stream all of it. A peer that is gone is EPIPE, never a signal. */
export function send(socket: Fd, bytes: Uint8Array, fds: readonly Fd[] = []): void {
  withMemory(memory => {
    const control = fds.length === 0 ? undefined : rights(memory, fds)
    const header = messageHeader(memory, memory.put(bytes), bytes.length, control)
    let sent = retried(() => socketCalls.sendmsg(socket.number, header.address, MSG.bits.MSG_NOSIGNAL))
    while (sent < bytes.length) {
      const rest = bytes.subarray(sent)
      const next = messageHeader(memory, memory.put(rest), rest.length, undefined)
      sent += retried(() => socketCalls.sendmsg(socket.number, next.address, MSG.bits.MSG_NOSIGNAL))
    }
  })
}

type Block = ReturnType<Memory['reserve']>

function messageHeader(memory: Memory, data: bigint, length: number, control: Block | undefined): Block {
  const vector = memory.put(iovec.encode({ iov_base: data, iov_len: length }))
  const block = memory.reserve(msghdr.size)
  block.bytes.set(
    msghdr.encode({
      msg_iov: vector,
      msg_iovlen: 1,
      msg_control: control?.address ?? 0,
      msg_controllen: control?.bytes.length ?? 0,
    }),
  )
  return block
}

function rights(memory: Memory, fds: readonly Fd[]): Block {
  const length = cmsghdr.size + fds.length * INT
  const block = memory.reserve(aligned(length))
  const { SOL_SOCKET } = SOL.values
  block.bytes.set(cmsghdr.encode({ cmsg_len: length, cmsg_level: SOL_SOCKET, cmsg_type: SCM.values.SCM_RIGHTS }))
  const view = viewOf(block)
  for (const [i, fd] of fds.entries()) view.setInt32(cmsghdr.size + i * INT, fd.number, true)
  return block
}

const viewOf = (block: Block): DataView =>
  new DataView(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength)

/**
 * The next message of at most `size` bytes; undefined when the other side has closed. Blocks. With `timeoutMs`,
 * nothing within that time is ETIMEDOUT.
 */
export function receive(socket: Fd, size: number, options: { timeoutMs?: number } = {}): Received | undefined {
  if (options.timeoutMs !== undefined && waitReadable([socket], options.timeoutMs).length === 0)
    throw new SyscallError({ syscall: 'poll', args: [String(socket), 'POLLIN'], errno: ERRNO.ETIMEDOUT[0] })
  return withMemory(memory => {
    const data = memory.reserve(size)
    const control = memory.reserve(aligned(cmsghdr.size + MAX_FDS * INT))
    const header = messageHeader(memory, data.address, size, control)
    const count = retried(() => socketCalls.recvmsg(socket.number, header.address, MSG.bits.MSG_CMSG_CLOEXEC))
    const { msg_flags: flags, msg_controllen: used } = msghdr.decode(header.bytes)
    const fds = receivedFds(control, Number(used))
    if ((flags & (MSG.bits.MSG_TRUNC | MSG.bits.MSG_CTRUNC)) !== 0n) {
      for (const fd of fds) fd.close()
      throw new SyscallError({ syscall: 'recvmsg', args: [String(socket), `${size}`], errno: ERRNO.EMSGSIZE[0] })
    }
    return count === 0 && fds.length === 0 ? undefined : { bytes: data.bytes.slice(0, count), fds }
  })
}

function receivedFds(control: Block, used: number): Fd[] {
  const fds: Fd[] = []
  const view = viewOf(control)
  for (let at = 0; at + cmsghdr.size <= used; ) {
    const { cmsg_len: length, cmsg_level: level, cmsg_type: type } = cmsghdr.decode(control.bytes.subarray(at))
    if (length < BigInt(cmsghdr.size)) break
    const end = Math.min(at + Number(length), used)
    if (level === SOL.values.SOL_SOCKET && type === SCM.values.SCM_RIGHTS)
      for (let i = at + cmsghdr.size; i + INT <= end; i += INT) fds.push(Fd.adopt(view.getInt32(i, true)))
    at += aligned(Number(length))
  }
  return fds
}
