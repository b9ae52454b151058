// For the guard's test: a dynamic loader of a few instructions, which prints what it was started with, and the reading
// of what it prints. Its segments are as awkward as those of ld.so(8): none begins where a page does, and the one that
// is written to has more memory than the file has, with something else behind it in the file.
import { type Architecture, column } from '../abi/architecture.ts'
import { AT, ELF_IDENT, EM, ET, elfHeader, PF, PT, programHeader } from '../abi/elf.ts'
import { SYSCALLS } from '../abi/syscalls.ts'
import { Arm64 } from '../image/arm64.ts'
import type { Machine } from '../image/machine.ts'
import { X64 } from '../image/x64.ts'
import { FRAMES, WORD } from './guard-frame.ts'

/** A multiple of every page size. */
const PAGE = 0x10000
const CODE = PAGE + 0x120
/** In the file; in memory it is a page further. */
const DATA_OFFSET = 2 * PAGE + 0x240
const DATA = DATA_OFFSET + PAGE
/** Over the end of two pages. */
const DATA_BYTES = 5000
const DATA_MEMORY = 3 * 4096

export const dataByte = (i: number): number => 1 + (i % 250)
const SEGMENTS = 4

/** What it ends with. */
export const STATUS = 7

/** The file; its program headers are `shown` bytes. */
export function testLoader(architecture: Architecture, shown: number): Uint8Array {
  const file = Buffer.alloc(DATA_OFFSET + 2 * DATA_MEMORY, 0xee)
  const code = printer(architecture, shown)
  const header = elfHeader.encode({
    e_ident: ELF_IDENT | (3n << 56n), // of the GNU system, as ld.so is
    e_type: ET.values.ET_DYN,
    e_machine: architecture === 'x86_64' ? EM.values.EM_X86_64 : EM.values.EM_AARCH64,
    e_version: 1,
    e_entry: CODE,
    e_phoff: elfHeader.size,
    e_ehsize: elfHeader.size,
    e_phentsize: programHeader.size,
    e_phnum: SEGMENTS,
  })
  const load = (p_flags: bigint, p_offset: number, p_vaddr: number, p_filesz: number, p_memsz = p_filesz): Uint8Array =>
    programHeader.encode({ p_type: PT.values.PT_LOAD, p_flags, p_offset, p_vaddr, p_filesz, p_memsz, p_align: PAGE })
  const { PF_R, PF_W, PF_X } = PF.bits
  const rows = [
    load(PF_R, 0, 0, elfHeader.size + SEGMENTS * programHeader.size),
    load(PF_R | PF_X, CODE, CODE, code.length),
    programHeader.encode({ p_type: PT.values.PT_NOTE, p_flags: PF_R | PF_W, p_vaddr: 1 << 30, p_memsz: 1 << 30 }),
    load(PF_R | PF_W, DATA_OFFSET, DATA, DATA_BYTES, DATA_MEMORY),
  ]
  file.set(Buffer.concat([header, ...rows]))
  file.set(code, CODE)
  for (let i = 0; i < DATA_BYTES; i++) file[DATA_OFFSET + i] = dataByte(i)
  return file
}

/** Where the file ends if it ends within what is written to. */
export const TRUNCATED = DATA_OFFSET + DATA_BYTES - 1

function printer(architecture: Architecture, shown: number): Uint8Array {
  const machine = architecture === 'x86_64' ? new X64() : new Arm64()
  const call = (name: 'write' | 'exit_group'): void => {
    machine.constant('number', SYSCALLS[name][column(architecture)] as number) // both have these
    machine.syscall()
  }
  const write = (bytes: number): void => {
    machine.constant('arg0', 1)
    machine.constant('arg2', bytes)
    call('write')
  }
  const writeRecord = (bytes: number): void => {
    machine.move('arg1', 'record')
    write(bytes)
    machine.increase('record', bytes)
  }
  machine.move('loads', 'record')
  writeRecord(WORD) // argc
  for (const what of ['argument', 'variable']) printTexts(machine, what, () => call('write'))
  machine.label('auxiliary')
  machine.load(8, 'value', 'record', 0)
  machine.load(8, 'temp', 'record', WORD)
  for (const [type, register] of [
    [AT.values.AT_BASE, 'arg4'],
    [AT.values.AT_PHDR, 'arg5'],
  ] as const) {
    machine.jumpIf('value', 'ne', Number(type), `not ${type}`)
    machine.move(register, 'temp')
    machine.label(`not ${type}`)
  }
  writeRecord(2 * WORD)
  machine.jumpIf('value', 'ne', 0, 'auxiliary')
  machine.move('arg1', 'arg5')
  write(shown)
  machine.constant('temp', DATA)
  machine.negate('temp', 'temp')
  machine.subtract('arg4', 'temp')
  machine.move('arg1', 'arg4')
  write(DATA_MEMORY)
  machine.store(8, 'loads', 'arg4', 0)
  machine.move('arg1', 'arg4')
  write(WORD) // where the stack is
  machine.constant('arg0', STATUS)
  call('exit_group')
  return Buffer.concat([FRAMES[architecture].prologue, machine.finish()])
}

/** Prints what record's words point to, each with its zero, and a zero more; record is then behind the last word. */
function printTexts(machine: Machine, what: string, write: () => void): void {
  machine.label(what)
  machine.load(8, 'value', 'record', 0)
  machine.move('arg1', 'record')
  machine.constant('arg2', 1)
  machine.jumpIf('value', 'eq', 0, `print ${what}`)
  machine.move('arg1', 'value')
  machine.constant('arg2', 0)
  machine.label(`length of ${what}`)
  machine.load(1, 'temp', 'arg1', 0)
  machine.increase('arg1', 1)
  machine.increase('arg2', 1)
  machine.jumpIf('temp', 'ne', 0, `length of ${what}`)
  machine.move('arg1', 'value')
  machine.label(`print ${what}`)
  machine.constant('arg0', 1)
  write()
  machine.increase('record', WORD)
  machine.jumpIf('value', 'ne', 0, what)
}

export interface Printed {
  readonly argv: readonly string[]
  /** Sorted: the emulator turns their order around. */
  readonly variables: readonly string[]
  readonly auxiliary: ReadonlyMap<bigint, bigint>
  readonly programHeaders: Buffer
  /** The segment that is written to. */
  readonly data: Buffer
  readonly stack: bigint
}

export function readPrinted(bytes: Buffer, shown: number): Printed {
  let at = 0
  const word = (): bigint => {
    at += WORD
    return bytes.readBigUInt64LE(at - WORD)
  }
  const text = (): string => {
    const from = at
    at = bytes.indexOf(0, from) + 1
    return bytes.toString('utf8', from, at - 1)
  }
  const take = (length: number): Buffer => {
    at += length
    return bytes.subarray(at - length, at)
  }
  const argv = Array.from({ length: Number(word()) }, text)
  text()
  const variables: string[] = []
  for (let variable = text(); variable !== ''; variable = text()) variables.push(variable)
  const auxiliary = new Map<bigint, bigint>()
  for (let type = -1n; type !== 0n; ) {
    type = word()
    auxiliary.set(type, word())
  }
  const [programHeaders, data] = [take(shown), take(DATA_MEMORY)]
  return { argv, variables: variables.sort(), auxiliary, programHeaders, data, stack: word() }
}

/** What the segment that is written to should hold. */
export const expectedData = (): Buffer => {
  const data = Buffer.alloc(DATA_MEMORY)
  for (let i = 0; i < DATA_BYTES; i++) data[i] = dataByte(i)
  return data
}
