// What a caller's surroundings may tell tsrunc, and no more. Under Node this table only picks; the packaged executable
// is built with it, so that the rest is gone before Bun itself starts (src/dev/guard.ts).

/** The variables that mean something to us; others are not seen. */
export const VARIABLES = [
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'NOTIFY_SOCKET',
  'USER',
  'XDG_RUNTIME_DIR',
] as const
type Variable = (typeof VARIABLES)[number]

/** argv[0] of the executable, and what it is when the current directory is gone, which Bun would not start in. */
export const NAME = 'tsrunc'
export const NAME_NOWHERE = 'tsrunc, without a current directory'

export const callerEnvironment = (all: NodeJS.ProcessEnv): Readonly<Partial<Record<Variable, string>>> =>
  Object.fromEntries(VARIABLES.flatMap(name => (all[name] === undefined ? [] : [[name, all[name]]])))
