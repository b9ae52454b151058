// Every failure that a user can cause or meet is one of these; anything else that is thrown is our own bug.
// Each answers: what failed, where in the input, which syscall with which arguments, which errno, what to do.
import { errnoName, strerror } from './abi/errno.ts'
import { hintFor } from './hints.ts'

/** Why an operation is done and for which part of config.json. */
export interface Origin {
  /** JSON Pointer into config.json; absent when no property asked for it. */
  readonly pointer?: string
  /** A phrase that completes "could not …": "mount tmpfs on /dev/shm". */
  readonly intent: string
}

interface Details {
  /** JSON Pointer into config.json, or a path on the host. */
  readonly where?: string | undefined
  /** Whether "where" is the former; needed where the class does not tell: most StateErrors are about paths. */
  readonly isInConfig?: boolean | undefined
  /** What to do about it; absent when we do not know. */
  readonly hint?: string | undefined
  readonly cause?: unknown
}

export abstract class TsruncError extends Error {
  /** Spelled out in each class: a bundler may rename the class itself. */
  abstract override readonly name: string
  abstract readonly code: `TSRUNC_${string}`
  readonly where?: string
  /** Absent when it goes with the class. */
  readonly isInConfig?: boolean
  readonly hint?: string
  /** What went wrong while cleaning up after this error; never replaces it. */
  readonly undoErrors: Error[] = []

  constructor(message: string, details: Details = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    if (details.where !== undefined) this.where = details.where
    if (details.isInConfig !== undefined) this.isInConfig = details.isInConfig
    if (details.hint !== undefined) this.hint = details.hint
  }
}

export interface Problem {
  /** JSON Pointer of the offending value; "" is the whole document. */
  readonly pointer: string
  /** What was found and what is allowed. */
  readonly message: string
  readonly hint?: string
}

/** config.json (or another document of ours) is not what it must be; holds all problems found. */
export class SpecError extends TsruncError {
  override readonly name = 'SpecError'
  readonly code = 'TSRUNC_SPEC'
  readonly problems: readonly Problem[]

  constructor(what: string, problems: readonly Problem[]) {
    const [first] = problems
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
    const place = first?.pointer ? `${first.pointer}: ` : ''
    super(`${what}: ${place}${first?.message ?? 'not valid'}${more}`, { where: first?.pointer, hint: first?.hint })
    this.problems = problems
  }
}

/** A property or option that tsrunc, or this kernel, cannot honour. */
export class UnsupportedError extends TsruncError {
  override readonly name = 'UnsupportedError'
  readonly code = 'TSRUNC_UNSUPPORTED'
}

export interface SyscallFailure extends Details {
  readonly syscall: string
  /** Arguments as a reader wants them: "MS_NOSUID|MS_NODEV", not 6. */
  readonly args: readonly string[]
  readonly errno: number
  readonly origin?: Origin
  /** Number of the op in the listing of `tsrunc plan`, when the container's init made the call. */
  readonly op?: number
}

/** A system call of this process or of a container's init failed. */
export class SyscallError extends TsruncError {
  override readonly name = 'SyscallError'
  readonly code = 'TSRUNC_SYSCALL'
  readonly syscall: string
  readonly args: readonly string[]
  readonly errno: number
  readonly errnoName: string
  readonly origin?: Origin
  readonly op?: number

  constructor(failure: SyscallFailure) {
    const call = `${failure.syscall}(${failure.args.join(', ')})`
    const intent = failure.origin ? `${failure.origin.intent}: ` : ''
    super(`${intent}${call}: ${strerror(failure.errno)}`, {
      ...failure,
      where: failure.where ?? failure.origin?.pointer,
      hint: failure.hint ?? hintFor(failure.syscall, failure.errno),
    })
    this.syscall = failure.syscall
    this.args = failure.args
    this.errno = failure.errno
    this.errnoName = errnoName(failure.errno)
    if (failure.origin !== undefined) this.origin = failure.origin
    if (failure.op !== undefined) this.op = failure.op
  }
}

/** The container, its state directory or the runtime's root does not allow what was asked. */
export class StateError extends TsruncError {
  override readonly name = 'StateError'
  readonly code = 'TSRUNC_STATE'
  /** Set when the id names no container: callers treat it apart. */
  readonly missing: boolean

  constructor(message: string, details: Details & { missing?: boolean } = {}) {
    super(message, details)
    this.missing = details.missing ?? false
  }
}

/** The container's init could not do what config.json asks, other than by a failing system call. */
export class InitError extends TsruncError {
  override readonly name = 'InitError'
  readonly code = 'TSRUNC_INIT'
}

/** A hook failed, timed out or could not be run. */
export class HookError extends TsruncError {
  override readonly name = 'HookError'
  readonly code = 'TSRUNC_HOOK'
}

/** The command line cannot be understood. */
export class UsageError extends TsruncError {
  override readonly name = 'UsageError'
  readonly code = 'TSRUNC_USAGE'
}
