// From argv to an exit status: global flags, the log, one command, the report of what went wrong. Commands are loaded
// one at a time and load the runtime's verbs themselves; help.ts comes in only when asked for.
import { UnsupportedError, UsageError } from '../errors.ts'
import type { Runtime } from '../runtime/store.ts'
import { parseArguments, type Values } from './arguments.ts'
import type { Command } from './command.ts'
import { loadCommand } from './commands.ts'
import { callerEnvironment } from './environment.ts'
import { type Log, openLog, report, reportWarnings, stderrLog, warn } from './log.ts'
import { GLOBAL, HELP } from './options.ts'
import { printLine } from './output.ts'
import { absolute } from './paths.ts'
import type { Scene } from './report.ts'
import { versionText } from './version.ts'

type Globals = Values<typeof GLOBAL>

const FAILURE = 1

function checkOperands(command: Command, found: number): void {
  const [least, most] = command.operands
  if (found >= least && found <= most) return
  const allowed = least === most ? `exactly ${least}` : found < least ? `a minimum of ${least}` : `a maximum of ${most}`
  throw new UsageError(`"${command.name}" requires ${allowed} argument(s)`, {
    hint: `usage: tsrunc ${command.name} [options] ${command.usage}`.trimEnd(),
  })
}

/** Only where a cgroup is made: later commands find the manager in the container's state, and engines send the flag
 * with all of them. */
function checkCgroupManager(command: Command, globals: Globals): void {
  if (!command.needsCgroup) return
  const manager = globals['systemd-cgroup'] ? 'systemd' : globals['cgroup-manager']
  if (manager === undefined || manager === 'cgroupfs') return
  const flag = globals['systemd-cgroup'] ? '--systemd-cgroup' : `--cgroup-manager ${manager}`
  throw new UnsupportedError(`${command.name} with ${flag} is not implemented yet`, {
    hint: 'leave the flag out: cgroups are then made through the file system (cgroupfs)',
  })
}

/** What the report of a failure needs, filled in as it becomes known. */
interface Session {
  readonly globals: Globals
  log: Log
  scene: Scene
}

async function openRuntime({ globals, log }: Session): Promise<Runtime> {
  const { openRuntime } = await import('../runtime/store.ts')
  const { root, rootless = 'auto' } = globals
  return openRuntime({
    root: root ? absolute('--root', root) : undefined,
    rootless: rootless === 'auto' ? undefined : rootless === 'true',
    environment: callerEnvironment(process.env),
    warn: problem => warn(problem, log),
  })
}

/** Put in by the build of the executable, which goes without yargs: by command, "" is the program. */
declare const HELP_TEXTS: Readonly<Record<string, string>> | undefined

async function printHelp(command?: Command): Promise<number> {
  if (typeof HELP_TEXTS !== 'undefined') {
    printLine(HELP_TEXTS[command?.name ?? ''] ?? '')
    return 0
  }
  const { commandHelp, globalHelp } = await import('./help.ts')
  printLine(command === undefined ? await globalHelp() : await commandHelp(command))
  return 0
}

async function runCommand(name: string, argv: readonly string[], session: Session): Promise<number> {
  const command = await loadCommand(name)
  session.scene = { ...session.scene, command: name, startsProcess: command.startsProcess ?? false }
  const { values, operands, problem } = parseArguments({ ...command.options, ...HELP }, argv, command.stopAtOperand)
  if (values.help && !command.notImplemented) return printHelp(command)
  if (problem !== undefined) throw problem
  if (!values.help) checkOperands(command, operands.length)
  checkCgroupManager(command, session.globals)
  return command.run({ values, operands, openRuntime: () => openRuntime(session) })
}

async function dispatch(operands: readonly string[], session: Session): Promise<number> {
  const { globals } = session
  if (globals.version) {
    printLine(versionText())
    return 0
  }
  const [name, ...rest] = operands
  if (globals.help || name === undefined) return printHelp()
  if (name === 'help') return printHelp(rest[0] === undefined ? undefined : await loadCommand(rest[0]))
  return runCommand(name, rest, session)
}

export async function main(argv: readonly string[]): Promise<number> {
  const { values: globals, operands, problem } = parseArguments(GLOBAL, argv, true)
  const session: Session = { globals, log: stderrLog(globals['log-format']), scene: { debug: globals.debug ?? false } }
  const fail = (error: unknown): number => {
    report(error, session.scene, session.log)
    return FAILURE
  }
  process.removeAllListeners('uncaughtException') // of a command before this one (warm-up.ts)
  process.on('uncaughtException', error => process.exit(fail(error)))
  try {
    session.log = openLog(globals.log, session.log)
    if (problem !== undefined) throw problem
    const status = await dispatch(operands, session)
    reportWarnings(session.log)
    return status
  } catch (error) {
    return fail(error)
  }
}
