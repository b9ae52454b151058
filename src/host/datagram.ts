// Unix sockets for datagrams, by name: what sd_notify(3) uses.
import { chmodSync } from 'node:fs'
import { SOCK } from '../abi/socket.ts'
import { SyscallError } from '../errors.ts'
import type { Fd } from './fd.ts'
import { socketCalls } from './libc-sockets.ts'
import { attempt } from './node-error.ts'
import { connectUnix, newSocket, unixAddress } from './socket.ts'
import { removeFile } from './tree.ts'

/** A socket of that name in the directory, in the place of any file that has it; with that mode whatever the umask. */
export function bindDatagram(directory: Fd, name: string, mode: number): Fd {
  removeFile(directory, name)
  const socket = newSocket(SOCK.bits.SOCK_DGRAM)
  try {
    const path = `${directory.path}/${name}` // short, whatever the path of the directory
    const address = unixAddress(path)
    socketCalls.bind(socket.number, address, address.length)
    attempt('chmod', [JSON.stringify(path)], () => chmodSync(path, mode))
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}

/** Connected to the socket of that path, or with "@" before it of that name in the abstract namespace. */
export function connectDatagram(path: string): Fd {
  const { SOCK_DGRAM } = SOCK.bits
  if (!path.startsWith('@')) return connectUnix(path, SOCK_DGRAM)
  const socket = newSocket(SOCK_DGRAM)
  try {
    const address = unixAddress(path.slice(1), true)
    socketCalls.connect(socket.number, address, address.length)
    return socket
  } catch (error) {
    socket.close()
    if (!(error instanceof SyscallError)) throw error
    throw new SyscallError({ syscall: 'connect', args: [JSON.stringify(path)], errno: error.errno })
  }
}
