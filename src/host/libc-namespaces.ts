// Calls on the network of another namespace: one row a signature (signature.ts).
import { CLONE } from '../abi/sched.ts'
import { c, fd, flags, narrow } from './signature.ts'

export const namespaceCalls = {
  setns: c('int', 'setns', fd, narrow(flags(CLONE))),
} as const
