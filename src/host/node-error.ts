// Errors of node:fs as SyscallErrors: Node words them its own way, and its table of error numbers stops short.
import { ERRNO, type ErrnoName } from '../abi/errno.ts'
import { SyscallError } from '../errors.ts'

interface NodeError extends Error {
  readonly code?: string
  readonly errno?: number
  readonly syscall?: string
  readonly path?: string
  readonly dest?: string
}

const numberOf = (error: NodeError): number | undefined => {
  if (typeof error.errno === 'number' && error.errno !== 0) return Math.abs(error.errno)
  const code = error.code ?? ''
  return Object.hasOwn(ERRNO, code) ? ERRNO[code as ErrnoName][0] : undefined // just seen to be a key
}

/** The failed call in our words; an error that comes from no system call is given back as it is. */
export function fromNodeError(error: unknown, call: { syscall?: string; args?: readonly string[] } = {}): unknown {
  if (!(error instanceof Error) || error instanceof SyscallError) return error
  const node: NodeError = error
  const syscall = call.syscall ?? node.syscall
  const errno = numberOf(node)
  if (syscall === undefined || errno === undefined) return error
  const paths = [node.path, node.dest].filter(path => path !== undefined)
  return new SyscallError({ syscall, args: call.args ?? paths.map(path => JSON.stringify(path)), errno })
}

/** Runs a function of node:fs; what it throws is a SyscallError. The arguments are put into words only then. */
export function attempt<T>(syscall: string, args: readonly { toString(): string }[], call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw fromNodeError(error, { syscall, args: args.map(String) })
  }
}
