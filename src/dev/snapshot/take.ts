// A snapshot of an executable: a copy of it is started with a bundle to get warm with (src/cli/warm-up.ts), and read when
// it stands still. Only on x86_64, and only where processes may be looked into; elsewhere there is none.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SYSCALLS } from '../../abi/syscalls.ts'
import { SNAPSHOT_VARIABLE } from '../../cli/snapshot.ts'
import { elf } from '../../image/elf.ts'
import { X64 } from '../../image/x64.ts'
import { sampleSpec } from '../../runtime/sample.ts'
import { type Additions, finished, isKept } from '../executable-file.ts'
import { features } from './cpu.ts'
import { freeze } from './freeze.ts'

/** `finished`'s arguments; `directory` is where the executable will look for koffi.node. */
export function takeSnapshot(original: Uint8Array, payloadAt: bigint, directory: string): Additions['snapshot'] {
  const work = mkdtempSync(join(directory, 'snapshot-'))
  const file = join(directory, 'tsrunc-warming')
  try {
    writeBundle(work)
    const executable = finished(original, payloadAt, { warming: `${SNAPSHOT_VARIABLE}=${work}` })
    writeFileSync(file, executable, { mode: 0o755 })
    return { frozen: freeze(file, isKept(executable)), features: features() }
  } finally {
    rmSync(work, { recursive: true })
    rmSync(file, { force: true })
  }
}

function writeBundle(directory: string): void {
  const config = sampleSpec({ rootless: false })
  const process = { ...config.process, terminal: false, args: ['/true'] }
  mkdirSync(join(directory, 'rootfs'))
  writeFileSync(join(directory, 'rootfs/true'), endingProgram(), { mode: 0o755 })
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...config, process }))
}

function endingProgram(): Uint8Array {
  const machine = new X64()
  machine.constant('arg0', 0)
  machine.constant('number', SYSCALLS.exit_group[0])
  machine.syscall()
  const nothing = new Uint8Array(0)
  return elf('x86_64', { initialized: nothing, zeroedBytes: 8, constants: nothing, records: nothing }, machine.finish())
}
