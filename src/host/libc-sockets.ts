// Calls on sockets: one row a signature (signature.ts).
import { AF, MSG, SOCK } from '../abi/socket.ts'
import { c, choice, fd, flags, narrow, number, pointer } from './signature.ts'

export const socketCalls = {
  socket: c('int', 'socket', narrow(choice(AF)), narrow(flags(SOCK)), number),
  socketpair: c('int', 'socketpair', narrow(choice(AF)), narrow(flags(SOCK)), number, pointer),
  connect: c('int', 'connect', fd, pointer, number),
  setsockopt: c('int', 'setsockopt', fd, number, number, pointer, number),
  bind: c('int', 'bind', fd, pointer, number),
  sendmsg: c('long', 'sendmsg', fd, pointer, narrow(flags(MSG))),
  recvmsg: c('long', 'recvmsg', fd, pointer, narrow(flags(MSG))),
} as const
