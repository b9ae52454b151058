// The guard's way back into a snapshot: the process takes over memory, event loop and registers of the one that stood
// still when the executable was built. Whatever is not as it was there (a descriptor in the way, another processor, an
// address that is taken, a limit of memory) leads to the label `ordinary`, where the engine starts as always; only what
// fails after the engine's own memory has been replaced ends the process. mmap(2), epoll(7), arch_prctl(2).
import { ERRNO } from '../../abi/errno.ts'
import { F, O } from '../../abi/fcntl.ts'
import { ARCH, EPOLL_CTL } from '../../abi/ptrace.ts'
import type { X64 } from '../../image/x64.ts'
import { caller, endWith, LARGEST_ERROR, openFile } from '../guard-calls.ts'
import type { Texts } from '../guard-frame.ts'
import { QUESTIONS } from './cpu.ts'
import { REGISTERS } from './frozen.ts'
import { HEAD, MAPPING, MAPPING_SIZE } from './segment.ts'

export interface Resumption {
  /** Where the segment is, and where the word is that tells where it is in the file. */
  readonly address: number
  readonly offsetAt: number
  readonly harmless: number
  readonly total: number
  /** What the processor must be able to do, from features(). */
  readonly features: readonly number[]
  readonly epoll: number
  readonly eventfd: number
}

const WORD = 8
const STDIO = [0, 1, 2]

/** Keeps record; all else is lost. */
export function resume(machine: X64, resumption: Resumption, texts: Texts): void {
  checkProcessor(machine, resumption.features)
  makeEventLoop(machine, resumption)
  mapMemory(machine, resumption, texts)
  goOn(machine, resumption)
}

function checkProcessor(machine: X64, wanted: readonly number[]): void {
  const left = [...wanted]
  machine.move('value', 'record')
  for (const { code, answers } of QUESTIONS) {
    machine.instructions(code)
    machine.move('record', 'value')
    for (const register of answers) {
      machine.constant('arg3', left.shift() ?? 0)
      machine.and(register, 'arg3')
      machine.jumpIf(register, 'ne', 'arg3', 'ordinary')
    }
  }
}

/** Of the standard descriptors none may be missing, for files would get their numbers; the loop's must be free. */
function makeEventLoop(machine: X64, { address, epoll, eventfd }: Resumption): void {
  const call = caller(machine, 'x86_64')
  const look = (fd: number): void => {
    machine.constant('arg0', fd)
    machine.constant('arg1', Number(F.values.F_GETFD))
    call('fcntl')
  }
  for (const fd of STDIO) {
    look(fd)
    machine.jumpIf('result', 'eq', -ERRNO.EBADF[0], 'ordinary')
  }
  for (const fd of [epoll, eventfd]) {
    look(fd)
    machine.jumpIf('result', 'ne', -ERRNO.EBADF[0], 'ordinary')
  }
  // from here on they are ours: what has been made is undone before the engine starts after all
  const moveTo = (fd: number): void => {
    machine.jumpIf('result', 'ge', LARGEST_ERROR, 'undo')
    machine.move('value', 'result')
    machine.move('arg0', 'result')
    machine.constant('arg1', fd)
    machine.constant('arg2', Number(O.bits.O_CLOEXEC))
    call('dup3')
    machine.move('loads', 'result')
    machine.move('arg0', 'value')
    call('close')
    machine.jumpIf('loads', 'ne', fd, 'undo')
  }
  machine.constant('arg0', Number(O.bits.O_CLOEXEC)) // as EPOLL_CLOEXEC is defined
  call('epoll_create1')
  moveTo(epoll)
  machine.constant('arg0', 0)
  machine.constant('arg1', Number(O.bits.O_CLOEXEC | O.bits.O_NONBLOCK)) // as EFD_CLOEXEC, EFD_NONBLOCK
  call('eventfd2')
  moveTo(eventfd)
  machine.constant('arg0', epoll)
  machine.constant('arg1', Number(EPOLL_CTL.values.EPOLL_CTL_ADD))
  machine.constant('arg2', eventfd)
  machine.constant('arg3', address + HEAD.epollEvent)
  call('epoll_ctl')
  machine.jumpIf('result', 'ne', 0, 'undo')
}

function mapMemory(machine: X64, resumption: Resumption, texts: Texts): void {
  const { address, offsetAt, harmless, total, epoll, eventfd } = resumption
  const call = caller(machine, 'x86_64')
  const open = (path: string): void => openFile(machine, 'x86_64', texts.add(path), 'undo')
  open('/proc/self/environ') // not to be read by one with another user's rights, but src/cli/snapshot.ts must
  machine.move('arg0', 'result')
  call('close')
  open('/proc/self/exe')
  machine.move('arg4', 'result')
  machine.constant('temp', offsetAt)
  machine.load(8, 'value', 'temp', 0)
  machine.negate('value', 'value')

  const map = (from: number, to: number, otherwise: string): void => {
    if (from === to) return
    machine.constant('temp', address + HEAD.mappings + from * MAPPING_SIZE)
    machine.constant('loads', address + HEAD.mappings + to * MAPPING_SIZE)
    machine.label(`mapping ${from}`)
    machine.load(8, 'arg0', 'temp', MAPPING.address)
    machine.load(8, 'arg1', 'temp', MAPPING.length)
    machine.load(8, 'arg2', 'temp', MAPPING.protection)
    machine.load(8, 'arg3', 'temp', MAPPING.flags)
    machine.load(8, 'arg5', 'temp', MAPPING.offset)
    machine.subtract('arg5', 'value')
    call('mmap')
    machine.jumpIf('result', 'ne', 'arg0', otherwise)
    machine.increase('temp', MAPPING_SIZE)
    machine.jumpIf('temp', 'ne', 'loads', `mapping ${from}`)
  }
  map(0, harmless, 'unmapped')
  map(harmless, total, 'broken')
  machine.jump('mapped all')

  machine.label('unmapped') // before the one at temp: what a limit counts is given back
  machine.constant('loads', address + HEAD.mappings)
  machine.label('unmap')
  machine.jumpIf('temp', 'eq', 'loads', 'unmapped all')
  machine.constant('arg0', MAPPING_SIZE)
  machine.subtract('temp', 'arg0')
  machine.load(8, 'arg0', 'temp', MAPPING.address)
  machine.load(8, 'arg1', 'temp', MAPPING.length)
  call('munmap')
  machine.jump('unmap')
  machine.label('unmapped all')
  machine.move('arg0', 'arg4')
  call('close')
  machine.label('undo')
  for (const fd of [epoll, eventfd]) {
    machine.constant('arg0', fd)
    call('close')
  }
  machine.jump('ordinary')

  machine.label('broken')
  endWith(machine, 'x86_64', 'tsrunc: its memory cannot be mapped\n', texts)

  machine.label('mapped all')
  machine.move('arg0', 'arg4')
  call('close')
}

/** Where the system call returns in which the other process stood still: with 0, as it would have. */
function goOn(machine: X64, { address }: Resumption): void {
  const place = (register: (typeof REGISTERS)[number]): number => HEAD.registers + REGISTERS.indexOf(register) * WORD
  machine.constant('temp', address)
  machine.constant('arg0', Number(ARCH.values.ARCH_SET_FS))
  machine.load(8, 'arg1', 'temp', place('fs_base'))
  caller(machine, 'x86_64')('arch_prctl')
  machine.constant('arg0', address)
  for (const [register, load] of Object.entries(LOADS))
    machine.instructions([...load, place(register as keyof typeof LOADS)])
  machine.instructions([0x31, 0xc0]) // xor eax, eax
  machine.instructions([0xff, 0x67, place('rip')]) // jmp [rdi + …]
}

/** mov register, [rdi + …] */
const LOADS = {
  rbx: [0x48, 0x8b, 0x5f],
  rbp: [0x48, 0x8b, 0x6f],
  r12: [0x4c, 0x8b, 0x67],
  r13: [0x4c, 0x8b, 0x6f],
  r14: [0x4c, 0x8b, 0x77],
  r15: [0x4c, 0x8b, 0x7f],
  rsp: [0x48, 0x8b, 0x67],
} as const
