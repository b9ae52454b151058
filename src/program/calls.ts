// How a listing prints the arguments of the system calls that programs make: one row a call, one cell an argument,
// each a name (as in the man page) and a printer. A call that has no row is printed with plain numbers.
import type { Architecture } from '../abi/architecture.ts'
import { BPF_CMD } from '../abi/bpf.ts'
import { capabilityName } from '../abi/capability.ts'
import {
  ACCESS,
  AT,
  AT_EACCESS,
  AT_FDCWD,
  AT_REMOVEDIR,
  CLOSE_RANGE,
  F,
  FD,
  openFlags,
  SEAL,
  SEEK,
} from '../abi/fcntl.ts'
import { KEY_PERMISSION, KEY_SPEC, KEYCTL } from '../abi/keyctl.ts'
import { MADV } from '../abi/mman.ts'
import { FSCONFIG, FSMOUNT, FSOPEN, MOUNT_ATTR, MOVE_MOUNT, MS, OPEN_TREE, UMOUNT } from '../abi/mount.ts'
import { SIOC } from '../abi/net.ts'
import { AMBIENT, PER, PR, SECBIT } from '../abi/prctl.ts'
import { RLIMIT } from '../abi/resource.ts'
import { CLONE } from '../abi/sched.ts'
import { IOPRIO_CLASS, IOPRIO_CLASS_SHIFT, IOPRIO_WHO, MPOL, MPOL_F } from '../abi/scheduling.ts'
import { SECCOMP, SECCOMP_FILTER_FLAG } from '../abi/seccomp.ts'
import { signalName } from '../abi/signal.ts'
import { AF, MSG, SOCK } from '../abi/socket.ts'
import { decodeDevice, S, STATX } from '../abi/stat.ts'
import type { SyscallName } from '../abi/syscalls.ts'
import { TTY } from '../abi/tty.ts'
import { P, WAIT } from '../abi/wait.ts'

/** What a printer may look at beside its own value: some arguments mean what another one says. */
export interface CallContext {
  readonly architecture: Architecture
  /** The constant arguments; undefined where an argument is not a constant. */
  readonly constants: readonly (bigint | undefined)[]
}
export type Printer = (value: bigint, context: CallContext) => string
export type Argument = readonly [name: string, print: Printer]

// ---- printers ----

const signed = (value: bigint): bigint => BigInt.asIntN(64, value)
const number = (value: bigint): string => signed(value).toString()
const hex = (value: bigint): string => (value === 0n ? '0' : `0x${BigInt.asUintN(64, value).toString(16)}`)
const octal = (value: bigint): string => (value === 0n ? '0' : `0${value.toString(8)}`)
const pointer = (value: bigint): string => (value === 0n ? 'NULL' : hex(value))
const fd = (value: bigint): string => (signed(value) === AT_FDCWD ? 'AT_FDCWD' : BigInt.asIntN(32, value).toString())
const id = (value: bigint): string => BigInt.asIntN(32, value).toString()
const signal = (value: bigint): string => signalName(Number(value)) ?? value.toString()
const from =
  (table: { format(value: bigint): string }): Printer =>
  value =>
    table.format(value)

/** What stands in one word of flags: names of several tables, the rest as a number. */
function join(...parts: readonly string[]): string {
  const named = parts.filter(part => part !== '0')
  return named.length === 0 ? '0' : named.join('|')
}

/** Flags of open(2) name the access mode even when it is 0; with O_PATH it has no meaning. */
const openWord: Printer = (value, { architecture }) => {
  const table = openFlags(architecture)
  const { O_WRONLY, O_RDWR, O_PATH } = table.bits
  const readOnly = (value & (O_WRONLY | O_RDWR | O_PATH)) === 0n
  return join(readOnly ? 'O_RDONLY' : '0', table.format(value))
}
/** O_CLOEXEC alone, where nothing is opened. */
const dupWord: Printer = (value, { architecture }) => openFlags(architecture).format(value)
const atFlags =
  (own: Record<string, bigint>, table: { format(value: bigint): string } = AT): Printer =>
  value => {
    const mine = Object.entries(own).filter(([, bit]) => (value & bit) === bit)
    const rest = mine.reduce((left, [, bit]) => left & ~bit, value)
    return join(...mine.map(([name]) => name), table.format(rest))
  }
const cloneWord: Printer = value => {
  const ends = value & 0xffn
  return join(CLONE.format(value & ~0xffn), ends === 0n ? '0' : (signalName(Number(ends)) ?? ends.toString()))
}
const MODE_BITS = 0xfffn
const policyWord: Printer = value => join(MPOL.format(value & MODE_BITS), MPOL_F.format(value & ~MODE_BITS))
const ioPriority: Printer = value => {
  const level = value & ((1n << IOPRIO_CLASS_SHIFT) - 1n)
  return `IOPRIO_PRIO_VALUE(${IOPRIO_CLASS.format(value >> IOPRIO_CLASS_SHIFT)}, ${level})`
}
const KINDS = { S_IFCHR: S.bits.S_IFCHR, S_IFBLK: S.bits.S_IFBLK, S_IFIFO: S.bits.S_IFIFO, S_IFREG: S.bits.S_IFREG }
const nodeMode = (value: bigint): string => {
  const kind = Object.entries(KINDS).find(([, bits]) => (value & S.bits.S_IFMT) === bits)
  return kind === undefined ? octal(value) : `${kind[0]}|${octal(value & ~S.bits.S_IFMT)}`
}
const device: Printer = value => {
  const { major, minor } = decodeDevice(value)
  return value === 0n ? '0' : `makedev(${major}, ${minor})`
}
const request: Printer = value => {
  const name = TTY.format(value)
  return name === value.toString() ? SIOC.format(value) : name
}
/** The second argument of prctl, by its first; the third, of the ambient set, is a capability. */
const capability = (value: bigint): string => capabilityName(Number(value)) ?? value.toString()
const prctlArgument: Printer = (value, context) => {
  switch (context.constants[0]) {
    case PR.values.PR_CAPBSET_DROP:
    case PR.values.PR_CAPBSET_READ:
      return capability(value)
    case PR.values.PR_CAP_AMBIENT:
      return AMBIENT.format(value)
    case PR.values.PR_SET_SECUREBITS:
      return SECBIT.format(value)
    case PR.values.PR_SET_PDEATHSIG:
      return signal(value)
    default:
      return number(value)
  }
}
const prctlThird: Printer = (value, context) => {
  const { constants } = context
  const raises = constants[0] === PR.values.PR_CAP_AMBIENT && constants[1] !== AMBIENT.values.PR_CAP_AMBIENT_CLEAR_ALL
  return raises ? capability(value) : number(value)
}
const keyPermission: Printer = (value, { constants }) =>
  constants[0] === KEYCTL.values.KEYCTL_SETPERM ? KEY_PERMISSION.format(value) : hex(value)
const ioctlArgument: Printer = (value, context) => {
  switch (context.constants[1]) {
    case TTY.values.TIOCGPTPEER:
      return openWord(value, context)
    case TTY.values.TIOCSCTTY:
      return number(value)
    default:
      return pointer(value)
  }
}
const fcntlArgument: Printer = (value, context) => {
  switch (context.constants[1]) {
    case F.values.F_SETFD:
      return FD.format(value)
    case F.values.F_SETFL:
      return openWord(value, context)
    case F.values.F_ADD_SEALS:
      return SEAL.format(value)
    default:
      return number(value)
  }
}

// ---- arguments that several calls have ----

const dirfd: Argument = ['dirfd', fd]
const path: Argument = ['pathname', pointer]
const file: Argument = ['fd', fd]
const buffer: Argument = ['buf', pointer]
const count: Argument = ['count', number]
const mode: Argument = ['mode', octal]
const sig: Argument = ['sig', signal]
const uid: Argument = ['owner', id]
const gid: Argument = ['group', id]

type Table = Partial<Record<SyscallName, readonly Argument[]>>
let known: Table | undefined

/** Made when the first call is put into words. */
export function calls(): Table {
  known ??= table()
  return known
}

const table = (): Table => ({
  // descriptors
  read: [file, buffer, count],
  write: [file, buffer, count],
  close: [file],
  close_range: [
    ['first', number],
    ['last', number],
    ['flags', from(CLOSE_RANGE)],
  ],
  dup: [['oldfd', fd]],
  dup3: [
    ['oldfd', fd],
    ['newfd', fd],
    ['flags', dupWord],
  ],
  fcntl: [file, ['op', from(F)], ['arg', fcntlArgument]],
  pipe2: [
    ['pipefd', pointer],
    ['flags', dupWord],
  ],
  statfs: [path, ['buf', pointer]],
  fstatfs: [file, ['buf', pointer]],
  ioctl: [file, ['op', request], ['argp', ioctlArgument]],
  lseek: [file, ['offset', number], ['whence', from(SEEK)]],
  ftruncate: [file, ['length', number]],
  ppoll: [
    ['fds', pointer],
    ['nfds', number],
    ['tmo_p', pointer],
    ['sigmask', pointer],
    ['sigsetsize', number],
  ],
  // files
  open: [path, ['flags', openWord], mode],
  openat: [dirfd, path, ['flags', openWord], mode],
  openat2: [dirfd, path, ['how', pointer], ['size', number]],
  mkdirat: [dirfd, path, mode],
  mknodat: [dirfd, path, ['mode', nodeMode], ['dev', device]],
  symlinkat: [
    ['target', pointer],
    ['newdirfd', fd],
    ['linkpath', pointer],
  ],
  linkat: [
    ['olddirfd', fd],
    ['oldpath', pointer],
    ['newdirfd', fd],
    ['newpath', pointer],
    ['flags', from(AT)],
  ],
  readlinkat: [dirfd, path, buffer, count],
  unlinkat: [dirfd, path, ['flags', atFlags({ AT_REMOVEDIR })]],
  faccessat: [dirfd, path, ['mode', from(ACCESS)]],
  faccessat2: [dirfd, path, ['mode', from(ACCESS)], ['flags', atFlags({ AT_EACCESS })]],
  fchmod: [file, mode],
  fchmodat: [dirfd, path, mode],
  fchown: [file, uid, gid],
  fchownat: [dirfd, path, uid, gid, ['flags', from(AT)]],
  fstat: [file, ['statbuf', pointer]],
  utimensat: [dirfd, path, ['times', pointer], ['flags', from(AT)]],
  sendfile: [['out_fd', fd], ['in_fd', fd], ['offset', pointer], count],
  statx: [dirfd, path, ['flags', from(AT)], ['mask', from(STATX)], ['statxbuf', pointer]],
  chdir: [path],
  fchdir: [file],
  getcwd: [buffer, ['size', number]],
  umask: [['mask', octal]],
  // mounts
  mount: [
    ['source', pointer],
    ['target', pointer],
    ['filesystemtype', pointer],
    ['flags', from(MS)],
    ['data', pointer],
  ],
  umount2: [
    ['target', pointer],
    ['flags', from(UMOUNT)],
  ],
  open_tree: [dirfd, path, ['flags', atFlags(OPEN_TREE.bits)]],
  move_mount: [
    ['from_dirfd', fd],
    ['from_pathname', pointer],
    ['to_dirfd', fd],
    ['to_pathname', pointer],
    ['flags', from(MOVE_MOUNT)],
  ],
  mount_setattr: [dirfd, path, ['flags', from(AT)], ['attr', pointer], ['size', number]],
  fsopen: [
    ['fsname', pointer],
    ['flags', from(FSOPEN)],
  ],
  fsconfig: [file, ['cmd', from(FSCONFIG)], ['key', pointer], ['value', pointer], ['aux', number]],
  fsmount: [file, ['flags', from(FSMOUNT)], ['attr_flags', from(MOUNT_ATTR)]],
  pivot_root: [
    ['new_root', pointer],
    ['put_old', pointer],
  ],
  chroot: [path],
  setxattr: [path, ['name', pointer], ['value', pointer], ['size', number], ['flags', number]],
  // processes and namespaces
  clone: [
    ['flags', cloneWord],
    ['stack', pointer],
    ['parent_tid', pointer],
    ['a3', pointer],
    ['a4', pointer],
  ],
  clone3: [
    ['cl_args', pointer],
    ['size', number],
  ],
  unshare: [['flags', from(CLONE)]],
  setns: [file, ['nstype', from(CLONE)]],
  execve: [path, ['argv', pointer], ['envp', pointer]],
  execveat: [dirfd, path, ['argv', pointer], ['envp', pointer], ['flags', from(AT)]],
  exit: [['status', number]],
  exit_group: [['status', number]],
  wait4: [
    ['pid', id],
    ['wstatus', pointer],
    ['options', from(WAIT)],
    ['rusage', pointer],
  ],
  waitid: [
    ['idtype', from(P)],
    ['id', id],
    ['infop', pointer],
    ['options', from(WAIT)],
    ['rusage', pointer],
  ],
  kill: [['pid', id], sig],
  pidfd_open: [
    ['pid', id],
    ['flags', number],
  ],
  pidfd_getfd: [
    ['pidfd', fd],
    ['targetfd', number],
    ['flags', number],
  ],
  pidfd_send_signal: [['pidfd', fd], sig, ['info', pointer], ['flags', number]],
  nanosleep: [
    ['duration', pointer],
    ['rem', pointer],
  ],
  getpid: [],
  setsid: [],
  setpgid: [
    ['pid', id],
    ['pgid', id],
  ],
  sched_setaffinity: [
    ['pid', id],
    ['cpusetsize', number],
    ['mask', pointer],
  ],
  sched_setattr: [
    ['pid', id],
    ['attr', pointer],
    ['flags', number],
  ],
  ioprio_set: [
    ['which', from(IOPRIO_WHO)],
    ['who', id],
    ['ioprio', ioPriority],
  ],
  set_mempolicy: [
    ['mode', policyWord],
    ['nodemask', pointer],
    ['maxnode', number],
  ],
  personality: [['persona', from(PER)]],
  // identity and rights
  setresuid: [
    ['ruid', id],
    ['euid', id],
    ['suid', id],
  ],
  setresgid: [
    ['rgid', id],
    ['egid', id],
    ['sgid', id],
  ],
  setgroups: [
    ['size', number],
    ['list', pointer],
  ],
  prctl: [
    ['op', from(PR)],
    ['arg2', prctlArgument],
    ['arg3', prctlThird],
    ['arg4', number],
    ['arg5', number],
  ],
  capset: [
    ['hdrp', pointer],
    ['datap', pointer],
  ],
  prlimit64: [
    ['pid', id],
    ['resource', from(RLIMIT)],
    ['new_limit', pointer],
    ['old_limit', pointer],
  ],
  keyctl: [
    ['op', from(KEYCTL)],
    ['arg2', from(KEY_SPEC)],
    ['arg3', keyPermission],
    ['arg4', number],
    ['arg5', number],
  ],
  seccomp: [
    ['op', from(SECCOMP)],
    ['flags', from(SECCOMP_FILTER_FLAG)],
    ['args', pointer],
  ],
  madvise: [
    ['addr', pointer],
    ['length', number],
    ['advice', from(MADV)],
  ],
  bpf: [
    ['cmd', from(BPF_CMD)],
    ['attr', pointer],
    ['size', number],
  ],
  // the system's names, sockets
  sethostname: [
    ['name', pointer],
    ['len', number],
  ],
  setdomainname: [
    ['name', pointer],
    ['len', number],
  ],
  socket: [
    ['domain', from(AF)],
    ['type', from(SOCK)],
    ['protocol', number],
  ],
  sendmsg: [file, ['msg', pointer], ['flags', from(MSG)]],
  recvmsg: [file, ['msg', pointer], ['flags', from(MSG)]],
  sendto: [file, buffer, ['size', number], ['flags', from(MSG)], ['dest_addr', pointer], ['addrlen', number]],
  recvfrom: [file, buffer, ['size', number], ['flags', from(MSG)], ['src_addr', pointer], ['addrlen', pointer]],
})

/** A number of a call without a row: small ones in decimal, the rest most likely flags or addresses. */
const plain = (value: bigint): string => (value < 4096n ? number(value) : hex(value))

export function printConstant(call: SyscallName, index: number, value: bigint, context: CallContext): string {
  const print: Printer = calls()[call]?.[index]?.[1] ?? plain
  return print(value, context)
}
