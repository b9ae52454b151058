// An error → the text for people and engines, and the log record. The first line of the text is what engines show,
// so it stands alone and has runc's shape ("… create failed: unable to start container process: …"). Pure: log.ts
// and output.ts write; which command ran comes in as data.
import { HookError, InitError, SpecError, SyscallError, TsruncError } from '../errors.ts'

export interface Scene {
  /** The command that failed: "create"; absent before one was known. */
  readonly command?: string
  readonly startsProcess?: boolean
  readonly debug?: boolean
}

const CONFIG = 'config.json#'

/** Failed between the start of init and its readiness: runc words these apart from refusals beforehand. */
function isInitFailure(error: unknown): boolean {
  return error instanceof InitError || error instanceof HookError || error instanceof SyscallError
}

export function headline(error: unknown, scene: Scene): string {
  if (!(error instanceof TsruncError)) {
    return `internal error: ${error instanceof Error ? error.message : String(error)}`
  }
  if (!scene.startsProcess || error.code === 'TSRUNC_USAGE') return error.message
  const start = isInitFailure(error) ? 'unable to start container process: ' : ''
  return `tsrunc ${scene.command} failed: ${start}${error.message}`
}

/** "config.json#/mounts/3 (op 41)", or a path of the host as it is. */
function place(error: TsruncError): string | undefined {
  const op = error instanceof SyscallError && error.op !== undefined ? `op ${error.op}` : ''
  const { where } = error
  if (!where?.startsWith('/')) return op || undefined
  const named = isPointer(error) ? `${CONFIG}${where}` : where
  return op ? `${named} (${op})` : named
}

/** `where` holds a JSON Pointer or a host path; both may begin with a slash: the error says which, or its kind does. */
function isPointer(error: TsruncError): boolean {
  if (error.isInConfig !== undefined) return error.isInConfig
  if (error instanceof SyscallError) return error.origin?.pointer !== undefined && error.origin.pointer === error.where
  return error.code !== 'TSRUNC_STATE' && error.code !== 'TSRUNC_USAGE'
}

function otherProblems(error: TsruncError): string[] {
  if (!(error instanceof SpecError) || error.problems.length < 2) return []
  return error.problems.slice(1).map(problem => {
    const hint = problem.hint ? ` (${problem.hint})` : ''
    return `  also ${problem.pointer}: ${problem.message}${hint}`
  })
}

function stackLines(error: unknown): string[] {
  const stack = error instanceof Error ? error.stack : undefined
  return stack === undefined ? [] : stack.split('\n').map(line => `  ${line.trim()}`)
}

export function textReport(error: unknown, scene: Scene): string {
  const first = headline(error, scene)
  const lines = [first.startsWith('tsrunc ') ? first : `tsrunc: ${first}`]
  if (error instanceof TsruncError) {
    const at = place(error)
    if (at !== undefined) lines.push(`  at ${at}`)
    lines.push(...otherProblems(error))
    if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`)
    for (const undo of error.undoErrors) lines.push(`  while cleaning up: ${undo.message}`)
  }
  if (scene.debug || !(error instanceof TsruncError)) lines.push(...stackLines(error))
  return `${lines.map(printable).join('\n')}\n`
}

/** Names and the output of hooks may come from an image: they are not to steer the reader's terminal. */
const printable = (text: string): string =>
  text.replace(/[^\P{Cc}\t\n]/gu, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** What the record has beside level, msg and time. */
function fields(error: unknown, scene: Scene): Record<string, unknown> {
  const stack = error instanceof Error ? error.stack : undefined
  const known = error instanceof TsruncError
  return {
    ...(scene.command === undefined ? {} : { command: scene.command }),
    ...(known ? { code: error.code } : { code: 'TSRUNC_INTERNAL' }),
    ...(known && error.where !== undefined ? { where: error.where } : {}),
    ...(known && error.hint !== undefined ? { hint: error.hint } : {}),
    ...(error instanceof SyscallError ? syscallFields(error) : {}),
    ...(error instanceof SpecError ? { problems: error.problems } : {}),
    ...(known && error.undoErrors.length > 0 ? { undo: error.undoErrors.map(undo => undo.message) } : {}),
    ...(stack !== undefined && (scene.debug || !known) ? { stack } : {}),
  }
}

const syscallFields = (error: SyscallError): Record<string, unknown> => ({
  syscall: error.syscall,
  args: error.args,
  errno: error.errno,
  errnoName: error.errnoName,
  ...(error.op === undefined ? {} : { op: error.op }),
})

/** Something that went wrong without making the command fail. */
export const warningText = (problem: Error): string => `tsrunc: warning: ${printable(problem.message)}\n`

/** RFC 3339 with seconds: containerd refuses a record whose time it cannot read. */
const timestamp = (now: Date): string => now.toISOString().replace(/\.\d+Z$/, 'Z')

const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value)

export function jsonRecord(error: unknown, scene: Scene, now: Date): string {
  const record = { level: 'error', msg: headline(error, scene), time: timestamp(now), ...fields(error, scene) }
  return `${JSON.stringify(record, plain)}\n`
}

export function jsonWarning(problem: Error, now: Date): string {
  const record = { level: 'warning', msg: problem.message, time: timestamp(now), ...fields(problem, {}) }
  return `${JSON.stringify(record, plain)}\n`
}

/** The same in logfmt, as runc's text log has it: one line, values quoted where they must be. */
export function textRecord(error: unknown, scene: Scene, now: Date): string {
  const record = { time: timestamp(now), level: 'error', msg: headline(error, scene), ...fields(error, scene) }
  const quoted = (value: unknown): string => {
    const text = typeof value === 'string' ? value : JSON.stringify(value, plain)
    return /^[\w.:/@^+-]+$/.test(text) ? text : JSON.stringify(text)
  }
  const pairs = Object.entries(record).map(
    ([key, value]) => `${key}=${key === 'msg' ? JSON.stringify(value) : quoted(value)}`,
  )
  return `${pairs.join(' ')}\n`
}
