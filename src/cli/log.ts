// Where a failing run leaves its record: appended to --log by a single write, so that parallel runs that share a file
// (BuildKit) do not mix their lines; exactly one record a run, since podman reads the whole file as one document.
// With a log file the plain text goes to stderr as well; without one, stderr is the log.
import { openSync } from 'node:fs'
import { SyscallError } from '../errors.ts'
import { printError, writeAll } from './output.ts'
import { jsonRecord, jsonWarning, type Scene, textRecord, textReport, warningText } from './report.ts'

export interface Log {
  readonly fd?: number
  readonly format: 'text' | 'json'
  /** What is still to be said. */
  readonly warnings: Error[]
}

const MODE = 0o644

export const stderrLog = (format: string | undefined): Log => ({
  format: format === 'json' ? 'json' : 'text',
  warnings: [],
})

/** Opened first of all: an engine that finds no file cannot say why the runtime failed. */
export function openLog(file: string | undefined, log: Log): Log {
  if (!file) return log
  try {
    return { ...log, fd: openSync(file, 'a', MODE) }
  } catch (cause) {
    const { errno = 0 } = cause as NodeJS.ErrnoException
    throw new SyscallError({
      syscall: 'open',
      args: [JSON.stringify(file), 'O_WRONLY|O_APPEND|O_CREAT'],
      errno: Math.abs(errno),
      origin: { intent: 'open the file of --log' },
      where: file,
      hint: 'its directory must exist and be writable',
      cause,
    })
  }
}

export function report(error: unknown, scene: Scene, log: Log): void {
  if (log.fd !== undefined) {
    const record = log.format === 'json' ? jsonRecord : textRecord
    writeAll(log.fd, record(error, scene, new Date()))
  }
  const isLog = log.fd === undefined && log.format === 'json'
  printError(isLog ? jsonRecord(error, scene, new Date()) : textReport(error, scene))
}

/** Callers of a JSON log expect one record of a failure, and nothing beside it: there it waits for a good end. */
export function warn(problem: Error, log: Log): void {
  if (log.format === 'text') writeAll(log.fd ?? 2, warningText(problem))
  else log.warnings.push(problem)
}

/** What has waited, once the command has not failed. */
export function reportWarnings({ fd = 2, warnings }: Log): void {
  for (const problem of warnings) writeAll(fd, jsonWarning(problem, new Date()))
}
