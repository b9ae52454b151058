// Demands of runtime.md, runtime-linux.md and bundle.md.
import { mute, type Requirement, shown } from '../requirement.ts'

const BUNDLE = 'bundle.md container-format'
const STATE = 'runtime.md state'
const LIFECYCLE = 'runtime.md lifecycle'
const CREATE = 'runtime.md create'
const START = 'runtime.md start'
const KILL = 'runtime.md kill'
const DELETE = 'runtime.md delete'

const DOCUMENT = 'the document of a created container'
const WANT_AN_ID = 'create, start, kill and delete want an id, create a bundle'
const AS_NEVER_TRIED = /^create fails over .*, and it is as if it had never been tried$/

export const RUNTIME_REQUIREMENTS: readonly Requirement[] = [
  shown(
    BUNDLE,
    'config.json is in the bundle, and has that name',
    'a bundle that does not exist, or has no config.json, is an error',
  ),
  shown(BUNDLE, 'the root filesystem is there', 'a rootfs that does not exist, or is a file, is an error'),

  shown(
    'runtime.md scope-of-a-container',
    'who creates a container can use every operation on it',
    'every operation works in another process than create',
  ),

  shown(STATE, 'ociVersion is a version of the specification', DOCUMENT),
  shown(STATE, 'id is the container’s', DOCUMENT),
  shown(
    STATE,
    'no other container of the host has that id',
    'create of an id that exists fails and leaves that container alone',
  ),
  shown(
    STATE,
    'status is one of four, each at its time',
    'the status is creating while create is at work',
    'status goes from created over running to stopped',
  ),
  mute(STATE, 'further statuses stand for new states alone', 'pausing is an operation beyond the specification'),
  shown(
    STATE,
    'pid is there when created or running',
    DOCUMENT,
    'the document of a running and of a stopped container',
  ),
  shown(STATE, 'bundle is an absolute path', DOCUMENT, 'the bundle defaults to the current directory'),
  shown(
    STATE,
    'the JSON is as its schema says',
    DOCUMENT,
    'any text is kept, of whatever key',
    'without annotations the state has none',
  ),

  shown(
    LIFECYCLE,
    '2: the environment is made as config.json says',
    'all but the program is there when create has ended',
  ),
  shown(LIFECYCLE, '2: what cannot be made is an error', AS_NEVER_TRIED),
  shown(LIFECYCLE, '2: its resources are made at create', 'all but the program is there when create has ended'),
  shown(LIFECYCLE, '2: the program does not run yet', 'create does not run the program'),
  shown(
    LIFECYCLE,
    '2: later changes of config.json have no effect',
    'a change of config.json after create has no effect',
    'a config.json destroyed after create has no effect',
    'the hooks are those that create read, whatever config.json says later',
    'annotations, limits and paths are those that create read',
  ),
  shown(LIFECYCLE, '3: prestart hooks are called', 'the hooks before start run in order, each list as listed'),
  shown(
    LIFECYCLE,
    '3: one that fails is an error and ends the container',
    'a failing prestart hook fails create, the rest is not run, nothing is left',
  ),
  shown(LIFECYCLE, '4: createRuntime hooks are called', 'the hooks before start run in order, each list as listed'),
  shown(
    LIFECYCLE,
    '4: one that fails is an error, ends the container and leads to poststop',
    'a failing createRuntime hook fails create, the rest is not run, nothing is left',
    'a failing createRuntime hook leads to the poststop hooks',
  ),
  shown(LIFECYCLE, '5: createContainer hooks are called', 'the hooks before start run in order, each list as listed'),
  shown(
    LIFECYCLE,
    '5: one that fails is an error and ends the container',
    'a failing createContainer hook fails create, the rest is not run, nothing is left',
  ),
  shown(LIFECYCLE, '7: startContainer hooks are called', 'the hooks before start run in order, each list as listed'),
  shown(
    LIFECYCLE,
    '7: one that fails is an error and ends the container',
    'a failing startContainer hook fails start and the program does not run',
  ),
  shown(LIFECYCLE, '8: the program runs', 'start runs the program that create was given'),
  shown(LIFECYCLE, '9: poststart hooks are called', 'poststart hooks run after the program was started'),
  shown(
    LIFECYCLE,
    '9: one that fails is an error and ends the container',
    'a failing poststart hook fails start and stops the container',
  ),
  shown(LIFECYCLE, '12: what create made is undone', 'delete of a stopped container leaves nothing'),
  shown(
    LIFECYCLE,
    '13: poststop hooks are called',
    'delete returns after the poststop hooks, and they find nothing of the container',
  ),
  shown(
    LIFECYCLE,
    '13: one that fails is a warning, and the others run',
    'a failing poststop hook is no error, and those behind it run',
  ),

  shown(
    'runtime.md errors',
    'after an error all is as if nothing had been tried',
    AS_NEVER_TRIED,
    'run that fails leaves nothing',
  ),
  shown(
    'runtime.md warnings',
    'after a warning all goes on',
    'a failing poststop hook is no error, and those behind it run',
  ),
  shown(
    'runtime.md operations',
    'state, create, start, kill and delete are supported',
    'every operation works in another process than create',
  ),

  shown('runtime.md query-state', 'without an id it is an error', 'state without an id is an error'),
  shown(
    'runtime.md query-state',
    'of a container that does not exist it is an error',
    'state of an unknown id is an error',
  ),
  shown('runtime.md query-state', 'it returns the state', DOCUMENT),

  shown(CREATE, 'without a bundle or an id it is an error', WANT_AN_ID),
  shown(
    CREATE,
    'an id in use, or not valid, is an error and makes no container',
    'create of an id that exists fails and leaves that container alone',
    'of two creates of one id at the same time exactly one succeeds',
    'ids that are no file names are refused',
  ),
  shown(CREATE, 'it makes a container', DOCUMENT, 'an id may be used again after delete'),
  shown(CREATE, 'all properties but process are applied', 'all but the program is there when create has ended'),
  shown(CREATE, 'process.args is not applied before start', 'create does not run the program'),
  shown(CREATE, 'a property that cannot be applied is an error and makes no container', AS_NEVER_TRIED),

  shown(START, 'without an id it is an error', WANT_AN_ID),
  shown(
    START,
    'of a container that is not created it is an error and has no effect',
    'start of a running container is an error and does not disturb it',
    'start of a stopped container is an error',
    'start of a container that was killed before is an error',
    'start of an unknown id is an error',
    'of two starts at the same time exactly one succeeds',
  ),
  shown(
    START,
    'it runs the program',
    'start runs the program that create was given',
    'the process that create made becomes the program',
  ),
  shown(START, 'without process it is an error', 'a config without a process makes no container that could be started'),

  shown(KILL, 'without an id it is an error', WANT_AN_ID),
  shown(
    KILL,
    'of a container neither created nor running it is an error and has no effect',
    'kill of a stopped container is an error and changes nothing',
    'kill of an unknown id is an error',
  ),
  shown(
    KILL,
    'it sends the signal',
    'kill sends the signal it is told, by name or by number',
    'kill of a created container works',
  ),

  shown(DELETE, 'without an id it is an error', WANT_AN_ID),
  shown(
    DELETE,
    'of a container that is not stopped it is an error and has no effect',
    'delete of a running container is an error and does not disturb it',
    // one that is only created goes: what every engine relies on, see the comment at that case
    'delete of a created container kills and removes it, or refuses',
  ),
  shown(DELETE, 'what create made is deleted', 'delete of a stopped container leaves nothing'),
  shown(
    DELETE,
    'what create did not make is not',
    'the rootfs and the bundle are not touched',
    'namespaces, mounts and volumes of others are still there after delete',
    'the group above the container, and another container in it, are left alone',
  ),

  shown(
    'runtime-linux.md dev-symbolic-links',
    'the four links to descriptors are made',
    'the links to the descriptors are there and work',
  ),
]
