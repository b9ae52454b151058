// Which terminal a container gets and where its master goes: runc's rules and texts (docs/terminals.md of runc).
// A receiver may accept only after create has returned, so nothing here waits for an answer.
import { UsageError } from '../errors.ts'
import type { Fd } from '../host/fd.ts'
import { connectUnix, send } from '../host/socket.ts'
import { ptyName } from '../host/tty.ts'

export function checkTerminal(terminal: boolean, detach: boolean, consoleSocket: string | undefined): void {
  if (terminal && detach && !consoleSocket)
    throw new UsageError('cannot allocate tty if tsrunc will detach without setting console socket')
  if (consoleSocket && !(terminal && detach))
    throw new UsageError('cannot use console socket if tsrunc will not detach or allocate tty')
}

/** Hands a terminal's master to whoever listens; the socket was connected before anything else was done. */
export function sendMaster(socket: Fd, master: Fd): void {
  send(socket, new TextEncoder().encode(ptyName(master)), [master])
}

/** "standard": a pidfd of a container's init, as runc says it. */
export function sendPidfd(socket: Fd, pidfd: Fd): void {
  send(socket, new TextEncoder().encode('standard'), [pidfd])
}

export const connect = (path: string | undefined): Fd | undefined => (path ? connectUnix(path) : undefined)
