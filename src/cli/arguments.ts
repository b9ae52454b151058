// The command line as callers of runc write it: Go's flag syntax. `--flag v`, `--flag=v`, the same with a single dash
// (go-runc sends `-no-subreaper`), booleans as `--flag` or `--flag=false`, `--` ends the flags, the last of repeated
// flags wins. The option tables are the only description; help.ts prints the same ones. What a value means is left
// to the commands.
import { UsageError } from '../errors.ts'

export interface Option {
  readonly type: 'boolean' | 'string' | 'number' | 'list'
  readonly short?: string
  readonly about: string
  readonly choices?: readonly string[]
  /** Accepted for the sake of callers, not advertised. */
  readonly hidden?: boolean
}
export type OptionTable = Readonly<Record<string, Option>>

type ValueOf<O extends Option> = O['type'] extends 'boolean'
  ? boolean
  : O['type'] extends 'number'
    ? number
    : O['type'] extends 'list'
      ? readonly string[]
      : string
export type Values<T extends OptionTable> = { readonly [K in keyof T]?: ValueOf<T[K]> }

export interface Arguments<T extends OptionTable> {
  readonly values: Values<T>
  readonly operands: readonly string[]
  /** The first thing that was wrong; kept rather than thrown, so that --log behind it still counts. */
  readonly problem?: UsageError
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
}

const unknownFlag = (name: string) => new UsageError(`flag provided but not defined: ${name}`)
const badValue = (name: string, text: string, expected: string) =>
  new UsageError(`invalid value "${text}" for flag --${name}: ${expected}`)

function nameOf(table: OptionTable, written: string): string | undefined {
  if (Object.hasOwn(table, written)) return written
  return Object.keys(table).find(name => table[name]?.short === written)
}

function convert(name: string, option: Option, text: string): boolean | number | string {
  if (option.type === 'boolean') {
    const value = Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined
    if (value === undefined) throw badValue(name, text, 'expected true or false')
    return value
  }
  if (option.type === 'number') {
    if (!/^\d{1,9}$/.test(text)) throw badValue(name, text, 'expected a number')
    return Number(text)
  }
  if (option.choices && !option.choices.includes(text)) {
    throw badValue(name, text, `expected ${option.choices.join(' or ')}`)
  }
  return text
}

/** `stopAtOperand`: whatever follows the first operand is not for us (global flags; `exec ID ls -l`). */
export function parseArguments<T extends OptionTable>(
  table: T,
  argv: readonly string[],
  stopAtOperand = false,
): Arguments<T> {
  const values: Record<string, boolean | number | string | string[]> = {}
  const operands: string[] = []
  let problem: UsageError | undefined

  /** Returns how many tokens behind `token` belong to it. */
  const take = (token: string, following: string | undefined): number => {
    const [, written = '', text] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(token) ?? []
    const name = nameOf(table, written)
    const option = name === undefined ? undefined : table[name]
    if (name === undefined || option === undefined) throw unknownFlag(token.replace(/=[\s\S]*/, ''))
    const isSwitch = option.type === 'boolean'
    const value = text ?? (isSwitch ? 'true' : following)
    if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`)
    const converted = convert(name, option, value)
    if (option.type === 'list') values[name] = [...((values[name] as string[] | undefined) ?? []), value]
    else values[name] = converted
    return text === undefined && !isSwitch ? 1 : 0
  }

  for (let i = 0; i < argv.length; i++) {
    const token = argv[i] as string // i < argv.length
    if (token === '--') {
      operands.push(...argv.slice(i + 1))
      break
    }
    if (token === '-' || !token.startsWith('-')) {
      operands.push(...(stopAtOperand ? argv.slice(i) : [token]))
      if (stopAtOperand) break
      continue
    }
    try {
      i += take(token, argv[i + 1])
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      problem ??= error
    }
  }
  return { values: values as Values<T>, operands, ...(problem === undefined ? {} : { problem }) }
}
