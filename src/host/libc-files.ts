// Calls on descriptors and files: one row a signature (signature.ts). What node:fs has is not here (at.ts).
import { AT, CLOSE_RANGE, F, LOCK, O, openHow, RESOLVE } from '../abi/fcntl.ts'
import { MFD } from '../abi/memfd.ts'
import { c, choice, fd, flags, kernel, narrow, number, octal, path, size, struct, word } from './signature.ts'

const how = struct(openHow, { flags: O, resolve: RESOLVE })

export const fileCalls = {
  openat2: kernel('openat2', fd, path, how, size),
  fcntl: c('int', 'fcntl', fd, narrow(choice(F)), word),
  flock: c('int', 'flock', fd, narrow(flags(LOCK))),
  closeRange: kernel('close_range', number, size, flags(CLOSE_RANGE)),
  mkfifoat: c('int', 'mkfifoat', fd, path, octal),
  fchmodat: c('int', 'fchmodat', fd, path, octal, number),
  fchownat: c('int', 'fchownat', fd, path, number, number, narrow(flags(AT))),
  memfdCreate: c('int', 'memfd_create', path, narrow(flags(MFD))),
} as const
