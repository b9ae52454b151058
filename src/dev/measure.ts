// What a command costs, measured by a program of our own: a small image that looks at the clock, forks, executes the
// command, waits for it, looks at the clock again and hands over the kernel's account of it (wait4(2), getrusage(2)).
// So neither Node's fork nor Node's memory, which a child's peak would start from, is in the figures.
import { accessSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { SIG } from '../abi/signal.ts'
import { Fd } from '../host/fd.ts'
import { launch } from '../host/launch.ts'
import { memoryFile, sealedMemfd } from '../host/memfd.ts'
import { reap } from '../host/process.ts'
import { architecture } from '../host/signature.ts'
import { buildImage } from '../image/build.ts'
import { address, cell, int, jump, label, load, NULL, type Op, pointers, slot, str, syscall } from '../program/op.ts'

export interface Cost {
  /** Milliseconds on the clock. */
  readonly wall: number
  /** Milliseconds of user and system time, children that it waited for included. */
  readonly cpu: number
  /** The largest resident set of one of its processes, KiB. */
  readonly peak: number
  /** As a shell has it: 128 + signal. */
  readonly exitCode: number
}

const RESULTS = 3 // the descriptor that the measuring image writes to
const CLOCK_MONOTONIC = 1
// struct timespec twice, int status, struct rusage (two struct timeval, then ru_maxrss)
const BEGIN = 0
const END = 16
const STATUS = 32
const USAGE = 40
const MAX_RSS = USAGE + 32
const SIZE = USAGE + 144

const inPath = (file: string): string => {
  if (file.includes('/')) return file
  for (const directory of (process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin').split(':'))
    try {
      accessSync(join(directory, file), constants.X_OK)
      return join(directory, file)
    } catch {} // not here
  throw new Error(`no ${file} in PATH`)
}

function program(argv: readonly string[]): Op[] {
  const origin = { intent: `measure ${argv.join(' ')}` }
  const result = cell('result', SIZE)
  const child = slot('child')
  const inside = label('child')
  const environment = [`PATH=${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`]
  return [
    syscall('clock_gettime', [int(CLOCK_MONOTONIC), address(result, BEGIN)], origin),
    syscall('clone', [int(SIG.SIGCHLD), NULL, NULL, NULL, NULL], origin, { result: child }),
    jump(inside, origin, { slot: child, mask: 0xffff_ffffn, is: 'eq', value: 0n }),
    syscall('wait4', [load(child), address(result, STATUS), NULL, address(result, USAGE)], origin),
    syscall('clock_gettime', [int(CLOCK_MONOTONIC), address(result, END)], origin),
    syscall('write', [int(RESULTS), address(result), int(SIZE)], origin),
    syscall('exit_group', [NULL], origin),
    inside,
    syscall('close', [int(RESULTS)], origin),
    syscall('execve', [str(inPath(argv[0] ?? '')), pointers(argv.map(str)), pointers(environment.map(str))], origin),
  ]
}

/** Runs a command once, its output thrown away, its standard error written to the file `errors`. */
export function measure(argv: readonly string[], errors: string): Cost {
  using image = sealedMemfd('measure', buildImage(program(argv), architecture, RESULTS))
  using results = memoryFile('results')
  using nothing = Fd.adopt(openSync('/dev/null', constants.O_RDWR))
  using problems = Fd.adopt(openSync(errors, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600))
  const stdio = [nothing.number, nothing.number, problems.number] as const
  const pid = launch({ image, argv: ['measure'], stdio, preserved: 0, passed: new Map([[RESULTS, results]]) })
  reap(pid, true)
  using reading = Fd.open(results.path, 0n)
  const bytes = reading.readAll()
  if (bytes.length !== SIZE) throw new Error(`cannot run ${argv.join(' ')}`)
  return decode(new DataView(bytes.buffer, bytes.byteOffset, SIZE))
}

function decode(view: DataView): Cost {
  const pair = (at: number, units: number): number =>
    Number(view.getBigInt64(at, true)) * 1e3 + Number(view.getBigInt64(at + 8, true)) / units
  const word = view.getUint32(STATUS, true)
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
