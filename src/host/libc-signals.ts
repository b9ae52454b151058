// Signal handlers in machine code, and signals that are read: one row a signature (signature.ts).
import { MAP, PROT } from '../abi/mman.ts'
import { SFD, SIG_MASK } from '../abi/signalfd.ts'
import { c, choice, fd, flags, narrow, number, pointer, signal, size } from './signature.ts'

export const signalCalls = {
  mmap: c('long', 'mmap', pointer, size, narrow(flags(PROT)), narrow(flags(MAP)), fd, size),
  sigaction: c('int', 'sigaction', signal, pointer, pointer),
  sigprocmask: c('int', 'sigprocmask', narrow(choice(SIG_MASK)), pointer, pointer),
  signalfd: c('int', 'signalfd', number, pointer, narrow(flags(SFD))),
} as const
