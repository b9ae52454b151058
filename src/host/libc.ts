// The C functions and system calls that this process makes itself: one table of signatures. Each entry is callable,
// returns what C returns, and throws SyscallError with its arguments in words (signature.ts). Calls for which
// glibc 2.36 has no wrapper go through syscall(2). No kernel numbers here: they are in abi/.
import { BPF_CMD } from '../abi/bpf.ts'
import { defineFlags } from '../abi/define.ts'
import { ERRNO, type ErrnoName } from '../abi/errno.ts'
import { AT, AT_REMOVEDIR, CLOSE_RANGE, F, LOCK, O, openHow, RESOLVE } from '../abi/fcntl.ts'
import { MFD } from '../abi/memfd.ts'
import { FSCONFIG, FSMOUNT, FSOPEN, MOUNT_ATTR, MOVE_MOUNT, MS, mountAttr, OPEN_TREE, UMOUNT } from '../abi/mount.ts'
import { PR } from '../abi/prctl.ts'
import { RLIMIT } from '../abi/resource.ts'
import { AF, MSG, SOCK } from '../abi/socket.ts'
import { TTY } from '../abi/tty.ts'
import { WAIT } from '../abi/wait.ts'
import { SyscallError } from '../errors.ts'
import { declare, type NativeFunction } from './native.ts'
import {
  c,
  choice,
  fd,
  flags,
  type Kind,
  kernel,
  narrow,
  number,
  octal,
  optionalPath,
  path,
  pointer,
  posix,
  signal,
  size,
  struct,
  word,
} from './signature.ts'

/** The flags of posix_spawnattr_setflags; they belong to libc, not to the kernel. */
export const POSIX_SPAWN = defineFlags('spawn.h (glibc); posix_spawn(3)', {
  POSIX_SPAWN_SETSIGDEF: 0x04n,
  POSIX_SPAWN_SETSIGMASK: 0x08n,
})

const how = struct(openHow, { flags: O, resolve: RESOLVE })
const attributes = struct(mountAttr, { attr_set: MOUNT_ATTR, attr_clr: MOUNT_ATTR, propagation: MS })
const unlinkFlags: Kind<bigint> = { type: 'int', show: value => (value === AT_REMOVEDIR ? 'AT_REMOVEDIR' : `${value}`) }

export const libc = {
  // descriptors and files
  openat: c('int', 'openat', fd, path, narrow(flags(O)), octal),
  openat2: kernel('openat2', fd, path, how, size),
  fcntl: c('int', 'fcntl', fd, narrow(choice(F)), word),
  flock: c('int', 'flock', fd, narrow(flags(LOCK))),
  closeRange: kernel('close_range', number, size, flags(CLOSE_RANGE)),
  mkdirat: c('int', 'mkdirat', fd, path, octal),
  mkfifoat: c('int', 'mkfifoat', fd, path, octal),
  fchmodat: c('int', 'fchmodat', fd, path, octal, number),
  fchownat: c('int', 'fchownat', fd, path, number, number, narrow(flags(AT))),
  unlinkat: c('int', 'unlinkat', fd, path, unlinkFlags),
  renameat: c('int', 'renameat', fd, path, fd, path),
  memfdCreate: c('int', 'memfd_create', path, narrow(flags(MFD))),
  // mounts
  openTree: kernel('open_tree', fd, path, flags(OPEN_TREE, AT)),
  moveMount: kernel('move_mount', fd, path, fd, path, flags(MOVE_MOUNT)),
  mountSetattr: kernel('mount_setattr', fd, path, flags(AT), attributes, size),
  fsopen: kernel('fsopen', path, flags(FSOPEN)),
  fsconfig: kernel('fsconfig', fd, choice(FSCONFIG), optionalPath, optionalPath, number),
  fsmount: kernel('fsmount', fd, flags(FSMOUNT), flags(MOUNT_ATTR)),
  umount2: c('int', 'umount2', path, narrow(flags(UMOUNT))),
  // processes
  pidfdOpen: kernel('pidfd_open', number, word),
  pidfdSendSignal: kernel('pidfd_send_signal', fd, signal, pointer, word),
  kill: c('int', 'kill', number, signal),
  wait4: c('int', 'wait4', number, pointer, narrow(flags(WAIT)), pointer),
  prctl: c('int', 'prctl', narrow(choice(PR)), word, word, word, word),
  poll: c('int', 'poll', pointer, size, number),
  prlimit: kernel('prlimit64', number, choice(RLIMIT), pointer, pointer),
  // sockets and terminals
  socket: c('int', 'socket', narrow(choice(AF)), narrow(flags(SOCK)), number),
  socketpair: c('int', 'socketpair', narrow(choice(AF)), narrow(flags(SOCK)), number, pointer),
  connect: c('int', 'connect', fd, pointer, number),
  sendmsg: c('long', 'sendmsg', fd, pointer, narrow(flags(MSG))),
  recvmsg: c('long', 'recvmsg', fd, pointer, narrow(flags(MSG))),
  ioctl: c('int', 'ioctl', fd, choice(TTY), pointer),
  // eBPF
  bpf: kernel('bpf', choice(BPF_CMD), pointer, size),
  // starting a program
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

/** Whether an error is a failed system call with one of these error numbers. */
export const isErrno = (error: unknown, ...names: readonly ErrnoName[]): error is SyscallError =>
  error instanceof SyscallError && names.some(name => ERRNO[name][0] === error.errno)

/** Repeats a call that a signal interrupted. */
export function retried<T>(call: () => T): T {
  for (;;)
    try {
      return call()
    } catch (error) {
      if (!isErrno(error, 'EINTR')) throw error
    }
}

let poll: NativeFunction | undefined

/** poll(2) on a thread of the engine's; what it returned. The errno of such a call cannot be known. */
export function pollAsync(descriptors: bigint, count: number, timeoutMs: number): Promise<number> {
  poll ??= declare('poll', 'int', ['void *', 'size_t', 'int'])
  const { async } = poll
  return new Promise((resolve, reject) => {
    async(descriptors, count, timeoutMs, (error: unknown, result: number) => (error ? reject(error) : resolve(result)))
  })
}
