// Cases that a runtime is known to miss, and why. A case that misses without a line here fails the run; a line whose
// case passes is reported, so that it can go.
import type { Case } from './case.ts'

interface Habit {
  /** What the failure says; absent: anything. */
  readonly failure?: RegExp
  /** Of the case; absent: any. */
  readonly section?: RegExp
  readonly reason: string
}

/** What goes wrong in many cases for one reason. */
const HABITS: Readonly<Record<string, readonly Habit[]>> = {
  crun: [
    { section: /^runc: /, reason: 'their choice: texts, tables and flags of its own' },
    {
      failure: /^something was left behind[^/]*(cgroup \/sys\/fs\/cgroup\/\S+\s*\+?\s*)+\] - \[\]$/,
      reason: 'their bug in 1.8: a create that fails leaves its cgroup',
    },
    {
      failure: /the requested cgroup controller `\w+` is not available/,
      reason: 'the machine: v1 holds the controller',
    },
  ],
}

/** Why this failure, or if there is none the success, is known. */
export function missOf(runtime: string, { name, section }: Case, failure: Error | undefined): string | undefined {
  const message = failure?.message.replace(/\s+/g, ' ').trim() ?? ''
  const habit =
    failure &&
    HABITS[runtime]?.find(habit => (habit.failure?.test(message) ?? true) && (habit.section?.test(section) ?? true))
  return MISSES[runtime]?.[name] ?? habit?.reason
}

const MISSES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  runc: {
    'of two creates of one id at the same time exactly one succeeds':
      'their bug in 1.1: looks for the directory, then makes it; both may get through',
    'poststart hooks run after the program was started': 'their bug up to 1.4: run at the end of create',
    'a failing poststart hook fails start and stops the container': 'as above: it fails create',
    'a failing startContainer hook fails start and the program does not run':
      'their choice: start returns when the gate is open and never hears of it',
    'a failing poststop hook is no error, and those behind it run': 'their bug: the first failure ends the list',
    'an ociVersion that is missing or no version is an error': 'their choice: never looks at it',
    'a major version of the specification that nobody knows is an error': 'as above',
    'the domainname is seen inside, and the host keeps its own': 'not in 1.1: the property came with 1.2',
    'a domainname without a uts namespace is an error': 'as above',
    'a domainname of more than 64 bytes is an error': 'as above',
    'the domainname is set in a uts namespace that is joined': 'as above',
    'required properties of lists that are missing are errors': 'their choice: takes what is missing for 0',
    'an empty key is an error': 'their choice: never looks at keys',
    'a masked path below a file is ignored': 'their choice: only a path that is missing is ignored',
    'a masked path that is relative is an error': 'their bug in 1.1: taken as relative to /',
    'a read-only path that is relative is an error': 'as above',
    'the status is creating while create is at work': 'their choice: a container is known when create has ended',
    'a relative path of a hook is an error, of whatever kind': 'their choice: never looks at it',
    'a timeout that is not above zero is an error, of whatever kind': 'as above',
    'shared: the root belongs to a group of its own': 'their bug: the new root is made private behind it',
    'unbindable: the root can be bound nowhere': 'their bug: makes the old root unbindable, then binds from it',
    'the recursive forms of the four are known': 'as above',
    'each mount option is accepted': 'their bug in 1.1: ratime does not clear what it replaces',
    'a time namespace without a path is a new one': 'not in 1.1: time namespaces came with 1.2',
    'a time namespace with a path is joined': 'as above',
    'the clocks are ahead by the offsets of the config': 'as above',
    'offsets may be negative, and left out': 'as above',
    'offsets without a new time namespace are an error': 'as above: offsets are ignored',
    'a user namespace with a path is joined': 'their bug in 1.1: wants mappings for a namespace that has its own',
    'mappings without a user namespace are an error': 'their bug in 1.1: ignores them',
    'a path that is a fifo is an error, and nobody waits for its other end': 'their bug: opens the path without care',
  },
  crun: {
    'process.cwd must be absolute': 'their choice: taken as relative to /',
    'later minor versions of the specification are accepted': 'their bug in 1.8: takes no version above 1.0',
    'kill sends the signal it is told, by name or by number': 'their bug in 1.8: a name in small letters sends nothing',
    'the status is creating while create is at work': 'their choice: a container is known when create has ended',
    'hooks get the state on stdin': 'their choice: no annotations in the state for hooks',
    'a failing startContainer hook fails start and the program does not run':
      'their bug: start returns when the gate is open and never hears of it',
    'a failing createRuntime hook leads to the poststop hooks':
      'their bug: no poststop hooks after a create that fails',
    'a failing poststart hook fails start and stops the container': 'their choice: a warning',
    'a relative path of a hook is an error, of whatever kind': 'their choice: never looks at it',
    'a timeout that is not above zero is an error, of whatever kind': 'as above',
    'an ociVersion that is missing or no version is an error': 'their choice: looks at no more than the beginning',
    'values of the wrong type are errors': 'their choice: what is of the wrong type is taken as absent, or converted',
    'numbers that do not fit are errors': 'as above',
    'names out of no list are errors': 'their choice: unknown names are ignored',
    'required properties that are missing are errors': 'their choice: what is missing is taken for nothing',
    'required properties of lists that are missing are errors': 'as above',
    'an empty key is an error': 'their choice: never looks at keys',
    'a masked path that is relative is an error': 'their choice: taken as relative to /',
    'a masked path below a file is ignored': 'their choice: only a path that is missing is ignored',
    'a read-only path that is relative is an error': 'their choice: taken as relative to /',
    'flags that the mount had before stay': 'their bug in 1.8: the flags of the mount are lost',
    'a time namespace without a path is a new one': 'their bug in 1.8: breaks off',
    'a time namespace with a path is joined': 'as above',
    'the clocks are ahead by the offsets of the config': 'as above',
    'offsets may be negative, and left out': 'as above',
    'offsets without a new time namespace are an error': 'their choice: offsets are ignored',
    'a pid namespace listed twice is an error': 'their choice: the last one counts',
    'a network namespace listed twice is an error': 'their choice: the last one counts',
    'a mount namespace listed twice is an error': 'their choice: the last one counts',
    'a ipc namespace listed twice is an error': 'their choice: the last one counts',
    'a uts namespace listed twice is an error': 'their choice: the last one counts',
    'a user namespace listed twice is an error': 'their choice: the last one counts',
    'a cgroup namespace listed twice is an error': 'their choice: the last one counts',
    'a path that is a fifo is an error, and nobody waits for its other end': 'their bug: opens the path without care',
    'mappings without a user namespace are an error': 'their choice: ignores them',
    'a new user namespace without mappings is an error': 'their choice: maps what it can',
    'the features document': 'not in 1.8: the command came with 1.9',
  },
  tsrunc: {},
}
