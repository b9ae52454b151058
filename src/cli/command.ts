// What a command is: its flags as a table, how many operands it takes, and one call into runtime/. The runtime's
// verbs are imported inside `run`, so that `state` or `kill` never load what only `create` needs.
import type { Runtime } from '../runtime/store.ts'
import type { OptionTable, Values } from './arguments.ts'

export interface Invocation<T extends OptionTable> {
  readonly values: Values<T>
  readonly operands: readonly string[]
  /** The state directory that --root and --rootless name. */
  openRuntime(): Promise<Runtime>
}

export interface Command<T extends OptionTable = OptionTable> {
  readonly name: string
  /** One line for the list of commands. */
  readonly about: string
  /** Operands as help prints them. */
  readonly usage: string
  /** Least and greatest number of operands. */
  readonly operands: readonly [number, number]
  readonly options: T
  /** Flags behind the first operand belong to the container's command. */
  readonly stopAtOperand?: boolean
  /** Makes or changes a cgroup, so that the choice of its manager matters. */
  readonly needsCgroup?: boolean
  /** "create": failures read "tsrunc create failed: unable to start container process: …", as runc's do. */
  readonly startsProcess?: boolean
  /** Part of the dialect, yet refused: there is nothing behind it. */
  readonly notImplemented?: boolean
  /** Resolves to the exit status. */
  run(invocation: Invocation<T>): Promise<number>
}

/** Gives `run` the types of its own option table, then forgets them: the list of commands holds all kinds. */
export const defineCommand = <const T extends OptionTable>(command: Command<T>): Command =>
  command as unknown as Command
