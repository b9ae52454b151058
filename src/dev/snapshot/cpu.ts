// What a processor can do, in the words that cpuid and xgetbv give: code that was chosen for one processor (libc's
// string functions, the engine's) may run on another that can do all the same. Intel SDM, volume 2.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SYSCALLS } from '../../abi/syscalls.ts'
import { elf, LAYOUT } from '../../image/elf.ts'
import type { Register } from '../../image/machine.ts'
import { X64 } from '../../image/x64.ts'

const WORD = 8

const bits = (...numbers: readonly number[]): number => numbers.reduce((word, bit) => word | (1 << bit), 0)

/** Code that leaves words in registers; it loses record, result and rcx as well. */
interface Question {
  readonly code: readonly number[]
  readonly answers: readonly Register[]
  /** For each answer the bits that no program can make use of: they are the kernel's business, or tell of the machine
   * (a hypervisor, several threads a core). */
  readonly ignored: readonly number[]
}

const cpuid = (leaf: number, answers: readonly Register[], ignored: readonly number[]): Question => ({
  // mov eax, leaf · xor ecx, ecx · cpuid · mov edi, ebx · mov esi, ecx
  code: [0xb8, leaf, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2, 0x89, 0xdf, 0x89, 0xce],
  answers,
  ignored,
})

/** Each takes the time of ten system calls in a virtual machine, so they are few. */
export const QUESTIONS: readonly Question[] = [
  cpuid(
    1,
    ['arg1', 'arg2'],
    [
      bits(2, 3, 4, 5, 6, 7, 8, 10, 11, 14, 15, 17, 18, 21, 24, 31),
      bits(1, 2, 3, 5, 6, 7, 9, 12, 13, 14, 16, 17, 18, 21, 22, 27, 28, 29, 31),
    ],
  ),
  cpuid(
    7,
    ['arg0', 'arg1', 'arg2'],
    [
      bits(1, 2, 6, 7, 10, 12, 13, 15, 20, 25),
      bits(2, 13, 16, 30, 31),
      bits(9, 10, 15, 18, 19, 26, 27, 28, 29, 30, 31),
    ],
  ),
  // xor ecx, ecx · xgetbv: what of the registers the kernel saves
  { code: [0x31, 0xc9, 0x0f, 0x01, 0xd0], answers: ['result'], ignored: [0] },
]

/** The answers of this machine's processor, in the order of QUESTIONS. */
export function features(): number[] {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-cpu-'))
  try {
    const file = join(directory, 'features')
    writeFileSync(file, program(), { mode: 0o755 })
    const { stdout, status, error } = spawnSync(file, { env: {} })
    const ignored = QUESTIONS.flatMap(question => question.ignored)
    const count = ignored.length
    if (status !== 0 || stdout.length !== count * WORD)
      throw new Error('the processor cannot be asked', { cause: error })
    return ignored.map((bits, i) => (stdout.readUInt32LE(i * WORD) & ~bits) >>> 0)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Prints the answers as words of 64 bits. */
function program(): Uint8Array {
  const machine = new X64()
  machine.constant('temp', LAYOUT.zeroed)
  let at = 0
  for (const { code, answers } of QUESTIONS) {
    machine.instructions(code)
    for (const register of answers) {
      machine.store(8, register, 'temp', at)
      at += WORD
    }
  }
  machine.constant('arg0', 1)
  machine.move('arg1', 'temp')
  machine.constant('arg2', at)
  machine.constant('number', SYSCALLS.write[0])
  machine.syscall()
  machine.constant('arg0', 0)
  machine.constant('number', SYSCALLS.exit_group[0])
  machine.syscall()
  const memory = { initialized: new Uint8Array(0), zeroedBytes: at, constants: new Uint8Array(0) }
  return elf('x86_64', { ...memory, records: new Uint8Array(0) }, machine.finish())
}
