// What a program says of a hook that it ran and that did not end well: the value of a `fail` op whose origin is below
// /hooks. The number is in the low 16 bits (exit status, signal, or seconds), the kind above them: a plan can put the
// value together without arithmetic, by storing the number first and then the kind 2 bytes further on.
import { defineEnum } from '../abi/define.ts'
import { signalName } from '../abi/signal.ts'

export const HOOK_STATUS = defineEnum('tsrunc', {
  /** Exited with the status `number`. */
  EXITED: 1n,
  /** Killed by the signal `number`. */
  KILLED: 2n,
  /** Did not end within its timeout; the number is not used. */
  TIMEOUT: 3n,
})
export type HookStatusKind = keyof typeof HOOK_STATUS.values

/** Where, within the word, the kind is stored. */
export const HOOK_STATUS_KIND_OFFSET = 2

export const hookStatus = (kind: HookStatusKind, number = 0): bigint =>
  (HOOK_STATUS.values[kind] << 16n) | BigInt(number)

/** "exited with status 1" */
export function hookStatusText(value: bigint): string {
  const number = Number(value & 0xffffn)
  switch (value >> 16n) {
    case HOOK_STATUS.values.EXITED:
      return `exited with status ${number}`
    case HOOK_STATUS.values.KILLED:
      return `was killed by ${signalName(number) ?? `signal ${number}`}`
    case HOOK_STATUS.values.TIMEOUT:
      return 'did not end within its timeout'
    default:
      return `failed (${value})`
  }
}
