// Calls on the network of another namespace: one row a signature (signature.ts).
import { CLONE } from '../abi/sched.ts'
import { c, fd, flags, narrow, number, pointer } from './signature.ts'

export const namespaceCalls = {
  setns: c('int', 'setns', fd, narrow(flags(CLONE))),
  setsockopt: c('int', 'setsockopt', fd, number, number, pointer, number),
} as const
