// Runs a command as posix_spawn does it, without Node's own fork in the time measured, and says what it cost.
// The clock stops when the kernel reports the exit; the child's CPU time is the kernel's own account (wait4(2)).
import koffi from 'koffi'

const libc = koffi.load('libc.so.6')
const spawn = libc.func(
  'int posix_spawnp(_Out_ int *pid, const char *file, void *actions, void *attributes, void *argv, void *envp)',
)
const wait4 = libc.func('int wait4(int pid, _Out_ int *status, int options, _Out_ uint8_t *usage)')
const actionsInit = libc.func('int posix_spawn_file_actions_init(void *actions)')
const actionsOpen = libc.func(
  'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, int mode)',
)
const prctl = libc.func('int prctl(int option, long a, long b, long c, long d)')

const ACTIONS_SIZE = 256 // posix_spawn_file_actions_t has 80 bytes in glibc
const RUSAGE_SIZE = 144
const O_RDONLY = 0
const O_WRONLY = 1
const O_CREAT_TRUNC = 0o1100
const PR_SET_CHILD_SUBREAPER = 36

export interface Cost {
  /** Milliseconds on the clock. */
  readonly wall: number
  /** Milliseconds of user and system time, children that it waited for included. */
  readonly cpu: number
  readonly exitCode: number
}

/** Makes this process the parent of containers whose runtime has ended, so that it can wait for them. */
export function becomeSubreaper(): void {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) throw new Error(`prctl: errno ${koffi.errno()}`)
}

function pointerArray(strings: readonly string[]): unknown {
  const array = koffi.alloc('char *', strings.length + 1)
  koffi.encode(array, koffi.array('char *', strings.length + 1), [...strings, null])
  return array
}

function stdio(errors: string): unknown {
  const actions = koffi.alloc('uint8_t', ACTIONS_SIZE)
  actionsInit(actions)
  actionsOpen(actions, 0, '/dev/null', O_RDONLY, 0)
  actionsOpen(actions, 1, '/dev/null', O_WRONLY, 0)
  actionsOpen(actions, 2, errors, O_WRONLY | O_CREAT_TRUNC, 0o600)
  return actions
}

/** A command prepared once and run many times; its standard error goes to the file `errors`. */
export function command(argv: readonly string[], errors: string): () => Cost {
  const args = pointerArray(argv)
  const environment = pointerArray([`PATH=${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`])
  const actions = stdio(errors)
  const usage = new Uint8Array(RUSAGE_SIZE)
  return () => {
    const pid = [0]
    const status = [0]
    const begin = process.hrtime.bigint()
    const failed = spawn(pid, argv[0], actions, null, args, environment)
    if (failed !== 0) throw new Error(`cannot start ${argv[0]}: errno ${failed}`)
    wait4(pid[0], status, 0, usage)
    const wall = Number(process.hrtime.bigint() - begin) / 1e6
    const word = status[0] ?? 0
    return { wall, cpu: cpuTime(usage), exitCode: (word & 0x7f) === 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f) }
  }
}

/** Reaps a process that has become our child; returns at once when it is not. */
export function reap(pid: number): void {
  wait4(pid, [0], 0, new Uint8Array(RUSAGE_SIZE))
}

// struct rusage begins with two struct timeval: user and system time, as seconds and microseconds
function cpuTime(usage: Uint8Array): number {
  const view = new DataView(usage.buffer)
  const timeval = (at: number): number =>
    Number(view.getBigInt64(at, true)) * 1e3 + Number(view.getBigInt64(at + 8, true)) / 1e3
  return timeval(0) + timeval(16)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}
