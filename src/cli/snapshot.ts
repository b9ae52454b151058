// The executable's start without a start: when it is built it is run once as far as a first command would get, stops,
// and its memory becomes a part of the file (src/dev/snapshot). Each later process goes on from there: with all modules
// loaded, all functions called once, the C library bound. What it took from the process that was is put right here;
// nothing else of a process may be kept in the state of modules. Where no snapshot fits, the engine starts as usual.
import { readFileSync, readlinkSync } from 'node:fs'
import { RLIMIT, rlimit64 } from '../abi/resource.ts'
import { SIG_DFL, sigaction } from '../abi/sigaction.ts'
import { SIG } from '../abi/signal.ts'
import { processCalls } from '../host/libc-processes.ts'
import { signalCalls } from '../host/libc-signals.ts'
import { LIMIT_VARIABLE, limitDigits } from './descriptor-limit.ts'
import { VARIABLES } from './environment.ts'
import { noteSnapshot } from './version.ts'
import { warmUp } from './warm-up.ts'

/** Set for the process that becomes the snapshot: a directory for what it does to get warm. */
export const SNAPSHOT_VARIABLE = 'SNAPSHOT_FROM'

/** Returns in a process that goes on from the snapshot; the one that is it stands still until it is killed. */
export async function becomeSnapshot(directory: string): Promise<void> {
  await warmUp(directory)
  const handlers = handledSignals()
  const pid = ownPid()
  processCalls.kill(pid, SIG.SIGSTOP)
  const properties = { pid: ownPid(), cwd: () => readlinkSync('/proc/self/cwd') } // both kept by the engine
  for (const [name, value] of Object.entries(properties)) Object.defineProperty(process, name, { value })
  for (const [signal, action] of handlers) signalCalls.sigaction(signal, action, null)
  takeArguments()
  raiseDescriptorLimit()
  noteSnapshot()
}

const ownPid = (): number => Number(processCalls.getpid())

/** The engine's own. */
function handledSignals(): [number, Uint8Array][] {
  const found: [number, Uint8Array][] = []
  for (let signal = 1; signal <= SIG.SIGRTMAX; signal++) {
    if (signal === SIG.SIGKILL || signal === SIG.SIGSTOP || signal === 32 || signal === 33) continue
    const action = new Uint8Array(sigaction.size)
    signalCalls.sigaction(signal, null, action)
    if (new DataView(action.buffer).getBigUint64(sigaction.offset('handler'), true) !== SIG_DFL)
      found.push([signal, action])
  }
  return found
}

/** proc_pid_cmdline(5), proc_pid_environ(5) */
function takeArguments(): void {
  const words = (file: string): string[] => readFileSync(`/proc/self/${file}`, 'utf8').split('\0').slice(0, -1)
  process.argv = [process.execPath, process.argv[1] ?? '', ...words('cmdline').slice(1)]
  for (const name of Object.keys(process.env)) delete process.env[name]
  for (const setting of words('environ')) {
    const [name = ''] = setting.split('=', 1)
    if ((VARIABLES as readonly string[]).includes(name)) process.env[name] ??= setting.slice(name.length + 1)
  }
}

/** As the engine does it at its start, and with a note of what it was. */
function raiseDescriptorLimit(): void {
  const limit = new Uint8Array(rlimit64.size)
  processCalls.prlimit(0, RLIMIT.values.RLIMIT_NOFILE, null, limit)
  const { rlim_cur, rlim_max } = rlimit64.decode(limit)
  process.env[LIMIT_VARIABLE] = limitDigits(rlim_cur)
  if (rlim_cur < rlim_max)
    processCalls.prlimit(0, RLIMIT.values.RLIMIT_NOFILE, rlimit64.encode({ rlim_cur: rlim_max, rlim_max }), null)
}
