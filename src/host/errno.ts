// Telling failed calls apart by their error number.
import { ERRNO, type ErrnoName } from '../abi/errno.ts'
import { SyscallError } from '../errors.ts'

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
