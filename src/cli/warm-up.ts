// What a process does before it becomes a snapshot (snapshot.ts): it loads every module and takes containers through
// their life, as the command line does, so that what a command costs at its first time has been paid. A step that fails
// (no right to make containers, say) leaves the snapshot colder, and no more.
import { COMMANDS, loadCommand } from './commands.ts'
import { main } from './main.ts'
import '../runtime/all-parts.ts'

const ROUNDS = 3
const NAME = 'warm-up'

/** `directory` has a bundle whose program ends by itself; the state of the containers goes into it, too. */
export async function warmUp(directory: string): Promise<void> {
  for (const name of Object.keys(COMMANDS)) await loadCommand(name)
  const root = ['--root', `${directory}/root`]
  for (let round = 0; round < ROUNDS; round++) {
    for (const command of [
      ['create', '--bundle', directory, '--pid-file', `${directory}/pid`, NAME],
      ['state', NAME],
      ['list'],
      ['start', NAME],
      ['kill', NAME, 'KILL'],
      ['delete', '--force', NAME],
      ['delete', '--force', NAME],
      ['state', NAME],
      ['run', '--bundle', directory, NAME],
    ])
      await main([...root, ...command])
  }
}
