// The soft limit of open descriptors that the caller gave us. Node and Bun raise it to the hard one before JavaScript
// runs, and keep no note of what it was; a container whose config says nothing of it must get the caller's all the same.
import { readFileSync } from 'node:fs'

/** Set by the first instructions of the packaged executable (src/dev/guard.ts): 16 digits, "a" is 0. */
export const LIMIT_VARIABLE = 'SOFT_NOFILE'
const DIGITS = /^[a-p]{16}$/

/**
 * Undefined when it cannot be known. Under Node it is taken from the parent, if that has the same hard limit: right for
 * a shell, while a parent that has raised its own says nothing.
 */
export function callerDescriptorLimit(environment: NodeJS.ProcessEnv = process.env): bigint | undefined {
  const digits = environment[LIMIT_VARIABLE] ?? ''
  if (DIGITS.test(digits)) return BigInt(`0x${digits.replace(/./g, digitOf)}`)
  const [own, parent] = [limitOf('self'), limitOf(process.ppid)]
  return parent !== undefined && parent.hard === own?.hard ? parent.soft : undefined
}

/** A limit as the variable tells it. */
export const limitDigits = (limit: bigint): string =>
  limit
    .toString(16)
    .padStart(16, '0')
    .replace(/./g, digit => String.fromCharCode('a'.charCodeAt(0) + Number.parseInt(digit, 16)))

const digitOf = (letter: string): string => (letter.charCodeAt(0) - 'a'.charCodeAt(0)).toString(16)

/** Undefined when it is not to be seen, or unlimited. */
function limitOf(pid: number | 'self'): { soft: bigint; hard: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/limits`, 'utf8')
    const [, soft, hard = ''] = /^Max open files +(\d+) +(\w+)/m.exec(text) ?? []
    return soft === undefined ? undefined : { soft: BigInt(soft), hard }
  } catch {
    return undefined
  }
}
