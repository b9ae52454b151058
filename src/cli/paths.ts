// Paths of the command line made absolute before anything looks at them: they mean what the caller's shell means,
// wherever the runtime works later. The current directory may be gone (a shim's bundle was deleted under it), which
// only matters to a path that needs it.
import { isAbsolute, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { NAME_NOWHERE } from './environment.ts'

const gone = (flag: string, cause?: unknown): UsageError =>
  new UsageError('the current directory does not exist any more', { hint: `give ${flag} an absolute path`, cause })

export function absolute(flag: string, path: string): string {
  if (isAbsolute(path)) return resolve(path)
  if (process.argv0 === NAME_NOWHERE) throw gone(flag)
  try {
    return resolve(process.cwd(), path)
  } catch (cause) {
    throw gone(flag, cause)
  }
}

/** An empty path is an absent one, as callers with an empty variable mean it. */
export const optionalPath = (flag: string, path: string | undefined): string | undefined =>
  path ? absolute(flag, path) : undefined
