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
  runc: [
    { failure: /ETIMEDOUT/, section: /^hardening/, reason: 'newer ones in a slow VM: longer than a command may take' },
    { section: /network-devices$/, reason: 'not in 1.1: the property came with 1.4' },
    {
      failure: /must fail/,
      section: / (memory|cpu|network|block-io)$/,
      reason: 'their choice: what v2 has not is ignored',
    },
  ],
  crun: [
    {
      section: /network-devices$/,
      reason: 'not in 1.8: the property is younger; in 1.28 hooks come before the devices, and less is an error',
    },
    {
      failure: /setrlimit \(RLIM_MEMLOCK\): Operation not permitted/,
      reason: 'the machine: root may not raise the limit of locked memory, as crun does for device rules',
    },
    { section: /^runc: /, reason: 'their choice: texts, tables and flags of its own' },
    {
      failure: /^something was left behind[^/]*(cgroup \/sys\/fs\/cgroup\/\S+\s*\+?\s*)+\] - \[\]$/,
      reason: 'their bug in 1.8: a create that fails leaves its cgroup',
    },
    {
      failure: /exit status null, stderr: null|exit code: -33|Broken pipe/,
      reason: 'their bug: dies of SIGPIPE, or hands it on, when a hook leaves its stdin unread',
    },
    { failure: /must say why it fails/, section: /namespace/, reason: 'their bug in 1.8: fails without a word' },
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
    '--pidfd-socket leads to nothing: an error, and nothing is left': 'newer ones: leave the state behind',
    '--pidfd-socket leads to a directory: an error, and nothing is left': 'newer ones: leave the state behind',
    '--pidfd-socket leads to a file: an error, and nothing is left': 'newer ones: leave the state behind',
    '--pidfd-socket leads to a dangling link: an error, and nothing is left': 'newer ones: leave the state behind',
    '--pidfd-socket leads to a link to itself: an error, and nothing is left': 'newer ones: leave the state behind',
    'without capabilities in the config the program has none': 'newer ones: root keeps what the runtime has',
    'a link in any component leads to a place inside': 'newer ones: the links of /dev are not made where it is a link',
    'a thousand startContainer hooks in one list all run': 'newer ones in a slow VM: longer than is waited for',
    'a mount for an owner who is not mapped is refused': 'newer ones: another text',
    'of two creates of one id at the same time exactly one succeeds':
      'their bug in 1.1: looks for the directory, then makes it; both may get through',
    'poststart hooks run after the program was started': 'their bug up to 1.4: run at the end of create',
    'a failing poststart hook fails start and stops the container': 'as above: it fails create',
    'a failing startContainer hook fails start and the program does not run':
      'their choice: start returns when the gate is open and never hears of it',
    'a failing poststop hook is no error, and those behind it run': 'their bug: the first failure ends the list',
    'asked for and not there is an error: none of them':
      'their bug: gives descriptors of its own in the place of those (opencontainers/runc#5474)',
    'asked for and not there is an error: the last one': 'as above',
    'asked for and not there is an error: one in between': 'as above',
    'fewer sockets than systemd has promised is an error': 'as above',
    'start waits until the service manager has read all': 'not in 1.1: came with 1.2',
    'hooks do not get what is meant for the program': 'their bug: those inside the container do',
    'the names of the sockets of systemd are handed on': 'their choice: only their number',
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
    'the policies of fair sharing are had with their nice value': 'not in 1.1: the property came with 1.2',
    'the real-time policies are had with their priority': 'as above',
    'a deadline is had with its three times': 'as above',
    'the flag to reset on fork is kept, and what the program starts has the usual policy': 'as above',
    'a real-time policy is had in a user namespace as well': 'as above',
    'a scheduler that contradicts itself, or that no kernel has, is an error': 'as above',
    'the affinity of the caller is none of the container’s business': 'up to 1.3 it was',
    'a deadline beside a cpuset that is not every CPU says so': 'as above',
    'I/O priorities of each class': 'as above',
    'an I/O priority of no class or no level is an error': 'as above',
    'execCPUAffinity means nothing to the first process, but is looked at': 'not in 1.1: the property came with 1.3',
    'each mode is had, with its nodes and flags': 'not in 1.1: the property came with 1.4',
    'a policy that contradicts itself, or names what is not there, is an error': 'as above',
    'LINUX32 is seen by uname, LINUX is the usual machine': 'not in 1.1: the property came with 1.2',
    'another domain, or a flag, is an error': 'as above',
    'a capability that cannot be granted is a warning, and the container runs without it':
      'their choice: an error, where the spec asks for a warning',
    'capabilities that exclude each other are left out with a warning': 'as above',
    'a type that is given twice is an error': 'their choice: the last one counts',
    'a program that is without its interpreter: the text that engines make 127 and 127 of':
      'their choice: start returns when the gate is open and never hears of it',
    'a program that is no program: the text that engines make 128 and 126 of': 'as above',
    'a bind without a source is an error': 'their choice: the bundle is bound',
    'nothing but a proc may be mounted on /proc, and hardly anything below': 'their bug in 1.1: looks at binds alone',
    'options that cannot be seen, or are so by default, are no data of the file system':
      'their bug in 1.1: hands "defaults" on as data',
    'a bind takes away what its source has, and nothing else':
      'their bug in 1.1: a bind is changed only where a flag is to be set',
    'an r-option takes away what all mounts of the tree have': 'as above: ratime does not clear what it replaces',
    'paths up to the limit of the kernel work, beyond it they are an error':
      'their choice: uses the paths of the host, which are longer',
    'idmap: the owners are those of the mappings of the mount': 'not in 1.1: id-mapped mounts came with 1.2',
    'idmap: users and groups have maps of their own': 'as above',
    'idmap: what is written has the owner that maps to it': 'as above',
    'idmap: in a user namespace the mappings of the mount are those of the host': 'as above',
    'idmap: without mappings the container has the owners that the host has': 'as above',
    'idmap: mappings alone, without the option, are applied': 'as above',
    'ridmap holds for all mounts of the tree, idmap for one': 'as above',
    'idmap goes with what else is asked for': 'as above',
    'a file system that cannot be id-mapped, or a mount that is no bind, is an error': 'as above',
    'the mappings can be given with the option, and relative to the container': 'an option that only crun has',
    'what the host has set on a source, a user namespace cannot take away':
      'their bug: what the config makes read-only can be made writable again',
    'tmpcopyup: the tmpfs begins with what it covers, and is not it': 'their bug: the copy loses S_ISGID',
    'tmpcopyup: special files are copied, too':
      'their bug: the copy of a pipe is not made, and its owner cannot be set',
    'an errno with an action that has none is an error': 'their choice: the number is ignored',
    'a rule without names is an error': 'their choice: such a rule does nothing',
    'flags are accepted': 'not in 1.1: flags came with 1.2',
    'listenerMetadata without listenerPath is an error': 'their choice: it is ignored',
    'a file in the way that is not the device is an error': 'their bug: takes whatever is there for the device',
    'what is no device is an error': 'their choice: takes what is missing for 0',
    "in a user namespace the host's device of that path serves":
      'their bug in 1.1: wants to bind a fifo from the host, too',
    'with the /dev of the host nothing is added to it, but a device elsewhere is made':
      'their choice: makes no device at all where /dev is a bind mount',
    'a rule that names no access is about every access': 'their choice: an error',
    'a group with processes of others is no place for a container': 'not in 1.1: a warning',
    'a writable group of v2 belongs to the user of the program, but for its limits': 'their choice: with systemd alone',
    'in a user namespace it belongs to who that user is on the host, and can be used': 'as above',
    'cpu: burst': 'not in 1.1: the property came with 1.2',
    'cpu: idle': 'as above',
    'cpu: what the kernel refuses is an error': 'as above: burst',
    'pids: 0 is a limit': 'their choice: 0 is not set',
    'huge-page-limits: a limit is one of reservations too':
      'their choice: uses no controller of the v2 tree where there is v1 beside it',
    'memory: a limit of kernel TCP memory is set on v1 and refused on v2': 'their choice: ignored with a warning',
    'block-io: a weight out of range, or an entry without one, is an error':
      'their choice: takes what is missing for 0',
    'without resctrl it is an error to ask for it': 'their bug in 1.1: enableMonitoring and schemata are not known',
    'a line feed in a schema is an error': 'as above',
    'names that no group can have are errors': 'their choice: the kernel is to refuse them, and is not asked here',
  },
  crun: {
    'a config without a process makes no container that could be started': 'newer ones: start succeeds',
    'a major version of the specification that nobody knows is an error': 'newer ones: never look at it',
    'memory: checkBeforeUpdate and useHierarchy are accepted': 'their choice: useHierarchy is an error on v2',
    'each mount option is accepted': 'newer ones: rdiratime does not clear what it replaces',
    'a thousand startContainer hooks in one list all run': 'newer ones in a slow VM: longer than is waited for',
    'a link in any component leads to a place inside': 'their choice: what a link leads to must be there',
    'a tmpfs shows the mode of the directory that it covers, unless told': 'not in 1.8: shows the mode of any tmpfs',
    'tmpcopyup: the tmpfs begins with what it covers, and is not it': 'as above',
    'options of a mount, on a new file system': 'not in 1.8: nosymfollow is data of the file system',
    'options of a mount, on a bind, and its source keeps its own': 'as above',
    'options that cannot be seen, or are so by default, are no data of the file system':
      'as above: iversion and others',
    'a bind takes away what its source has, and nothing else': 'their bug: takes away what the config does not name',
    'what the host has set on a source, a user namespace cannot take away':
      'their bug: mounts that are moved in have their flags open',
    'an r-option holds for all mounts of the tree': 'their bug in 1.8: rnoatime does not clear what it replaces',
    'an r-option takes away what all mounts of the tree have': 'as above',
    'of two that disagree the later one counts': 'their bug: rw does not take ro back',
    'propagation of a bind and, with r, of what lies below': 'their bug: all forms hold for the whole tree',
    'ridmap holds for all mounts of the tree, idmap for one': 'their bug: idmap holds for the whole tree',
    'the mappings can be given with the option, and relative to the container':
      'their bug: the range is found by the id of the file system, not by that of the container',
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
    'the policies of fair sharing are had with their nice value': 'not in 1.8: the property is younger',
    'the affinity of the caller is none of the container’s business': 'up to 1.8 it was',
    'the real-time policies are had with their priority': 'as above',
    'a deadline is had with its three times': 'as above',
    'the flag to reset on fork is kept, and what the program starts has the usual policy': 'as above',
    'a real-time policy is had in a user namespace as well': 'as above',
    'a scheduler that contradicts itself, or that no kernel has, is an error': 'as above',
    'I/O priorities of each class': 'not in 1.8: the property is younger',
    'an I/O priority of no class or no level is an error': 'as above',
    'execCPUAffinity means nothing to the first process, but is looked at': 'not in 1.8: the property is younger',
    'each mode is had, with its nodes and flags': 'not in 1.8: the property is younger',
    'a policy that contradicts itself, or names what is not there, is an error': 'as above',
    'another domain, or a flag, is an error': 'their choice in 1.8: flags are ignored',
    'a label for mounts without SELinux is an error': 'their choice: labels are ignored without SELinux',
    'empty labels ask for nothing': 'their bug: an empty label is written, which the kernel refuses',
    'a capability that nobody knows is a warning, and the container runs without it':
      'their choice: ignored without a word',
    'a capability that cannot be granted is a warning, and the container runs without it':
      'their choice: an error, where the spec asks for a warning',
    'capabilities that exclude each other are left out with a warning': 'as above',
    'a type that is given twice is an error': 'their choice: the last one counts',
    'a variable without "=" is an error': 'their choice: handed on as it is',
    'SCMP_ACT_ERRNO gives EPERM, or errnoRet': 'their bug from 1.9 on: the cache of filters does not look at errnoRet',
    'an errno with an action that has none is an error':
      'their bug from 1.9 on: not looked at where a filter is cached',
    'a rule without names is an error': 'their choice: such a rule does nothing',
    'the message is a container process state': 'their bug: says that it follows version 0.2.0',
    'listenerPath is ignored where nothing is notified': 'their bug: connects always',
    'listenerMetadata without listenerPath is an error': 'their choice: it is ignored',
    'a file in the way that is not the device is an error': 'their bug: takes whatever is there for the device',
    'what is no device is an error': 'their choice: takes what is missing for 0',
    "in a user namespace the host's device of that path serves": 'their bug in 1.8: a fifo gets no mode',
    'with the /dev of the host nothing is added to it, but a device elsewhere is made':
      'their choice: makes no device at all where /dev is a bind mount',
    'without a rule only the default devices may be used': 'their choice: without rules everything is allowed',
    'a rule that names no access is about every access': 'their bug in 1.28: about none',
    'a rule that says not whether it allows is an error': 'their choice: takes what is missing for false',
    'a type that is none is an error': 'their choice: unknown names are ignored',
    'dots lead not out of the mount point': 'their bug in 1.8: looks for controllers above the mount point',
    'a group with processes of others is no place for a container': 'their choice: never looks at it',
    'a frozen group is no place for a container': 'as above: waits for ever',
    'a writable group of v2 belongs to the user of the program, but for its limits':
      'their choice: to root of the container, whoever the user',
    'in a user namespace it belongs to who that user is on the host, and can be used': 'as above',
    'memory: kernel memory without a limit is nothing to refuse': 'their choice: refuses whatever the value',
    'memory: a limit that is no number is an error': 'their choice: what is of the wrong type is taken as absent',
    'pids: 0 is a limit': 'their choice: 0 is not set',
    'huge-page-limits: a limit is one of reservations too': 'their choice: limits use alone',
    'rdma: limits of a device': 'their choice: ignored',
    'without resctrl it is an error to ask for it': 'their bug in 1.8: enableMonitoring and schemata are not known',
    'a line feed in a schema is an error': 'as above',
    'a memory bandwidth schema that does not begin with MB: is an error': 'their bug in 1.8: never looks at it',
    'names that no group can have are errors': 'as above',
  },
  tsrunc: {},
}
