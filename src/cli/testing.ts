// For tests: the built command line as a child process, with whatever stdio and environment a caller may give it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PROGRAM = fileURLToPath(new URL('../../../bin/tsrunc.js', import.meta.url))
/** An executable to be tested in the place of bin/tsrunc.js. */
const OTHER = process.env.TSRUNC_UNDER_TEST
export const COMMAND: readonly [file: string, ...args: string[]] = OTHER
  ? [resolve(OTHER)]
  : [process.execPath, PROGRAM]
const TIMEOUT_MS = 15_000

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  readonly cwd?: string
  readonly env?: Record<string, string>
}

export function tsrunc(args: readonly string[], { cwd = '/', env = {} }: Surroundings = {}): Ended {
  const options = { cwd, env, encoding: 'utf8', timeout: TIMEOUT_MS } as const
  const [file, ...first] = COMMAND
  const { status, stdout, stderr } = spawnSync(file, [...first, ...args], options)
  return { status, stdout, stderr }
}

/** A line of shell in which `tsrunc` is the program: for redirections. */
export function shell(line: string, cwd = '/'): Ended {
  const script = `tsrunc() { ${COMMAND.join(' ')} "$@"; }; ${line}`
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script], {
    cwd,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  })
  return { status, stdout, stderr }
}

/** A directory that is removed when the test ends. */
export function scratch(t: { teardown(clean: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-cli-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
