// What a runtime says of a program that it cannot execute. The engines have no other way to know than to search the
// text: these are the rules by which Docker (daemon/start_unix.go of moby) and Podman (libpod/oci_util.go) make exit
// codes of it, in our words.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { type Case, defineCase } from '../case.ts'
import { set } from '../changes.ts'
import type { World } from '../world.ts'

const SECTION = 'runc: errors'

type Rule = readonly [pattern: RegExp, status: number]

/** The first that matches, on the text in lower case. */
const DOCKER: readonly Rule[] = [
  [/permission denied/, 126],
  [/is a directory/, 126],
  [/not a directory/, 127],
  [/executable file not found|no such file or directory|system cannot find the file specified/, 127],
  [/^/, 128],
]
const PODMAN: readonly Rule[] = [
  [/permission denied|operation not permitted/, 126],
  [/executable file not found in|no such file or directory|open executable/, 127],
  [/^/, 126],
]
const statusBy = (rules: readonly Rule[], text: string): number =>
  rules.find(([pattern]) => pattern.test(text.toLowerCase()))?.[1] ?? 0

/** What create, or if that goes well start, says. */
function complaint(world: World): string {
  world.bundle.write()
  const created = world.runtime.run(['create', '--bundle', world.bundle.path, world.id])
  const failed = created.status === 0 ? world.fails(undefined, 'start', world.id) : created
  world.runtime.run(['delete', '--force', world.id])
  return failed.stderr
}

interface Trial {
  readonly what: string
  readonly program: string
  readonly says: RegExp
  readonly docker: number
  readonly podman: number
  /** A property beside the program. */
  readonly uid?: number
}

const TRIALS: readonly Trial[] = [
  {
    what: 'missing in PATH',
    program: 'nope',
    says: /exec: \\?"nope\\?": executable file not found in \$PATH/,
    docker: 127,
    podman: 127,
  },
  {
    what: 'a path that is missing',
    program: '/bin/nope',
    says: /exec: \\?"\/bin\/nope\\?": stat \/bin\/nope: no such file or directory/,
    docker: 127,
    podman: 127,
  },
  { what: 'a dangling link', program: '/bin/dangling', says: /no such file or directory/, docker: 127, podman: 127 },
  {
    what: 'not executable',
    program: '/bin/plain',
    says: /exec: \\?"\/bin\/plain\\?": permission denied/,
    docker: 126,
    podman: 126,
  },
  {
    what: 'not executable, found in PATH',
    program: 'plain',
    says: /executable file not found in \$PATH/,
    docker: 127,
    podman: 127,
  },
  {
    what: 'a directory',
    program: '/bin/directory',
    says: /exec: .*(is a directory|permission denied)/,
    docker: 126,
    podman: 126,
  },
  { what: 'below a file', program: '/bin/plain/x', says: /not a directory/, docker: 127, podman: 126 },
  {
    what: 'below a directory that the user may not enter',
    program: '/closed/program',
    says: /permission denied/,
    docker: 126,
    podman: 126,
    uid: 1000,
  },
  {
    what: 'without its interpreter',
    program: '/bin/script',
    says: /no such file or directory/,
    docker: 127,
    podman: 127,
  },
  { what: 'no program', program: '/bin/garbage', says: /exec format error/, docker: 128, podman: 126 },
  {
    what: 'a link that leads to itself',
    program: '/bin/loop',
    says: /too many levels of symbolic links/,
    docker: 128,
    podman: 126,
  },
]

function prepare(world: World): void {
  const place = (path: string): string => world.bundle.inRoot(path)
  symlinkSync('nowhere', place('bin/dangling'))
  symlinkSync('loop', place('bin/loop'))
  writeFileSync(place('bin/plain'), '#!/bin/sh\n', { mode: 0o644 })
  writeFileSync(place('bin/script'), '#!/bin/no-such-interpreter\n')
  writeFileSync(place('bin/garbage'), 'neither ELF nor script')
  for (const path of ['bin/directory', 'closed']) mkdirSync(place(path))
  writeFileSync(place('closed/program'), '#!/bin/sh\n')
  for (const path of ['bin/script', 'bin/garbage', 'closed/program']) chmodSync(place(path), 0o755)
  chmodSync(place('closed'), 0o700)
}

export const lookupCases: readonly Case[] = TRIALS.map(({ what, program, says, docker, podman, uid = 0 }) =>
  defineCase(SECTION, `a program that is ${what}: the text that engines make ${docker} and ${podman} of`, world => {
    prepare(world)
    set(world, { 'process/args': [program], 'process/user/uid': uid })
    const text = complaint(world)
    assert.match(text, says)
    assert.deepEqual([statusBy(DOCKER, text), statusBy(PODMAN, text)], [docker, podman], text)
    world.nothingLeft()
  }),
)
