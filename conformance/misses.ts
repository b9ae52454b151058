// Cases that a runtime is known to miss, and why. A case that misses without a line here fails the run; a line whose
// case passes is reported, so that it can go.
export const MISSES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  runc: {
    'of two creates of one id at the same time exactly one succeeds':
      'their bug in 1.1: looks for the directory, then makes it; both may get through',
    'poststart hooks run after the program was started': 'their bug up to 1.4: run at the end of create',
    'a failing poststart hook fails start and stops the container': 'as above: it fails create',
    'a failing startContainer hook fails start and the program does not run':
      'their choice: start returns when the gate is open and never hears of it',
    'a failing poststop hook is no error, and those behind it run': 'their bug: the first failure ends the list',
  },
  crun: {},
  tsrunc: {},
}
