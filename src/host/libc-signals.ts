// Signal handlers in machine code: one row a signature (signature.ts).
import { MAP, PROT } from '../abi/mman.ts'
import { c, fd, flags, narrow, pointer, signal, size } from './signature.ts'

export const signalCalls = {
  mmap: c('long', 'mmap', pointer, size, narrow(flags(PROT)), narrow(flags(MAP)), fd, size),
  sigaction: c('int', 'sigaction', signal, pointer, pointer),
} as const
