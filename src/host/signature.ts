// How a C function is described: its name, and for each argument the C type, how the value is handed over and how an
// error prints it. From that come the callables of libc-*.ts, declared to koffi at their first call.
import { readlinkSync } from 'node:fs'
import { type Architecture, column } from '../abi/architecture.ts'
import type { Enumeration, Flags, Struct } from '../abi/define.ts'
import { AT_FDCWD } from '../abi/fcntl.ts'
import { signalName } from '../abi/signal.ts'
import { SYSCALLS, type SyscallName } from '../abi/syscalls.ts'
import { SyscallError, UnsupportedError } from '../errors.ts'
import { terminated } from './memory.ts'
import { declare, lastErrno, type NativeFunction } from './native.ts'

export const architecture: Architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64'

export interface Kind<Value> {
  readonly type: string
  readonly show: (value: Value) => string
  readonly pass?: (value: Value) => unknown
}

export type Text = string | Uint8Array
export type Pointer = bigint | Uint8Array | null
type Table = Pick<Flags<string>, 'format' | 'bits'>

// ---- kinds of arguments ----

export const number: Kind<number> = { type: 'int', show: String }
export const size: Kind<number | bigint> = { type: 'size_t', show: String }
export const word: Kind<number | bigint> = { type: 'long', show: String }
export const octal: Kind<number> = { type: 'unsigned int', show: mode => `0${mode.toString(8)}` }
export const signal: Kind<number> = { type: 'int', show: value => signalName(value) ?? String(value) }
/** 7 → "7</run/tsrunc/a>": what a descriptor names says more than its number. */
export const fd: Kind<number | bigint> = {
  type: 'int',
  show(value) {
    if (BigInt(value) === AT_FDCWD) return 'AT_FDCWD'
    try {
      return `${value}<${readlinkSync(`/proc/self/fd/${value}`)}>`
    } catch {
      return String(value)
    }
  },
}
export const path: Kind<Text> = {
  type: 'const void *',
  show: text => JSON.stringify(typeof text === 'string' ? text : Buffer.from(text).toString()),
  pass: text => (typeof text === 'string' ? terminated(text) : Buffer.concat([text, new Uint8Array(1)])),
}
export const optionalPath: Kind<Text | null> = {
  type: 'const void *',
  show: text => (text === null ? 'NULL' : path.show(text)),
  pass: text => (text === null ? null : path.pass?.(text)),
}
export const pointer: Kind<Pointer> = {
  type: 'void *',
  show: value => (value === null ? 'NULL' : typeof value === 'bigint' ? `0x${value.toString(16)}` : '{…}'),
  pass: value => value, // NULL too is handed over as it is
}
/** A flag word; each table names its own bits. */
export const flags = (...tables: readonly Table[]): Kind<bigint> => ({
  type: 'long',
  show(value) {
    const [only] = tables
    if (only !== undefined && tables.length === 1) return only.format(value)
    let rest = value
    const words: string[] = []
    for (const table of tables) {
      const known = rest & Object.values(table.bits).reduce((all, bit) => all | bit, 0n)
      if (known !== 0n) words.push(table.format(known))
      rest &= ~known
    }
    if (rest !== 0n || words.length === 0) words.push(rest === 0n ? '0' : `0x${rest.toString(16)}`)
    return words.join('|')
  },
})
export const choice = (table: Pick<Enumeration<string>, 'format'>): Kind<bigint> => ({
  type: 'long',
  show: value => table.format(value),
})
/** The same handed over as a C `int`; system calls take whole words instead. */
export const narrow = <Value>(kind: Kind<Value>, type = 'int'): Kind<Value> => ({ ...kind, type })
/** A struct, printed by its fields that are not 0. */
export function struct<Name extends string>(
  layout: Struct<Name>,
  tables: Partial<Record<Name, Pick<Table, 'format'>>>,
): Kind<Uint8Array> {
  return {
    type: 'void *',
    show(bytes) {
      const values = Object.entries(layout.decode(bytes)) as [Name, bigint][] // entries forgets the names
      const fields = values.filter(([, value]) => value !== 0n)
      return `{${fields.map(([name, value]) => `${name}=${tables[name]?.format(value) ?? value}`).join(', ')}}`
    },
  }
}

// ---- functions ----

type Values<Kinds extends readonly unknown[]> = {
  [I in keyof Kinds]: Kinds[I] extends Kind<infer Value> ? Value : never
}
type Callable<Kinds extends readonly unknown[]> = (...values: Values<Kinds>) => number
// biome-ignore lint/suspicious/noExplicitAny: a row is a tuple of kinds of different values; Values<> types each call
type Row = readonly Kind<any>[]

/** A function of libc whose result -1 means that errno tells more. */
export function c<Kinds extends Row>(result: 'int' | 'long', name: string, ...kinds: Kinds): Callable<Kinds> {
  let native: NativeFunction | undefined
  return (...values) => {
    native ??= declare(name, result, types(kinds))
    return checked(native(...passed(kinds, values)), name, kinds, values)
  }
}

/** A system call by its number. */
export function kernel<Kinds extends Row>(name: SyscallName, ...kinds: Kinds): Callable<Kinds> {
  let native: NativeFunction | undefined
  return (...values) => {
    const nr = SYSCALLS[name][column(architecture)]
    if (nr === null) throw new UnsupportedError(`${name} is no system call of ${architecture}`)
    native ??= declare('syscall', 'long', ['long', ...types(kinds)])
    return checked(native(nr, ...passed(kinds, values)), name, kinds, values)
  }
}

/** A function of libc that returns an error number itself (posix_spawn and its relatives). */
export function posix<Kinds extends Row>(name: string, ...kinds: Kinds): Callable<Kinds> {
  let native: NativeFunction | undefined
  return (...values) => {
    native ??= declare(name, 'int', types(kinds))
    const errno = native(...passed(kinds, values)) as number // the declared result
    if (errno !== 0) throw new SyscallError({ syscall: name, args: shown(kinds, values), errno })
    return 0
  }
}

const types = (kinds: Row): string[] => kinds.map(kind => kind.type)
/** Most are handed over as they are. */
function passed(kinds: Row, values: readonly unknown[]): readonly unknown[] {
  let all: unknown[] | undefined
  for (let i = 0; i < kinds.length; i++) {
    const pass = kinds[i]?.pass
    if (pass === undefined) continue
    all ??= [...values]
    all[i] = pass(values[i])
  }
  return all ?? values
}
const shown = (kinds: Row, values: readonly unknown[]): string[] =>
  values.map((value, i) => kinds[i]?.show(value) ?? String(value))

function checked(result: unknown, name: string, kinds: Row, values: readonly unknown[]): number {
  if (result !== -1) return Number(result) // a bigint where a double would not do
  const errno = lastErrno() // before anything else happens
  throw new SyscallError({ syscall: name, args: shown(kinds, values), errno })
}
