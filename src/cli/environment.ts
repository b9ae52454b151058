// The variables of the caller's environment that mean something to tsrunc, and no others: what is not in this table is
// not seen. The packaged executable drops the rest before Bun itself starts, since variables of Bun's can make another
// program of it; under Node only the table counts.

export const VARIABLES = ['LISTEN_FDS', 'LISTEN_PID', 'XDG_RUNTIME_DIR'] as const
type Variable = (typeof VARIABLES)[number]

export const callerEnvironment = (all: NodeJS.ProcessEnv): Readonly<Partial<Record<Variable, string>>> =>
  Object.fromEntries(VARIABLES.flatMap(name => (all[name] === undefined ? [] : [[name, all[name]]])))
