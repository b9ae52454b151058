// Memory that the engine gives back, in a process that goes on from a snapshot: zeros, and never the executable's pages.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { MADV, MAP, PROT } from '../../abi/mman.ts'
import { SYSCALLS } from '../../abi/syscalls.ts'
import { elf, LAYOUT } from '../../image/elf.ts'
import type { Machine } from '../../image/machine.ts'
import { X64 } from '../../image/x64.ts'
import { place, run, TSRUNC, without } from '../executable-testing.ts'
import { discard } from './discard.ts'

const isX64 = process.arch === 'x64' ? false : 'a snapshot is made on x86_64 only'
/** Addresses of the program below. */
const PAGE = 0x5000_0000
const SIZE = 4096

const call = (machine: Machine, name: 'openat' | 'mmap' | 'exit_group'): void => {
  machine.constant('number', SYSCALLS[name][0])
  machine.syscall()
}

/** Maps its own file, writes to the page, gives it back; its status is what the page's first byte is then. */
function program(advice: number): Uint8Array {
  const machine = new X64()
  machine.constant('arg0', 0xffffff9c) // AT_FDCWD
  machine.constant('arg1', LAYOUT.constants)
  machine.constant('arg2', 0)
  call(machine, 'openat')
  machine.move('arg4', 'result')
  machine.constant('arg0', PAGE)
  machine.constant('arg1', SIZE)
  machine.constant('arg2', Number(PROT.bits.PROT_READ | PROT.bits.PROT_WRITE))
  machine.constant('arg3', Number(MAP.bits.MAP_PRIVATE | MAP.bits.MAP_FIXED))
  machine.constant('arg5', 0)
  call(machine, 'mmap')
  machine.constant('temp', PAGE)
  machine.store(4, 'temp', 'temp', 8)
  machine.constant('arg0', PAGE)
  machine.constant('arg1', SIZE)
  machine.constant('arg2', advice)
  machine.instructions([0xe8, 18, 0, 0, 0]) // call, over what follows
  const before = machine.finish().length
  machine.load(1, 'arg0', 'temp', 0)
  machine.constant('number', SYSCALLS.exit_group[0])
  machine.syscall()
  const after = machine.finish().length - before
  if (after > 18) throw new RangeError(`${after} bytes follow the call`)
  machine.instructions(Array.from({ length: 18 - after }, () => 0x90)) // nop
  const code = Buffer.concat([machine.finish(), discard(0n)])
  const constants = Buffer.from('/proc/self/exe\0')
  return elf('x86_64', { initialized: new Uint8Array(0), zeroedBytes: 8, constants, records: new Uint8Array(0) }, code)
}

t.test('pages that are given back are zero', { skip: isX64 }, t => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-discard-'))
  const file = join(directory, 'program')
  for (const advice of [MADV.values.MADV_DONTNEED, MADV.values.MADV_FREE]) {
    writeFileSync(file, program(Number(advice)), { mode: 0o755 })
    t.equal(readFileSync(file)[0], 0x7f, 'the page of the file begins with something else')
    const { status, signal } = spawnSync(file)
    t.same([status, signal], [0, null])
  }
  rmSync(directory, { recursive: true })
  t.end()
})

t.test('the engine gives nothing back to the kernel itself', { skip: isX64 || without('strace') }, t => {
  const bundle = place()
  mkdirSync(join(bundle, 'rootfs'))
  run(TSRUNC, ['spec', '--bundle', bundle])
  const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'))
  const env = Array.from({ length: 8000 }, (_, i) => `V${i}=${'x'.repeat(1000)}`)
  config.hooks = { createRuntime: [{ path: '/bin/true', env }] } // enough for some collections
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config))
  const log = join(bundle, 'log')
  const strace = ['-f', '-e', 'trace=madvise,mmap', '-o', log, TSRUNC, 'plan', '--bundle', bundle]
  t.equal(run('strace', strace, { env: { PATH: process.env.PATH ?? '' } }).status, 0)
  const calls = readFileSync(log, 'utf8')
  t.match(calls, /MAP_FIXED\|MAP_ANONYMOUS\|MAP_NORESERVE/, 'new memory in its place')
  t.notMatch(calls, /MADV_(DONTNEED|FREE)\b/)
  t.end()
})
