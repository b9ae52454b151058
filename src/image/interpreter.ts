// The program that runs records: described once, in the instructions of machine.ts. It has no stack, no heap and no
// knowledge of what a record is for; on an error that the record does not expect it reports {op, errno} and ends.
// It lies right behind the last record, where a program that waits at its end has it in the same page.
import { type Architecture, column } from '../abi/architecture.ts'
import { ERRNO } from '../abi/errno.ts'
import { SYSCALLS, type SyscallName } from '../abi/syscalls.ts'
import { FIXED } from '../program/assemble.ts'
import { ANY_ERRNO, AT, CONDITION, FLAG, KIND, MAX_ERRNOS, MAX_OPERANDS, RECORD_SIZE } from '../program/encode.ts'
import { message } from '../program/sync.ts'
import { Arm64 } from './arm64.ts'
import { LAYOUT } from './elf.ts'
import type { Comparison, Machine, Register } from './machine.ts'
import { X64 } from './x64.ts'

/** The addresses that the interpreter itself uses. */
const PLACES = {
  /** The first record. */
  records: LAYOUT.records,
  /** The word that holds the descriptor for failures. */
  errorChannel: LAYOUT.initialized + FIXED.errorChannel,
  /** The failure message, complete but for op and value. */
  failure: LAYOUT.initialized + FIXED.failure,
}

const ARGUMENTS: readonly Register[] = ['arg0', 'arg1', 'arg2', 'arg3', 'arg4', 'arg5']

/** The machine code; its first instruction is the entry point. It is the same in every image: code.ts has it ready. */
export function interpreter(architecture: Architecture): Uint8Array {
  const machine = architecture === 'x86_64' ? new X64() : new Arm64()
  machine.constant('record', PLACES.records)
  runRecord(machine)
  makeCall(machine)
  goOn(machine)
  matchError(machine)
  controlRecords(machine)
  report(machine, architecture)
  return machine.finish()
}

/** Fetches all operands, whatever the kind, and goes to the part for that kind. */
function runRecord(machine: Machine): void {
  machine.label('run')
  machine.load(1, 'loads', 'record', AT.flags)
  for (let i = 0; i < MAX_OPERANDS; i++) {
    const argument = ARGUMENTS[i] as Register // there are MAX_OPERANDS of them
    machine.load(8, argument, 'record', AT.operands + 8 * i)
    machine.jumpIfBitClear('loads', i, `operand ${i}`)
    machine.load(8, argument, argument, 0)
    machine.label(`operand ${i}`)
  }
  machine.load(1, 'temp', 'record', AT.kind)
  for (const kind of ['JUMP', 'SET'] as const) machine.jumpIf('temp', 'eq', KIND[kind], kind)
}

function makeCall(machine: Machine): void {
  machine.load(2, 'number', 'record', AT.number)
  machine.syscall()
  machine.jumpIf('result', 'ge', -4095, 'error') // -4095…-1 are errors, syscall(2)
  machine.load(4, 'temp', 'record', AT.result)
  machine.jumpIf('temp', 'eq', 0, 'no result')
  machine.store(8, 'result', 'temp', 0)
  machine.label('no result')
  machine.jumpIfBitClear('loads', FLAG.SUCCESS, 'next')
  machine.jump('target')
}

function goOn(machine: Machine): void {
  machine.label('next')
  machine.increase('record', RECORD_SIZE)
  machine.jump('run')
}

/** An error that the record expects sends the program to its target, or on to the next record. */
function matchError(machine: Machine): void {
  machine.label('error')
  machine.negate('value', 'result')
  machine.jumpIfBitClear('loads', FLAG.AGAIN, 'not again')
  machine.jumpIf('value', 'eq', ERRNO.EAGAIN[0], 'run')
  machine.label('not again')
  machine.load(1, 'temp', 'record', AT.errnos)
  machine.jumpIf('temp', 'eq', ANY_ERRNO, 'expected')
  machine.jumpIf('temp', 'eq', 'value', 'expected')
  for (let i = 1; i < MAX_ERRNOS; i++) {
    machine.load(1, 'temp', 'record', AT.errnos + i)
    machine.jumpIf('temp', 'eq', 'value', 'expected')
  }
  machine.jump('report')
  machine.label('expected')
  machine.jumpIfBitClear('loads', FLAG.SUCCESS, 'target')
  machine.jump('next')
  machine.label('target')
  machine.load(4, 'temp', 'record', AT.target)
  machine.jumpIf('temp', 'eq', 0, 'next')
  machine.move('record', 'temp')
  machine.jump('run')
}

function controlRecords(machine: Machine): void {
  machine.label('JUMP')
  machine.and('arg0', 'arg1')
  machine.load(2, 'temp', 'record', AT.number)
  machine.jumpIf('temp', 'eq', CONDITION.always, 'go')
  for (const comparison of ['eq', 'ne', 'lt', 'ge'] as const satisfies Comparison[]) {
    machine.jumpIf('temp', 'ne', CONDITION[comparison], `not ${comparison}`)
    machine.jumpIf('arg0', comparison, 'arg2', 'go')
    machine.label(`not ${comparison}`)
  }
  machine.jump('next')
  machine.label('go')
  machine.load(4, 'temp', 'record', AT.target)
  machine.jumpIf('temp', 'eq', 0, 'FAIL')
  machine.move('record', 'temp')
  machine.jump('run')

  machine.label('SET')
  machine.load(4, 'temp', 'record', AT.result)
  machine.store(8, 'arg0', 'temp', 0)
  machine.jump('next')

  machine.label('FAIL')
  machine.move('value', 'arg3')
}

/** Completes the failure message, writes it and ends the process; runs on from FAIL. */
function report(machine: Machine, architecture: Architecture): void {
  const call = (name: SyscallName): void => {
    machine.constant('number', SYSCALLS[name][column(architecture)] as number) // both architectures have these
    machine.syscall()
  }
  machine.label('report')
  machine.constant('arg1', PLACES.failure)
  machine.store(8, 'value', 'arg1', message.offset('value'))
  machine.constant('temp', PLACES.records)
  machine.subtract('record', 'temp')
  machine.shiftRight('record', Math.log2(RECORD_SIZE))
  machine.store(4, 'record', 'arg1', message.offset('op'))
  machine.constant('temp', PLACES.errorChannel)
  machine.load(8, 'arg0', 'temp', 0)
  machine.constant('arg2', message.size)
  call('write')
  machine.constant('arg0', 1)
  call('exit_group')
}
