// Demands of config.md, without those for other platforms.
import { mute, type Requirement, shown } from '../requirement.ts'

const ROOT = 'config.md root'
const MOUNTS = 'config.md mounts'
const OPTIONS = 'config.md linux-mount-options'
const PROCESS = 'config.md process'
const POSIX = 'config.md posix-process'
const LINUX = 'config.md linux-process'
const HOOKS = 'config.md posix-platform-hooks'
const ANNOTATIONS = 'config.md annotations'

const MISSING = 'required properties that are missing are errors'
const MISSING_OF_LISTS = 'required properties of lists that are missing are errors'
const TYPES = 'values of the wrong type are errors'
const ORDER = 'the hooks before start run in order, each list as listed'

const outside = (kind: string): string => `the path of ${kind} hooks is looked up outside of the container`
const ofRuntime = (kind: string): string => `${kind} hooks run in the namespaces of the runtime`
const ofContainer = (kind: string): string => `${kind} hooks run in the namespaces of the container`
const beforePivot = (kind: string): string => `${kind} hooks find the mounts made and the root not yet entered`

const NEW = 'options of a mount, on a new file system'
const UNSEEN = 'options that cannot be seen, or are so by default, are no data of the file system'
const BIND = 'bind shows one mount, rbind those below it, too'
const PROPAGATION = 'propagation of a bind and, with r, of what lies below'

/** Each option of the table that MUST be there. */
const MOUNT_OPTIONS: Readonly<Record<string, string>> = {
  async: UNSEEN,
  atime: NEW,
  bind: BIND,
  defaults: UNSEEN,
  dev: 'a bind takes away what its source has, and nothing else',
  diratime: NEW,
  dirsync: NEW,
  exec: 'a bind takes away what its source has, and nothing else',
  iversion: UNSEEN,
  lazytime: NEW,
  loud: UNSEEN,
  noatime: NEW,
  nodev: NEW,
  nodiratime: NEW,
  noexec: NEW,
  noiversion: UNSEEN,
  nolazytime: UNSEEN,
  norelatime: UNSEEN,
  nostrictatime: UNSEEN,
  nosuid: NEW,
  private: PROPAGATION,
  rbind: BIND,
  relatime: NEW,
  remount: 'remount changes what is mounted already',
  ro: NEW,
  rprivate: PROPAGATION,
  rshared: PROPAGATION,
  rslave: PROPAGATION,
  runbindable: PROPAGATION,
  rw: 'a bind takes away what its source has, and nothing else',
  shared: PROPAGATION,
  silent: UNSEEN,
  slave: PROPAGATION,
  strictatime: NEW,
  suid: 'a bind takes away what its source has, and nothing else',
  sync: NEW,
  unbindable: PROPAGATION,
}

const ofHooks = (kind: string, section: string, how: 'runtime' | 'container', more: readonly Requirement[]) => [
  shown(section, `${kind}: the path is looked up in the namespaces of the runtime`, outside(kind)),
  shown(section, `${kind}: they run in those of the ${how}`, how === 'runtime' ? ofRuntime(kind) : ofContainer(kind)),
  ...more,
]

export const CONFIG_REQUIREMENTS: readonly Requirement[] = [
  shown(
    'config.md specification-version',
    'ociVersion is there and a SemVer 2.0.0',
    'an ociVersion that is missing or no version is an error',
    'later minor versions of the specification are accepted',
    'a major version of the specification that nobody knows is an error',
  ),

  shown(ROOT, 'root is there', 'a config without root, or with an empty path, is an error'),
  shown(ROOT, 'root.path is there', 'a config without root, or with an empty path, is an error'),
  shown(
    ROOT,
    'a directory is there',
    'a rootfs that does not exist, or is a file, is an error',
    'a relative path is looked up in the bundle, by whatever way',
    'an absolute root.path works',
  ),
  shown(
    ROOT,
    'with readonly the root is read-only inside',
    'a read-only root cannot be written to, mounts in it can',
    'a root is writable when nothing else is said',
  ),

  shown(
    MOUNTS,
    'mounts are made in the listed order',
    'mounts are made in the listed order',
    'a later mount covers what an earlier one made below it',
  ),
  shown(MOUNTS, 'a mount has a destination', MISSING),
  shown(MOUNTS, 'a relative destination is one below /', 'a destination that is relative is one below /'),
  ...Object.entries(MOUNT_OPTIONS).map(([option, name]) => shown(OPTIONS, `the option ${option}`, name)),
  shown(
    OPTIONS,
    'with idmap a mount has mapped ids',
    'idmap: the owners are those of the mappings of the mount',
    'idmap: what is written has the owner that maps to it',
  ),
  shown(
    OPTIONS,
    'idmap takes the mappings of the mount',
    'idmap: the owners are those of the mappings of the mount',
    'idmap: users and groups have maps of their own',
  ),
  shown(
    OPTIONS,
    'idmap without mappings, and without a user namespace, is an error',
    'idmap or ridmap without any mappings is an error',
  ),
  shown(
    OPTIONS,
    'with ridmap all mounts of the tree have mapped ids',
    'ridmap holds for all mounts of the tree, idmap for one',
  ),
  shown(OPTIONS, 'ridmap takes the mappings of the mount', 'ridmap holds for all mounts of the tree, idmap for one'),
  shown(
    OPTIONS,
    'ridmap without mappings, and without a user namespace, is an error',
    'idmap or ridmap without any mappings is an error',
  ),
  shown(
    'config.md posix-platform-mounts',
    'uidMappings come with gidMappings',
    'mappings of a mount for users or for groups alone are an error',
  ),
  shown(
    'config.md posix-platform-mounts',
    'gidMappings come with uidMappings',
    'mappings of a mount for users or for groups alone are an error',
  ),

  shown(
    PROCESS,
    'process is there when start is called',
    'a config without a process makes no container that could be started',
  ),
  shown(PROCESS, 'consoleSize is ignored without a terminal', 'consoleSize is ignored without a terminal'),
  shown(PROCESS, 'consoleSize has a height', 'the terminal has the size of the config'),
  shown(PROCESS, 'consoleSize has a width', 'the terminal has the size of the config'),
  shown(PROCESS, 'cwd is there', MISSING),
  shown(PROCESS, 'cwd is absolute', 'process.cwd must be absolute'),
  shown(
    PROCESS,
    'args has at least one entry, which is looked up as execvp does',
    'process.args must not be empty',
    'a name with a slash is a path, relative to the working directory',
    'a name without a slash is looked for in PATH of process.env, in its order',
  ),

  shown(POSIX, 'a limit has a type', MISSING_OF_LISTS),
  shown(
    POSIX,
    'a type that means nothing to the kernel is an error',
    'a type of limit that the kernel does not have is an error',
  ),
  shown(POSIX, 'getrlimit works for each type that is given', 'each limit of getrlimit is set, soft and hard'),
  shown(POSIX, 'a limit has a soft value', MISSING_OF_LISTS),
  shown(POSIX, 'the soft limit is the given one', 'each limit of getrlimit is set, soft and hard'),
  shown(POSIX, 'a limit has a hard value', MISSING_OF_LISTS),
  shown(POSIX, 'the hard limit is the given one', 'each limit of getrlimit is set, soft and hard'),
  shown(POSIX, 'a type that is given twice is an error', 'a type that is given twice is an error'),

  shown(
    LINUX,
    'a capability that is unknown or cannot be granted is a warning',
    'a capability that nobody knows is a warning, and the container runs without it',
    'a capability that cannot be granted is a warning, and the container runs without it',
  ),
  shown(LINUX, 'oomScoreAdj is set when given', 'oomScoreAdj is set when it is given, and left alone when not'),
  shown(LINUX, 'oomScoreAdj is left alone when not', 'oomScoreAdj is set when it is given, and left alone when not'),
  shown(LINUX, 'a scheduler has a policy', 'a scheduler that contradicts itself, or that no kernel has, is an error'),
  shown(
    LINUX,
    'a scheduler has 0 for what is not given',
    'the policies of fair sharing are had with their nice value',
    'the real-time policies are had with their priority',
  ),
  shown(
    LINUX,
    'an ioPriority has a class',
    'I/O priorities of each class',
    'an I/O priority of no class or no level is an error',
  ),
  shown(
    LINUX,
    'an ioPriority has a priority',
    'I/O priorities of each class',
    'an I/O priority of no class or no level is an error',
  ),
  shown(
    'config.md posix-platform-user',
    'a user has a uid in the container',
    'the program has the ids and groups of the config, seen from inside and from outside',
  ),
  shown(
    'config.md posix-platform-user',
    'a user has a gid in the container',
    'the program has the ids and groups of the config, seen from inside and from outside',
  ),

  shown(HOOKS, 'a hook has a path', MISSING_OF_LISTS),
  shown(HOOKS, 'the path is absolute', 'a relative path of a hook is an error, of whatever kind'),
  shown(
    HOOKS,
    'a timeout is greater than zero',
    'a timeout that is not above zero is an error, of whatever kind',
    'a hook that outlives its timeout is killed and fails',
  ),
  shown(HOOKS, 'hooks are called in the listed order', ORDER),
  shown(HOOKS, 'the state is on their stdin', 'hooks get the state on stdin'),

  ...ofHooks('prestart', 'config.md prestart', 'runtime', [
    shown('config.md prestart', 'they run in create, before the root is entered', beforePivot('prestart')),
    shown('config.md prestart', 'they run before createRuntime hooks', ORDER),
  ]),
  ...ofHooks('createRuntime', 'config.md createruntime-hooks', 'runtime', [
    shown(
      'config.md createruntime-hooks',
      'they run in create, before the root is entered',
      beforePivot('createRuntime'),
      'the pid given to createRuntime is in its final namespaces',
    ),
  ]),
  ...ofHooks('createContainer', 'config.md createcontainer-hooks', 'container', [
    shown(
      'config.md createcontainer-hooks',
      'they run in create, before the root is entered',
      beforePivot('createContainer'),
    ),
    shown('config.md createcontainer-hooks', 'they run after createRuntime hooks', ORDER),
  ]),
  shown(
    'config.md startcontainer-hooks',
    'they run in start, before the program',
    'startContainer hooks run at start, not before',
  ),
  shown(
    'config.md startcontainer-hooks',
    'the path is looked up in the namespaces of the container',
    'the path of startContainer hooks is looked up inside of the container',
  ),
  shown('config.md startcontainer-hooks', 'they run in those of the container', ofContainer('startContainer')),
  ...ofHooks('poststart', 'config.md poststart', 'runtime', [
    shown(
      'config.md poststart',
      'they run after the program has begun and before start returns',
      'start returns after the poststart hooks',
      'poststart hooks run after the program was started',
    ),
  ]),
  ...ofHooks('poststop', 'config.md poststop', 'runtime', [
    shown(
      'config.md poststop',
      'they run after the container is deleted and before delete returns',
      'delete returns after the poststop hooks, and they find nothing of the container',
    ),
  ]),

  shown(ANNOTATIONS, 'annotations are a map', TYPES),
  shown(ANNOTATIONS, 'keys are texts', 'any text is kept, of whatever key'),
  shown(ANNOTATIONS, 'keys are not empty', 'an empty key is an error'),
  mute(ANNOTATIONS, 'keys of org.opencontainers are used as described', 'a demand on who writes configs'),
  mute(ANNOTATIONS, 'later specifications use no other keys of org.opencontainers', 'a demand on specifications'),
  shown(ANNOTATIONS, 'unknown keys are handled like unknown properties', 'any text is kept, of whatever key'),
  shown(ANNOTATIONS, 'values are texts', 'a value that is no text is an error'),

  shown(
    'config.md extensibility',
    'unknown properties are ignored',
    'unknown properties are ignored',
    'unknown properties are ignored at every level, whatever they hold',
    'sections of other platforms are ignored',
  ),
  shown(
    'config.md valid-values',
    'values that are invalid or not supported are errors',
    TYPES,
    'numbers that do not fit are errors',
    'an oomScoreAdj beyond what the kernel takes is an error',
    'names out of no list are errors',
    MISSING,
    MISSING_OF_LISTS,
  ),
]
