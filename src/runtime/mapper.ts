// newuidmap and newgidmap: programs with the privilege to write id maps that a user may not. They are looked for where
// a system has its own programs, and never in the caller's PATH: what they print ends up in an error, what they do in
// the maps. newuidmap(1), newgidmap(1), subuid(5).
import { statSync } from 'node:fs'
import { O } from '../abi/fcntl.ts'
import { SyscallError, UnsupportedError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import { startProgram } from '../host/launch.ts'
import { memoryFile } from '../host/memfd.ts'
import { reap } from '../host/process.ts'
import type { IdMapping } from '../spec/gen/types.ts'
import { describeExit, tail } from './hooks.ts'

/** The last ones are those of NixOS and Guix, which keep programs with a set-user-ID bit apart. */
const DIRECTORIES = ['/usr/bin', '/bin', '/usr/sbin', '/usr/local/bin', '/run/wrappers/bin', '/run/privileged/bin']

export type Mapper = 'newuidmap' | 'newgidmap'

export interface MapperRun {
  readonly mapper: Mapper
  readonly pid: number
  readonly mappings: readonly IdMapping[]
  readonly pointer: string
  /** What went wrong without it. */
  readonly cause: unknown
}

export function runMapper(
  { mapper, pid, mappings, pointer, cause }: MapperRun,
  directories: readonly string[] = DIRECTORIES,
): void {
  const path = directories.map(directory => `${directory}/${mapper}`).find(isFile)
  if (path === undefined)
    throw new UnsupportedError(`${pointer}: more than your own id is mapped, and ${mapper} is not installed`, {
      where: pointer,
      hint: `install it (Debian, Ubuntu: the package uidmap; Fedora: shadow-utils; Alpine: shadow-subids), or map one id: your own. Looked for in ${directories.join(', ')}`,
      cause,
    })
  const ids = mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size])
  const argv = [mapper, pid, ...ids].map(String)
  const failure = runToEnd(path, argv)
  if (failure === undefined) return
  throw new UnsupportedError(`${pointer}: ${argv.join(' ')}: ${failure}`, {
    where: pointer,
    hint: `the ranges must be yours in ${mapper === 'newuidmap' ? '/etc/subuid' : '/etc/subgid'}, and ${path} needs its set-user-ID bit or file capabilities`,
    cause,
  })
}

/** undefined for success. */
function runToEnd(path: string, argv: readonly string[]): string | undefined {
  using input = Fd.open('/dev/null', O.bits.O_RDONLY)
  using output = memoryFile('id-map-output')
  const stdio = [input.number, output.number, output.number] as const
  try {
    const status = reap(startProgram({ path, argv, environment: [], stdio }), true)
    const end = status && describeExit(status)
    return end && `${end}: ${tail(output)}`
  } catch (error) {
    if (error instanceof SyscallError) return error.message
    throw error
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}
