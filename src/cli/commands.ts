// Every command of the dialect and the file that has it; a file is loaded when its command is asked for.
import { UsageError } from '../errors.ts'
import type { Command } from './command.ts'

type Loader = () => Promise<Command>

const later =
  (name: string): Loader =>
  async () => {
    const { notImplemented } = await import('./commands/not-implemented.ts')
    return notImplemented(name)
  }

export const COMMANDS = {
  create: async () => (await import('./commands/create.ts')).create,
  start: async () => (await import('./commands/start.ts')).start,
  state: async () => (await import('./commands/state.ts')).state,
  kill: async () => (await import('./commands/kill.ts')).kill,
  delete: async () => (await import('./commands/delete.ts')).remove,
  run: async () => (await import('./commands/run.ts')).run,
  list: async () => (await import('./commands/list.ts')).list,
  spec: async () => (await import('./commands/spec.ts')).spec,
  features: async () => (await import('./commands/features.ts')).features,
  plan: async () => (await import('./commands/plan.ts')).plan,
  exec: later('exec'),
  ps: later('ps'),
  pause: later('pause'),
  resume: later('resume'),
  update: later('update'),
  events: later('events'),
  checkpoint: later('checkpoint'),
  restore: later('restore'),
} as const satisfies Record<string, Loader>

export async function loadCommand(name: string): Promise<Command> {
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new UsageError(`"${name}" is not a command`, { hint: 'see tsrunc --help' })
  }
  return COMMANDS[name as keyof typeof COMMANDS]() // hasOwn above
}
