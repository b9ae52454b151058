// For tests only: runs some stages of a plan on the kernel, as a program of their own. What the other stages would have
// prepared (namespaces, a root, mounts) is put in front as ops of the test's own.
import { AT_FDCWD, openFlags } from '../abi/fcntl.ts'
import { MS } from '../abi/mount.ts'
import { CLONE } from '../abi/sched.ts'
import type { Origin, TsruncError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import { launch } from '../host/launch.ts'
import { memoryFile, sealedMemfd } from '../host/memfd.ts'
import { reap, type WaitStatus } from '../host/process.ts'
import { receive, send, seqpacketPair } from '../host/socket.ts'
import { buildImage } from '../image/build.ts'
import type { PlanContext, Stage } from '../plan/context.ts'
import type { Architecture } from '../plan/facts.ts'
import { NULL, type Op, type Slot, syscall } from '../program/op.ts'
import { failure, origins } from '../program/origins.ts'
import { MESSAGE, message } from '../program/sync.ts'
import { type Given, testContext } from './golden.ts'

export const ARCHITECTURE: Architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
const ORIGIN: Origin = { intent: 'prepare the test' }

export interface Ended extends WaitStatus {
  readonly stdout: string
  readonly stderr: string
  readonly hookOutput: string
  /** What the program reported, first thing first. */
  readonly error?: TsruncError
}

interface Setting {
  readonly stdin?: Fd
  /** The state document for hooks. */
  readonly hookState?: string
  /** Number in the program → descriptor. */
  readonly passed?: ReadonlyMap<number, Fd>
}

/** The context of a test on this machine. */
export const kernelContext = (given: Given = {}): PlanContext =>
  testContext({ ...given, facts: { architecture: ARCHITECTURE, ...given.facts } })

export class Program {
  readonly sync: Fd
  readonly pid: number
  readonly #ops: readonly Op[]
  readonly #output: readonly [stdout: Fd, stderr: Fd, hookOutput: Fd]

  constructor(context: PlanContext, ops: readonly Op[], { stdin, hookState = '{}', passed = new Map() }: Setting = {}) {
    const { sync, hookState: state, hookOutput } = context.facts.descriptors
    const [ours, theirs] = seqpacketPair()
    this.sync = ours
    this.#ops = [...ops, syscall('exit_group', [0], { intent: 'end the test' })]
    this.#output = [memoryFile('stdout'), memoryFile('stderr'), memoryFile('hooks')]
    using image = sealedMemfd('test', buildImage(this.#ops, ARCHITECTURE, sync))
    using document = memoryFile('state', hookState)
    using input = stdin?.duplicate() ?? Fd.open('/dev/null', openFlags(ARCHITECTURE).bits.O_RDONLY)
    const [stdout, stderr, hooks] = this.#output
    this.pid = launch({
      image,
      argv: ['test'],
      stdio: [input.number, stdout.number, stderr.number],
      preserved: 0,
      passed: new Map([[sync, theirs], [state, document], [hookOutput, hooks], ...passed]),
    })
    theirs.close()
  }

  go(): void {
    send(this.sync, message.encode({ kind: MESSAGE.values.GO }))
  }

  /** The next message; undefined when the program has ended. */
  hear(): { kind: string; fds: Fd[]; op: number; value: bigint } | undefined {
    const datagram = receive(this.sync, message.size, { timeoutMs: 10_000 })
    if (datagram === undefined) return undefined
    const { kind, op, value } = message.decode(datagram.bytes)
    return { kind: MESSAGE.format(kind), fds: datagram.fds, op: Number(op), value }
  }

  end(): Ended {
    const status = reap(this.pid, true)
    if (status === undefined) throw new Error('waitpid without a status')
    let error: TsruncError | undefined
    for (let heard = this.hear(); heard !== undefined; heard = this.hear())
      if (heard.kind === 'FAILED') error ??= this.explain(heard.op, heard.value)
    const [stdout, stderr, hookOutput] = this.#output.map(content)
    const texts = { stdout: stdout ?? '', stderr: stderr ?? '', hookOutput: hookOutput ?? '' }
    for (const file of [this.sync, ...this.#output]) file.close()
    return { ...status, ...texts, ...(error === undefined ? {} : { error }) }
  }

  explain(op: number, value: bigint): TsruncError {
    return failure(origins(this.#ops, ARCHITECTURE), op, value)
  }
}

function content(file: Fd): string {
  using again = Fd.open(file.path, openFlags(ARCHITECTURE).bits.O_RDONLY)
  return again.readText()
}

/** Some ops before, the stages, and the end. */
export const runStages = (
  context: PlanContext,
  stages: readonly Stage[],
  before: readonly Op[] = [],
  rest: Setting = {},
): Ended => new Program(context, [...before, ...stages.flatMap(stage => stage(context))], rest).end()

// ---- ops that stand for what the other stages do ----

export const unshare = (...kinds: readonly (keyof typeof CLONE.bits)[]): Op[] => [
  syscall('unshare', [kinds.reduce((flags, kind) => flags | CLONE.bits[kind], 0n)], ORIGIN),
]

/** A mount namespace from which nothing gets out. */
export const privateMounts = (): Op[] => [
  ...unshare('CLONE_NEWNS'),
  mounting('none', '/', undefined, MS.bits.MS_REC | MS.bits.MS_PRIVATE),
]

export function mounting(source: string, target: string, type: string | undefined, flags = 0n, data?: string): Op {
  const text = (value: string | undefined) => (value === undefined ? NULL : value)
  return syscall('mount', [source, target, text(type), flags, text(data)], ORIGIN)
}

export const makingDirectory = (path: string): Op => syscall('mkdirat', [AT_FDCWD, path, 0o755], ORIGIN)

export function opening(path: string, slot: Slot): Op {
  const { O_PATH, O_CLOEXEC } = openFlags(ARCHITECTURE).bits
  return syscall('openat', [AT_FDCWD, path, O_PATH | O_CLOEXEC], ORIGIN, { result: slot })
}

/** The two slots that every plan has. */
export const openingShared = (context: PlanContext, root: string): Op[] => [
  opening(root, context.slots.root),
  opening('/proc', context.slots.proc),
]

export const withoutUmask = (): Op => syscall('umask', [0], ORIGIN)
