// For tests only: runs the program of a spec with a minimal host (no cgroup, no state directory, no hooks), and says
// what the container printed and how it ended. Needs root.

import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { O } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { launch } from '../host/launch.ts'
import { sealedMemfd } from '../host/memfd.ts'
import { reap, sendSignal, waitReadable } from '../host/process.ts'
import { receive, send, seqpacketPair } from '../host/socket.ts'
import { makeFifo } from '../host/tree.ts'
import { buildImage } from '../image/build.ts'
import type { PlanOptions } from '../plan/context.ts'
import type { Facts } from '../plan/facts.ts'
import { planInit } from '../plan/init.ts'
import { failure, origins } from '../program/origins.ts'
import { descriptors, EXEC_FIFO, MESSAGE, message } from '../program/sync.ts'
import type { IdMapping, Spec } from '../spec/gen/types.ts'
import { testFacts, testOptions } from './golden.ts'

export interface Outcome {
  /** What the program wrote to stdout and stderr. */
  readonly output: string
  /** Exit status; absent when the program was not reached. */
  readonly status?: number
  /** Why it was not. */
  readonly error?: Error
}

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find(path => existsSync(path))

/** Why trials cannot be run here: the value of a test's `skip`. */
export const cannotTry = process.geteuid?.() !== 0 ? 'needs root' : BUSYBOX === undefined && 'needs busybox-static'

/** A root filesystem of one busybox. */
export function trialRootfs(directory: string): string {
  const rootfs = join(directory, 'rootfs')
  mkdirSync(join(rootfs, 'bin'), { recursive: true })
  copyFileSync(BUSYBOX ?? '', join(rootfs, 'bin/busybox'))
  for (const applet of ['sh', 'cat', 'ls', 'id', 'readlink', 'stat', 'touch', 'mkdir', 'head', 'mount'])
    symlinkSync('busybox', join(rootfs, 'bin', applet))
  return rootfs
}

/** What runtime/facts.ts finds out about the sources of bind mounts. */
function sourceKinds({ mounts = [] }: Spec, bundle: string): Facts['sources'] {
  return new Map(
    mounts.map(({ source = '' }, index) => {
      const found = statSync(source.startsWith('/') ? source : join(bundle, source), { throwIfNoEntry: false })
      return [`/mounts/${index}`, found === undefined ? 'missing' : found.isDirectory() ? 'directory' : 'file']
    }),
  )
}

export function trial(spec: Spec, facts: Partial<Facts> = {}, options: Partial<PlanOptions> = {}): Outcome {
  const work = mkdtempSync(join(tmpdir(), 'tsrunc-trial-'))
  try {
    return runIn(
      work,
      spec,
      testFacts({ sources: sourceKinds(spec, facts.bundle ?? ''), ...facts, descriptors: descriptors(0) }),
      testOptions(options),
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function runIn(work: string, spec: Spec, facts: Facts, options: PlanOptions): Outcome {
  const gate = join(work, 'gate')
  mkdirSync(gate)
  chmodSync(gate, 0o711)
  const { bits } = O
  using gateFd = Fd.open(gate, bits.O_PATH | bits.O_DIRECTORY)
  makeFifo(gateFd, EXEC_FIFO, 0o622)
  const ops = planInit(spec, facts, options)
  const saved = origins(ops, facts.architecture)
  using image = sealedMemfd('tsrunc init', buildImage(ops, facts.architecture, facts.descriptors.sync))
  const [ours, theirs] = seqpacketPair()
  using socket = ours
  const rootfs = spec.root.path.startsWith('/') ? spec.root.path : join(facts.bundle, spec.root.path)
  using rootfsFd = Fd.open(rootfs, bits.O_PATH | bits.O_DIRECTORY)
  using nothing = Fd.open('/dev/null', bits.O_RDWR)
  const output = openSync(join(work, 'output'), 'w')
  const { sync, rootfs: rootNumber, gate: gateNumber, hookState, startHookState, hookOutput } = facts.descriptors
  const first = launch({
    image,
    argv: ['init'],
    stdio: [nothing.number, output, output],
    preserved: 0,
    passed: new Map([
      [sync, theirs],
      [rootNumber, rootfsFd],
      [gateNumber, gateFd],
      [hookState, nothing],
      [startHookState, nothing],
      [hookOutput, nothing],
    ]),
  })
  theirs.close()
  closeSync(output)
  const talk = new Talk(socket, first, spec)
  const ended = talk.untilReady()
  const error: Error | undefined = ended ? failure(saved, ended.op, ended.value) : start(gate, saved)
  if (error !== undefined) sendSignal(talk.pid, 9)
  const status = reap(talk.pid, true)
  const text = readFileSync(join(work, 'output'), 'utf8')
  return error === undefined ? { output: text, status: status?.exitCode ?? -1 } : { output: text, error }
}

/** Opening the fifo lets init go on; what comes behind its first byte is a failure. Gives up after a while. */
function start(gate: string, saved: ReturnType<typeof origins>): Error | undefined {
  using fifo = Fd.open(join(gate, EXEC_FIFO), O.bits.O_RDONLY | O.bits.O_NONBLOCK)
  const got: Uint8Array[] = []
  for (;;) {
    if (waitReadable([fifo], 5000).length === 0) return new Error('init did not open the gate')
    const chunk = Buffer.alloc(64)
    const length = readSync(fifo.number, chunk)
    if (length === 0) break
    got.push(chunk.subarray(0, length))
  }
  const answer = Buffer.concat(got)
  if (answer.length <= 1) return undefined
  const { op, value } = message.decode(answer.subarray(1))
  return failure(saved, Number(op), value)
}

class Talk {
  readonly #socket: Fd
  readonly #spec: Spec
  /** The process to wait for: A, then B. */
  pid: number

  constructor(socket: Fd, pid: number, spec: Spec) {
    this.#socket = socket
    this.#spec = spec
    this.pid = pid
  }

  untilReady(): { op: number; value: bigint } | undefined {
    this.#go()
    for (;;) {
      const got = receive(this.#socket, message.size, { timeoutMs: 10_000 })
      if (got === undefined) return { op: 0, value: 0n }
      const { kind, op, value } = message.decode(got.bytes)
      if (kind === MESSAGE.values.FAILED) return { op: Number(op), value }
      if (kind === MESSAGE.values.MAP_IDS) this.#mapIds(Number(value))
      if (kind === MESSAGE.values.FORKED) {
        reap(this.pid, true)
        this.pid = Number(value)
      } else this.#go()
      if (kind === MESSAGE.values.READY) return undefined
    }
  }

  #go(): void {
    send(this.#socket, message.encode({ kind: MESSAGE.values.GO }))
  }

  #mapIds(pid: number): void {
    const lines = (maps: readonly IdMapping[] = []) =>
      maps.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('')
    writeFileSync(`/proc/${pid}/uid_map`, lines(this.#spec.linux?.uidMappings))
    writeFileSync(`/proc/${pid}/gid_map`, lines(this.#spec.linux?.gidMappings))
  }
}
