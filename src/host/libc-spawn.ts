// Starting a program: one row a signature (signature.ts). posix_spawn(3).

import { defineFlags } from '../abi/define.ts'
import { O } from '../abi/fcntl.ts'
import { flags, narrow, number, octal, path, pointer, posix } from './signature.ts'

/** The flags of posix_spawnattr_setflags; they belong to libc, not to the kernel. */
export const POSIX_SPAWN = defineFlags('spawn.h (glibc); posix_spawn(3)', {
  POSIX_SPAWN_SETSIGDEF: 0x04n,
  POSIX_SPAWN_SETSIGMASK: 0x08n,
})

export const spawnCalls = {
  posixSpawn: posix('posix_spawn', pointer, path, pointer, pointer, pointer, pointer),
  actionsInit: posix('posix_spawn_file_actions_init', pointer),
  actionsDestroy: posix('posix_spawn_file_actions_destroy', pointer),
  actionsDup2: posix('posix_spawn_file_actions_adddup2', pointer, number, number),
  actionsClose: posix('posix_spawn_file_actions_addclose', pointer, number),
  actionsCloseFrom: posix('posix_spawn_file_actions_addclosefrom_np', pointer, number),
  actionsChdir: posix('posix_spawn_file_actions_addchdir_np', pointer, path), // glibc 2.29, musl 1.1.24
  actionsOpen: posix('posix_spawn_file_actions_addopen', pointer, number, path, narrow(flags(O)), octal),
  attributesInit: posix('posix_spawnattr_init', pointer),
  attributesDestroy: posix('posix_spawnattr_destroy', pointer),
  attributesFlags: posix('posix_spawnattr_setflags', pointer, narrow(flags(POSIX_SPAWN), 'short')),
  attributesDefaults: posix('posix_spawnattr_setsigdefault', pointer, pointer),
  attributesMask: posix('posix_spawnattr_setsigmask', pointer, pointer),
} as const
