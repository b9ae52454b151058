// The executable's start without a start: when it is built it is run once as far as a first command would get, stops,
// and its memory becomes a part of the file (src/dev/snapshot). Each later process goes on from there: with all modules
// loaded, all functions called once, the C library bound. What it took from the process that was is put right here;
// nothing else of a process may be kept in the state of modules. Where no snapshot fits, the engine starts as usual.
import { readFileSync, readlinkSync } from 'node:fs'
import { engineHandlers, raiseDescriptorLimit, standStill } from '../runtime/standstill.ts'
import { LIMIT_VARIABLE, limitDigits } from './descriptor-limit.ts'
import { VARIABLES } from './environment.ts'
import { noteSnapshot } from './version.ts'
import { warmUp } from './warm-up.ts'

/** Set for the process that becomes the snapshot: a directory for what it does to get warm. */
export const SNAPSHOT_VARIABLE = 'SNAPSHOT_FROM'

/** Returns in a process that goes on from the snapshot; the one that is it stands still until it is killed. */
export async function becomeSnapshot(directory: string): Promise<void> {
  const handlers = engineHandlers()
  await warmUp(directory)
  const properties = { pid: standStill(handlers), cwd: () => readlinkSync('/proc/self/cwd') } // both kept by the engine
  for (const [name, value] of Object.entries(properties)) Object.defineProperty(process, name, { value })
  takeArguments()
  process.env[LIMIT_VARIABLE] = limitDigits(raiseDescriptorLimit())
  noteSnapshot()
}

/** proc_pid_cmdline(5), proc_pid_environ(5) */
function takeArguments(): void {
  const words = (file: string): string[] => readFileSync(`/proc/self/${file}`, 'utf8').split('\0').slice(0, -1)
  process.argv = [process.execPath, process.argv[1] ?? '', ...words('cmdline').slice(1)]
  for (const name of Object.keys(process.env)) delete process.env[name]
  for (const setting of words('environ')) {
    if (!setting.includes('=')) continue
    const [name = ''] = setting.split('=', 1)
    if ((VARIABLES as readonly string[]).includes(name)) process.env[name] ??= setting.slice(name.length + 1)
  }
}
