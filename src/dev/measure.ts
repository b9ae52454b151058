// What commands cost, measured by a program of our own: a small image that looks at the clock, forks, executes the
// commands one after another or all at once, waits for them, looks at the clock again and hands over the kernel's account
// of them (getrusage(2)). So neither Node's fork nor Node's memory, which a child's peak would start from, is in the
// figures. It has a process group of its own: Ctrl-C ends the benchmark, not a runtime in the middle of its work.
import { accessSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { SIG } from '../abi/signal.ts'
import { Fd } from '../host/fd.ts'
import { launch } from '../host/launch.ts'
import { memoryFile, sealedMemfd } from '../host/memfd.ts'
import { reap } from '../host/process.ts'
import { architecture } from '../host/signature.ts'
import { buildImage } from '../image/build.ts'
import { address, cell, jump, label, NULL, type Op, pointers, slot, syscall } from '../program/op.ts'

export interface Cost {
  /** Milliseconds on the clock. */
  readonly wall: number
  /** Milliseconds of user and system time, children that were waited for included. */
  readonly cpu: number
  /** The largest resident set of one of the processes, KiB. */
  readonly peak: number
  /** Of the first that failed, as a shell has it: 128 + signal; 0 when all went well. */
  readonly exitCode: number
}

const RESULTS = 3 // the descriptor that the measuring image writes to
const CLOCK_MONOTONIC = 1
const RUSAGE_CHILDREN = 0xffff_ffffn // -1
// struct timespec twice, struct rusage (two struct timeval, then ru_maxrss), and an int status of each command
const BEGIN = 0
const END = 16
const USAGE = 32
const MAX_RSS = USAGE + 32
const STATUSES = USAGE + 144
const STATUS_SIZE = 4

const inPath = (file: string): string => {
  if (file.includes('/')) return file
  for (const directory of (process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin').split(':'))
    try {
      accessSync(join(directory, file), constants.X_OK)
      return join(directory, file)
    } catch {} // not here
  throw new Error(`no ${file} in PATH`)
}

type Commands = readonly (readonly string[])[]

function program(commands: Commands, together: boolean, size: number): Op[] {
  const origin = { intent: 'measure' }
  const result = cell('result', size)
  const look = (at: number): Op => syscall('clock_gettime', [CLOCK_MONOTONIC, address(result, at)], origin)
  const parts = commands.map((argv, index) => {
    const child = slot(`child ${index}`)
    const inside = label(`child ${index}`)
    const status = address(result, STATUSES + index * STATUS_SIZE)
    return {
      begin: [
        syscall('clone', [SIG.SIGCHLD, NULL, NULL, NULL, NULL], origin, { result: child }),
        jump(inside, origin, { slot: child, mask: 0xffff_ffffn, is: 'eq', value: 0n }),
      ],
      end: syscall('wait4', [child, status, NULL, NULL], origin),
      inside: [inside, ...execute(argv)],
    }
  })
  return [
    syscall('setpgid', [NULL, NULL], origin),
    look(BEGIN),
    ...(together
      ? [...parts.flatMap(part => part.begin), ...parts.map(part => part.end)]
      : parts.flatMap(part => [...part.begin, part.end])),
    look(END),
    syscall('getrusage', [RUSAGE_CHILDREN, address(result, USAGE)], origin),
    syscall('write', [RESULTS, address(result), size], origin),
    syscall('exit_group', [NULL], origin),
    ...parts.flatMap(part => part.inside),
  ]
}

function execute(argv: readonly string[]): Op[] {
  const origin = { intent: `execute ${argv.join(' ')}` }
  const environment = [`PATH=${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`]
  return [
    syscall('close', [RESULTS], origin),
    syscall('execve', [inPath(argv[0] ?? ''), pointers(argv), pointers(environment)], origin),
  ]
}

/** Runs commands, one after another or together, their output thrown away, their standard error written to `errors`. */
export function measure(commands: Commands, errors: string, together = false): Cost {
  const size = STATUSES + commands.length * STATUS_SIZE
  using image = sealedMemfd('measure', buildImage(program(commands, together, size), architecture, RESULTS))
  using results = memoryFile('results')
  using nothing = Fd.adopt(openSync('/dev/null', constants.O_RDWR))
  using problems = Fd.adopt(openSync(errors, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600))
  const stdio = [nothing.number, nothing.number, problems.number] as const
  const pid = launch({ image, argv: ['measure'], stdio, preserved: 0, passed: new Map([[RESULTS, results]]) })
  reap(pid, true)
  using reading = Fd.open(results.path, 0n)
  const bytes = reading.readAll()
  if (bytes.length !== size) throw new Error(`cannot run ${commands.map(argv => argv.join(' ')).join('; ')}`)
  return decode(new DataView(bytes.buffer, bytes.byteOffset, size), commands.length)
}

function decode(view: DataView, count: number): Cost {
  const pair = (at: number, units: number): number =>
    Number(view.getBigInt64(at, true)) * 1e3 + Number(view.getBigInt64(at + 8, true)) / units
  const words = Array.from({ length: count }, (_, index) => view.getUint32(STATUSES + index * STATUS_SIZE, true))
  const word = words.find(status => status !== 0) ?? 0
  return {
    wall: pair(END, 1e6) - pair(BEGIN, 1e6),
    cpu: pair(USAGE, 1e3) + pair(USAGE + 16, 1e3),
    peak: Number(view.getBigInt64(MAX_RSS, true)),
    exitCode: (word & 0x7f) === 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f),
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}
