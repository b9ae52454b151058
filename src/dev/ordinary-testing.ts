// For tests of the executable: the same program as executable-testing.ts has it, but without a snapshot, so that the
// engine starts in the ordinary way; and what compares the two.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileOnly, compiler } from './executable.ts'
import { type Additions, finished, payloadWord } from './executable-file.ts'
import { home, place, run, TSRUNC } from './executable-testing.ts'

/** As Bun's compiler makes it, which obeys its caller's environment. */
export const CONTROL = join(home, 'control')
await compileOnly(CONTROL)
export const compiled = readFileSync(CONTROL)
export const payloadAt = payloadWord(readFileSync(compiler()))

export function variant(name: string, additions: Additions): string {
  const file = join(home, name)
  writeFileSync(file, finished(compiled, payloadAt, additions), { mode: 0o755 })
  return file
}
export const ORDINARY = variant('ordinary', {})

const START = /start: (.*)/
/** How an executable starts, as it says itself. */
export const startOf = (version: string): string | undefined => START.exec(version)?.[1]
export const FROM_SNAPSHOT = 'from a snapshot'

export const noSnapshot =
  startOf(run(TSRUNC, ['--version']).stdout) === FROM_SNAPSHOT ? false : 'no snapshot can be taken here'

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What a shell script does with either program as $T, in a directory of its own; $R is an empty place for states. */
export function both(script: string, env: Record<string, string> = {}): readonly [snapshot: Ended, ordinary: Ended] {
  const ended = (T: string): Ended => {
    const variables = { PATH: process.env.PATH ?? '', T, R: place(), ...env }
    const { status, stdout, stderr } = run('bash', ['--norc', '-c', script], { env: variables, cwd: place() })
    const same = (text: string): string =>
      text
        .replaceAll(T, 'PROGRAM')
        .replace(/place-\w+/g, 'place')
        .replace(/executable-\w+\.js:\S+/g, 'script')
    return { status, stdout: same(stdout), stderr: same(stderr) }
  }
  return [ended(TSRUNC), ended(ORDINARY)]
}

/** What either prints is the same, but for what `how` leaves out; what one has printed. */
export function same(
  t: { same(found: unknown, wanted: unknown, message: string): void },
  script: string,
  env: Record<string, string> = {},
  how: (text: string) => string = text => text,
): Ended {
  const [snapshot, ordinary] = both(script, env).map(({ status, stdout, stderr }) => ({
    status,
    stdout: how(stdout),
    stderr: how(stderr),
  })) as [Ended, Ended]
  t.same(snapshot, ordinary, script)
  return snapshot
}

/** Numbers of descriptors: the engine's own are others. */
export const withoutDescriptors = (text: string): string => text.replace(/\d+(?=<)|(?<=self\/fd\/)\d+/g, 'N')
