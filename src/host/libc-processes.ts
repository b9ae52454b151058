// Calls on processes, and waiting: one row a signature (signature.ts).
import { PR } from '../abi/prctl.ts'
import { RLIMIT } from '../abi/resource.ts'
import { SECCOMP, SECCOMP_FILTER_FLAG } from '../abi/seccomp.ts'
import { CLOCK, WAIT } from '../abi/wait.ts'
import { declare, type NativeFunction } from './native.ts'
import { c, choice, fd, flags, kernel, narrow, number, pointer, signal, size, word } from './signature.ts'

export const processCalls = {
  pidfdOpen: kernel('pidfd_open', number, word),
  pidfdGetfd: kernel('pidfd_getfd', fd, number, word),
  pidfdSendSignal: kernel('pidfd_send_signal', fd, signal, pointer, word),
  kill: c('int', 'kill', number, signal),
  getpid: c('int', 'getpid'),
  wait4: c('int', 'wait4', number, pointer, narrow(flags(WAIT)), pointer),
  prctl: c('int', 'prctl', narrow(choice(PR)), word, word, word, word),
  poll: c('int', 'poll', pointer, size, number),
  seccomp: kernel('seccomp', choice(SECCOMP), flags(SECCOMP_FILTER_FLAG), pointer),
  clockGettime: c('int', 'clock_gettime', narrow(choice(CLOCK)), pointer),
  prlimit: kernel('prlimit64', number, choice(RLIMIT), pointer, pointer),
} as const

let poll: NativeFunction | undefined

/** poll(2) on a thread of the engine's; what it returned. The errno of such a call cannot be known. */
export function pollAsync(descriptors: bigint, count: number, timeoutMs: number): Promise<number> {
  poll ??= declare('poll', 'int', ['void *', 'size_t', 'int'])
  const { async } = poll
  return new Promise((resolve, reject) => {
    async(descriptors, count, timeoutMs, (error: unknown, result: number) => (error ? reject(error) : resolve(result)))
  })
}
