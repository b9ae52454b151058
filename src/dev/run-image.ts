// For tests: builds an image, runs it and returns what can be seen of it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Architecture } from '../abi/architecture.ts'
import { buildImage } from '../image/build.ts'
import type { Op } from '../program/op.ts'
import { MESSAGE, message } from '../program/sync.ts'

export interface ImageRun {
  readonly status: number | null
  readonly signal: string | null
  readonly pid: number
  readonly stdout: Buffer
  /** The record that was written to the error channel. */
  readonly failure: { readonly op: number; readonly value: bigint } | undefined
}

/** Standard input, output, error, and this one. */
const ERROR_CHANNEL = 3

/** What to put before the command line; undefined when this machine can not run such an image. */
export function emulator(architecture: Architecture): string[] | undefined {
  if ((process.arch === 'x64') === (architecture === 'x86_64')) return []
  const qemu = `qemu-${architecture}-static`
  return spawnSync(qemu, ['--version']).status === 0 ? [qemu] : undefined
}

export function runImage(architecture: Architecture, ops: readonly Op[]): ImageRun {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-image-'))
  try {
    const file = join(directory, 'image')
    writeFileSync(file, buildImage(ops, architecture, ERROR_CHANNEL), { mode: 0o755 })
    const [command = file, ...args] = [...(emulator(architecture) ?? []), file]
    const stdio = ['ignore', 'pipe', 'inherit', 'pipe'] as const
    const { status, signal, pid, output, stdout, error } = spawnSync(command, args, {
      stdio: [...stdio],
      env: {},
      timeout: 10_000,
    })
    if (error !== undefined) throw error
    return { status, signal, pid, stdout, failure: failureRecord(output[ERROR_CHANNEL]) }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function failureRecord(written: Buffer | null | undefined): ImageRun['failure'] {
  if (written === null || written === undefined || written.length === 0) return undefined
  const { kind, op, value } = message.decode(written)
  if (written.length !== message.size || kind !== MESSAGE.values.FAILED)
    throw new Error(`no failure record: ${written.toString('hex')}`)
  return { op: Number(op), value }
}
