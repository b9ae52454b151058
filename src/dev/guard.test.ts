// The guard in front of a program of a few instructions that prints what it was started with, on both architectures.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ARCHITECTURES, type Architecture, column } from '../abi/architecture.ts'
import { SYSCALLS } from '../abi/syscalls.ts'
import { Arm64 } from '../image/arm64.ts'
import { elf, LAYOUT } from '../image/elf.ts'
import { X64 } from '../image/x64.ts'
import { guard } from './guard.ts'
import { emulator } from './run-image.ts'

const READ_STACK_POINTER: Record<Architecture, readonly number[]> = {
  x86_64: [0x48, 0x89, 0xe3],
  aarch64: [0xf3, 0x03, 0x00, 0x91],
}
const WORD = 8

/** Prints argv[0] and the variables that `environ` leads to, each with its zero. */
function printer(architecture: Architecture, environ: number): Uint8Array {
  const machine = architecture === 'x86_64' ? new X64() : new Arm64()
  const call = (name: 'write' | 'exit_group'): void => {
    machine.constant('number', SYSCALLS[name][column(architecture)] as number) // both have these
    machine.syscall()
  }
  /** The string at `value`; `what` makes the label different. */
  const print = (what: string): void => {
    machine.move('arg1', 'value')
    machine.constant('arg2', 0)
    machine.label(`length of ${what}`)
    machine.load(1, 'temp', 'arg1', 0)
    machine.increase('arg1', 1)
    machine.increase('arg2', 1)
    machine.jumpIf('temp', 'ne', 0, `length of ${what}`)
    machine.move('arg1', 'value')
    machine.constant('arg0', 1)
    call('write')
  }
  machine.load(8, 'value', 'record', WORD)
  print('name')
  machine.constant('temp', environ)
  machine.load(8, 'record', 'temp', 0)
  machine.label('variable')
  machine.load(8, 'value', 'record', 0)
  machine.jumpIf('value', 'eq', 0, 'end')
  print('variable')
  machine.increase('record', WORD)
  machine.jump('variable')
  machine.label('end')
  machine.constant('arg0', 7)
  call('exit_group')
  return Buffer.concat([Uint8Array.from(READ_STACK_POINTER[architecture]), machine.finish()])
}

function program(architecture: Architecture): Uint8Array {
  const environ = LAYOUT.zeroed
  const memory = { initialized: new Uint8Array(0), zeroedBytes: WORD, constants: new Uint8Array(0) }
  const address = LAYOUT.records
  const printing = printer(architecture, environ)
  const padding = -printing.length & (WORD - 1)
  const guardAddress = address + printing.length + padding
  const { bytes, entry } = guard({
    architecture,
    address: guardAddress,
    entry: address,
    environ,
    huge: [
      { from: LAYOUT.records, to: LAYOUT.records + 1 },
      { from: 0, to: 1 }, // which fails
    ],
    variables: ['KEPT', 'KEPT_TOO'],
    settings: ['OURS=1', 'OURS_TOO=2'],
    limitVariable: 'LIMITED',
    name: 'name',
    nameNowhere: 'nowhere',
  })
  const before = entry - guardAddress
  const records = Buffer.concat([printing, Buffer.alloc(padding), bytes.subarray(0, before)])
  return elf(architecture, { ...memory, records }, bytes.subarray(before))
}

function runner(t: Test, architecture: Architecture) {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-guard-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'program')
  writeFileSync(file, program(architecture), { mode: 0o755 })
  const command = [...(emulator(architecture) ?? []), file]
  return { directory, file, command }
}

/** This process's, which Node has raised; a child has the same. */
const ownLimit = (): number => Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])

const limited = (limit: number): string =>
  `LIMITED=${limit
    .toString(16)
    .padStart(16, '0')
    .replace(/./g, digit => 'abcdefghijklmnop'[Number.parseInt(digit, 16)] ?? '')}`

/** The emulator turns the order of the variables around. */
function printed({ stdout }: SpawnSyncReturns<string>): string[] {
  const [name = '', ...variables] = stdout.split('\0').slice(0, -1)
  return [name, ...variables.sort()]
}

for (const architecture of ARCHITECTURES) {
  const skip = emulator(architecture) === undefined ? `no emulator for ${architecture}` : false

  t.test(`${architecture}: the variables on the list stay, and ours are added`, { skip }, t => {
    const { command } = runner(t, architecture)
    const [file = '', ...args] = command
    const run = (env: Record<string, string>, more: readonly string[] = []) => {
      const ended = spawnSync(file, [...args, ...more], { env, encoding: 'utf8' })
      t.equal(ended.status, 7)
      return printed(ended)
    }
    const ours = [limited(ownLimit()), 'OURS=1', 'OURS_TOO=2']
    t.same(run({}), ['name', ...ours])
    t.same(run({}, ['a', 'b']), ['name', ...ours])
    t.same(run({ KEPT: 'a b', X: '1', KEPT_TOO: '', BUN_BE_BUN: '1' }), ['name', 'KEPT=a b', 'KEPT_TOO=', ...ours])
    t.same(run({ BUN_BE_BUN: '1' }), ['name', ...ours])
    t.same(run({ KEP: '1', KEPT_: '1', KEPT_TOO_: '1', XKEPT: '1', kept: '1', '': '1' }), ['name', ...ours])
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`BUN_${i}`, 'x'.repeat(i % 50)]))
    t.same(run({ ...many, KEPT: 'at the end' }), ['name', 'KEPT=at the end', ...ours])
    t.end()
  })

  t.test(`${architecture}: the soft limit of descriptors is told`, { skip }, t => {
    const { command } = runner(t, architecture)
    for (const limit of [64, 1023, 4096]) {
      const args = ['-c', `ulimit -Sn ${limit} && exec "$@"`, 'sh', ...command]
      const ended = spawnSync('/bin/sh', args, { encoding: 'utf8', env: {} })
      t.ok(printed(ended).includes(limited(limit)), `${limit} ${ended.stdout}`)
    }
    t.end()
  })

  t.test(`${architecture}: a current directory that is gone is told by the name`, { skip }, t => {
    const { command, directory } = runner(t, architecture)
    const gone = mkdtempSync(join(directory, 'gone-'))
    const script = 'cd "$0" && rmdir "$0" && exec "$@"'
    t.same(printed(spawnSync('/bin/sh', ['-c', script, gone, ...command], { encoding: 'utf8', env: {} })).slice(0, 1), [
      'nowhere',
    ])
    t.throws(() => rmdirSync(gone))
    t.end()
  })
}

const canMount = process.geteuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0

t.test('without /proc it ends with a message', { skip: canMount ? false : 'needs root and unshare' }, t => {
  const { file } = runner(t, process.arch === 'arm64' ? 'aarch64' : 'x86_64')
  const script = 'mount -t tmpfs none /proc && exec "$0"'
  const ended = spawnSync('unshare', ['-m', 'sh', '-c', script, file], { encoding: 'utf8' })
  t.equal(ended.stderr, 'tsrunc: /proc is not mounted, or not readable\n')
  t.equal(ended.status, 1)
  t.end()
})

t.test('a jump that cannot be encoded is refused', t => {
  const nowhere = { environ: 0, address: 1 << 28, entry: 0 }
  const request = { ...nowhere, huge: [], variables: [], settings: [], limitVariable: 'LIM', name: '', nameNowhere: '' }
  t.throws(() => guard({ ...request, architecture: 'aarch64' }), /too far for a branch/)
  t.end()
})
