// The guard in front of nothing, with a dynamic loader of a few instructions that prints what it was started with, on
// both architectures.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ARCHITECTURES, type Architecture } from '../abi/architecture.ts'
import { AT, PT, programHeader } from '../abi/elf.ts'
import { elf, LAYOUT } from '../image/elf.ts'
import { type GuardRequest, guard } from './guard.ts'
import { expectedData, type Printed, readPrinted, STATUS, TRUNCATED, testLoader } from './guard-testing.ts'
import { emulator } from './run-image.ts'

const ENTRY = 0x1234_5678
const HEADERS = Buffer.concat([1, 2].map(p_vaddr => programHeader.encode({ p_type: PT.values.PT_NOTE, p_vaddr })))

const request = (architecture: Architecture, interpreter: string): GuardRequest => ({
  architecture,
  address: LAYOUT.records,
  entry: ENTRY,
  interpreter,
  programHeaders: HEADERS,
  hidesVdso: false,
  resumption: undefined,
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

function program(wanted: GuardRequest): Uint8Array {
  const { bytes, entry } = guard(wanted)
  const before = entry - wanted.address
  const memory = { initialized: new Uint8Array(0), zeroedBytes: 8, constants: new Uint8Array(0) }
  return elf(wanted.architecture, { ...memory, records: bytes.subarray(0, before) }, bytes.subarray(before))
}

function runner(t: Test, architecture: Architecture, changes: Partial<GuardRequest> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-guard-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const [file, loader] = [join(directory, 'program'), join(directory, 'loader')]
  writeFileSync(loader, testLoader(architecture, HEADERS.length))
  writeFileSync(file, program({ ...request(architecture, loader), ...changes }), { mode: 0o755 })
  const command = [...(emulator(architecture) ?? []), file]
  const run = (
    env: Record<string, string> = {},
    before: readonly string[] = [],
    after: readonly string[] = [],
  ): Printed => {
    const [first = '', ...args] = [...before, ...command, ...after]
    const { status, stdout, stderr } = spawnSync(first, args, { env })
    t.equal(status, STATUS, stderr.toString())
    return readPrinted(stdout, HEADERS.length)
  }
  return { directory, file, loader, command, run }
}

/** This process's, which Node has raised; a child has the same. */
const ownLimit = (): number => Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])

const limited = (limit: number): string =>
  `LIMITED=${limit
    .toString(16)
    .padStart(16, '0')
    .replace(/./g, digit => 'abcdefghijklmnop'[Number.parseInt(digit, 16)] ?? '')}`

for (const architecture of ARCHITECTURES) {
  const isForeign = (emulator(architecture)?.length ?? 0) > 0
  const skip = emulator(architecture) === undefined ? `no emulator for ${architecture}` : false

  t.test(`${architecture}: the variables on the list stay, and ours are added`, { skip }, t => {
    const { run } = runner(t, architecture)
    const ours = [limited(ownLimit()), 'OURS=1', 'OURS_TOO=2']
    const variables = (env: Record<string, string>) => run(env).variables
    t.same(variables({}), ours)
    t.same(variables({ KEPT: 'a b', X: '1', KEPT_TOO: '', BUN_BE_BUN: '1' }), ['KEPT=a b', 'KEPT_TOO=', ...ours])
    t.same(variables({ BUN_BE_BUN: '1' }), ours)
    t.same(variables({ KEP: '1', KEPT_: '1', KEPT_TOO_: '1', XKEPT: '1', kept: '1', '': '1' }), ours)
    const loaders = { LD_PRELOAD: '/x', LD_LIBRARY_PATH: '/', LD_AUDIT: '/x', GLIBC_TUNABLES: 'x', LD_DEBUG: 'all' }
    t.same(variables(loaders), ours)
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`BUN_${i}`, 'x'.repeat(i % 50)]))
    t.same(variables({ ...many, KEPT: 'at the end' }), ['KEPT=at the end', ...ours])
    t.end()
  })

  t.test(`${architecture}: the arguments stay, but for the first`, { skip }, t => {
    const { run } = runner(t, architecture)
    for (const after of [[], ['a', 'b'], ['', '', 'c\nd', '-é-'], Array.from({ length: 5000 }, (_, i) => `${i}`)]) {
      const { argv, stack } = run({}, [], after)
      t.same(argv, ['name', ...after])
      t.equal(stack % 16n, 0n)
    }
    t.end()
  })

  t.test(`${architecture}: the loader is mapped as the kernel would, and told of the program`, { skip }, t => {
    const { AT_BASE, AT_ENTRY, AT_PHDR, AT_PHNUM, AT_SYSINFO_EHDR } = AT.values
    for (const hidesVdso of [false, true]) {
      const { auxiliary, programHeaders, data } = runner(t, architecture, { hidesVdso }).run()
      t.ok(data.equals(expectedData()), 'what the file has, and zeros')
      t.ok(programHeaders.equals(HEADERS))
      t.equal(auxiliary.get(AT_ENTRY), BigInt(ENTRY))
      t.equal(auxiliary.get(AT_PHNUM), 2n)
      t.ok((auxiliary.get(AT_PHDR) ?? 0n) >= BigInt(LAYOUT.records))
      t.equal((auxiliary.get(AT_BASE) ?? 1n) % 4096n, 0n)
      if (!isForeign || hidesVdso) t.equal((auxiliary.get(AT_SYSINFO_EHDR) ?? 0n) === 0n, hidesVdso)
    }
    t.end()
  })

  t.test(`${architecture}: without its loader it ends with a message`, { skip }, t => {
    const { loader, command } = runner(t, architecture)
    const whole = testLoader(architecture, HEADERS.length)
    const other = testLoader(architecture === 'x86_64' ? 'aarch64' : 'x86_64', HEADERS.length)
    const changed = (at: number, byte: number): Buffer => Buffer.from(whole).fill(byte, at, at + 1)
    const cases: Record<string, () => void> = {
      missing: () => undefined,
      'a directory': () => mkdirSync(loader),
      empty: () => writeFileSync(loader, ''),
      'a text': () => writeFileSync(loader, '#!/bin/sh\n'.repeat(1000)),
      'another magic': () => writeFileSync(loader, changed(0, 0x7e)),
      'of 32 bits': () => writeFileSync(loader, changed(4, 1)),
      'a program': () => writeFileSync(loader, changed(16, 2)),
      'for another machine': () => writeFileSync(loader, other),
      'half a header': () => writeFileSync(loader, whole.subarray(0, 63)),
      'no segment': () => writeFileSync(loader, changed(56, 0)),
      'half of what is written to': () => writeFileSync(loader, whole.subarray(0, TRUNCATED)),
    }
    for (const [what, make] of Object.entries(cases)) {
      rmSync(loader, { recursive: true, force: true })
      make()
      const [file = '', ...args] = command
      const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', env: {}, timeout: 5000 })
      t.same([status, stdout, stderr], [1, '', `tsrunc: ${loader} cannot be loaded\n`], what)
    }
    t.end()
  })

  t.test(`${architecture}: the soft limit of descriptors is told`, { skip }, t => {
    const { run } = runner(t, architecture)
    for (const limit of [64, 1023, 4096]) {
      const { variables } = run({}, ['/bin/sh', '-c', `ulimit -Sn ${limit} && exec "$@"`, 'sh'])
      t.ok(variables.includes(limited(limit)), `${limit} ${variables}`)
    }
    t.end()
  })

  t.test(`${architecture}: a current directory that is gone is told by the name`, { skip }, t => {
    const { run, directory } = runner(t, architecture)
    const gone = mkdtempSync(join(directory, 'gone-'))
    t.same(run({}, ['/bin/sh', '-c', 'cd "$0" && rmdir "$0" && exec "$@"', gone], ['a']).argv, ['nowhere', 'a'])
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
