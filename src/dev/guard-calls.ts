// What every part of the guard says in the same way: a system call, its failure, opening a file, and a message as the end.
import { type Architecture, column } from '../abi/architecture.ts'
import { AT_FDCWD, O } from '../abi/fcntl.ts'
import { SYSCALLS, type SyscallName } from '../abi/syscalls.ts'
import type { Machine } from '../image/machine.ts'
import type { Texts } from './guard-frame.ts'

/** Of a system call's result, as a word without a sign: what is not below it is an error. */
export const LARGEST_ERROR = -4095

export const caller =
  (machine: Machine, architecture: Architecture) =>
  (system: SyscallName): void => {
    machine.constant('number', SYSCALLS[system][column(architecture)] as number) // the guard's exist on both
    machine.syscall()
  }

/** result = a descriptor to read a file by; a file that cannot be opened leads to a label. */
export function openFile(machine: Machine, architecture: Architecture, path: number, otherwise: string): void {
  machine.constant('arg0', Number(BigInt.asUintN(32, AT_FDCWD)))
  machine.constant('arg1', path)
  machine.constant('arg2', Number(O.bits.O_CLOEXEC))
  caller(machine, architecture)('openat')
  machine.jumpIf('result', 'ge', LARGEST_ERROR, otherwise)
}

/** Ends the process with a message and status 1. */
export function endWith(machine: Machine, architecture: Architecture, text: string, texts: Texts): void {
  const call = caller(machine, architecture)
  machine.constant('arg0', 2)
  machine.constant('arg1', texts.add(text))
  machine.constant('arg2', Buffer.byteLength(text))
  call('write')
  machine.constant('arg0', 1)
  call('exit_group')
}
