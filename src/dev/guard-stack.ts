// The stack that the guard makes for Bun below the caller's: arguments and auxiliary vector as they were, of the variables
// those on a list, and our settings. record walks along the old one, arg5 along the new one.
import { AT } from '../abi/elf.ts'
import type { Machine } from '../image/machine.ts'
import { type Texts, WORD } from './guard-frame.ts'

export interface Environment {
  /** Names of variables that stay. */
  readonly variables: readonly string[]
  /** "NAME=value", added. */
  readonly settings: readonly string[]
}

/** number and arg5 = a place below the stack for all that is on it and `added` words more, by 16 bytes. */
export function reserveStack(machine: Machine, added: number): void {
  machine.move('arg3', 'record')
  machine.increase('arg3', WORD) // argc
  for (const [part, size] of Object.entries({ argument: WORD, variable: WORD, auxiliary: 2 * WORD })) {
    machine.label(`measure ${part}`)
    machine.load(8, 'temp', 'arg3', 0)
    machine.increase('arg3', size)
    machine.jumpIf('temp', 'ne', 0, `measure ${part}`)
  }
  machine.subtract('arg3', 'record')
  machine.move('arg5', 'record')
  machine.subtract('arg5', 'arg3')
  machine.constant('temp', WORD * added)
  machine.subtract('arg5', 'temp')
  machine.constant('temp', 15)
  machine.and('temp', 'arg5')
  machine.subtract('arg5', 'temp')
  machine.move('number', 'arg5')
}

function copyWord(machine: Machine): void {
  machine.load(8, 'temp', 'record', 0)
  machine.store(8, 'temp', 'arg5', 0)
  machine.increase('record', WORD)
  machine.increase('arg5', WORD)
}

export function copyArguments(machine: Machine): void {
  copyWord(machine) // argc
  machine.load(8, 'temp', 'record', 0)
  machine.jumpIf('temp', 'eq', 0, 'argument')
  machine.store(8, 'arg4', 'arg5', 0)
  machine.increase('record', WORD)
  machine.increase('arg5', WORD)
  machine.label('argument')
  copyWord(machine)
  machine.jumpIf('temp', 'ne', 0, 'argument')
}

/** arg1 walks along the names that stay, arg3 along a variable. Leaves the place for the limit's variable in arg4. */
export function filterEnvironment(machine: Machine, { variables, settings }: Environment, texts: Texts): void {
  machine.label('variable')
  machine.load(8, 'value', 'record', 0)
  machine.increase('record', WORD)
  machine.jumpIf('value', 'eq', 0, 'settings')
  machine.constant('arg1', texts.add([...variables.map(variable => `${variable}=`), ''].join('\0')))
  machine.label('name')
  machine.load(1, 'temp', 'arg1', 0)
  machine.jumpIf('temp', 'eq', 0, 'variable') // no name is left: dropped
  machine.move('arg3', 'value')
  machine.label('letter')
  machine.load(1, 'temp', 'arg1', 0)
  machine.jumpIf('temp', 'eq', 0, 'keep') // the whole name is there
  machine.load(1, 'loads', 'arg3', 0)
  machine.increase('arg1', 1)
  machine.increase('arg3', 1)
  machine.jumpIf('temp', 'eq', 'loads', 'letter')
  machine.label('rest of name')
  machine.load(1, 'temp', 'arg1', 0)
  machine.increase('arg1', 1)
  machine.jumpIf('temp', 'ne', 0, 'rest of name')
  machine.jump('name')
  machine.label('keep')
  machine.store(8, 'value', 'arg5', 0)
  machine.increase('arg5', WORD)
  machine.jump('variable')

  machine.label('settings')
  for (const setting of settings) {
    machine.constant('temp', texts.add(setting))
    machine.store(8, 'temp', 'arg5', 0)
    machine.increase('arg5', WORD)
  }
  machine.move('arg4', 'arg5')
  machine.increase('arg5', WORD)
  machine.store(8, 'value', 'arg5', 0) // NULL
  machine.increase('arg5', WORD)
}

/** What the dynamic loader is told, as the kernel would have told it. */
export interface Program {
  readonly entry: number
  /** Address and number. */
  readonly programHeaders: number
  readonly count: number
  readonly hidesVdso: boolean
}

/** arg0 is where the dynamic loader is. */
export function copyAuxiliaryVector(machine: Machine, { entry, programHeaders, count, hidesVdso }: Program): void {
  const { AT_BASE, AT_ENTRY, AT_PHDR, AT_PHNUM, AT_SYSINFO_EHDR } = AT.values
  const told: readonly (readonly [type: bigint, value: number])[] = [
    [AT_ENTRY, entry],
    [AT_PHDR, programHeaders],
    [AT_PHNUM, count],
    ...(hidesVdso ? [[AT_SYSINFO_EHDR, 0] as const] : []),
  ]
  machine.label('auxiliary')
  copyWord(machine)
  machine.move('value', 'temp')
  machine.load(8, 'temp', 'record', 0)
  for (const [type, value] of told) {
    machine.jumpIf('value', 'ne', Number(type), `not ${type}`)
    machine.constant('temp', value)
    machine.label(`not ${type}`)
  }
  machine.jumpIf('value', 'ne', Number(AT_BASE), 'as it was')
  machine.move('temp', 'arg0')
  machine.label('as it was')
  machine.store(8, 'temp', 'arg5', 0)
  machine.increase('record', WORD)
  machine.increase('arg5', WORD)
  machine.jumpIf('value', 'ne', 0, 'auxiliary')
}
