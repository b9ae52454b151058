// What a process does before it becomes a snapshot (snapshot.ts): it loads every module and takes containers through
// their life, as the command line does, so that what a command costs at its first time has been paid. A step that fails
// (no right to make containers, say) leaves the snapshot colder, and no more.
import { basename } from 'node:path'
import { COMMANDS, loadCommand } from './commands.ts'
import { main } from './main.ts'
import '../runtime/all-parts.ts'

const ROUNDS = 2

/** `directory` has a bundle whose program ends by itself; the state of the containers goes into it, too. */
export async function warmUp(directory: string): Promise<void> {
  for (const name of Object.keys(COMMANDS)) await loadCommand(name)
  const name = basename(directory) // a cgroup is called so, too
  const root = ['--root', `${directory}/root`]
  for (let round = 0; round < ROUNDS; round++) {
    for (const command of [
      ['create', '--bundle', directory, '--pid-file', `${directory}/pid`, name],
      ['state', name],
      ['list'],
      ['start', name],
      ['delete', '--force', name],
      ['create', '--bundle', directory, name],
      ['kill', name, 'KILL'],
      ['delete', '--force', name],
      ['state', name],
      ['run', '--bundle', directory, name],
    ])
      await main([...root, ...command])
  }
}
