// Demands of config-linux.md.
import { mute, type Requirement, shown } from '../requirement.ts'

const NAMESPACES = 'config-linux.md namespaces'
const IDS = 'config-linux.md user-namespace-mappings'
const DEVICES = 'config-linux.md devices'
const DEFAULT_DEVICES = 'config-linux.md default-devices'
const NET = 'config-linux.md network-devices'
const LIFE = 'config-linux.md namespace-lifecycle-and-container-termination'
const PATH = 'config-linux.md cgroups-path'
const OWNERSHIP = 'config-linux.md cgroup-ownership'
const BLOCK_IO = 'config-linux.md block-io'
const UNIFIED = 'config-linux.md unified'
const RDT = 'config-linux.md intelrdt'
const SECCOMP = 'config-linux.md seccomp'
const PROCESS_STATE = 'config-linux.md containerprocessstate'

/** Whose rules on schemata take hardware that has them. */
const ON_A_TREE = 'src/runtime/intel-rdt.test.ts tries it on a tree of files in the place of resctrl'

const MISSING_OF_LISTS = 'required properties of lists that are missing are errors'
const MISSING = 'required properties that are missing are errors'
const THE_DEFAULT_DEVICES = 'the default devices are there, for everybody, and they work'
const RANGE = 'a mapping without a size, or with an id that is none, is an error'

export const CONFIG_LINUX_REQUIREMENTS: readonly Requirement[] = [
  shown(NAMESPACES, 'a namespace has a type', MISSING, 'an unknown type of namespace is an error'),
  shown(
    NAMESPACES,
    'a path is absolute, in the namespaces of the runtime',
    'a path that is relative, missing, a file, a directory or a device is an error',
  ),
  shown(
    NAMESPACES,
    'with a path the container is in that namespace',
    / namespace with a path is joined$/,
    'namespaces of several types are joined at once, in whatever order they are listed',
  ),
  shown(NAMESPACES, 'a path of another type is an error', /^a path that is no \w+ namespace is an error$/),
  shown(NAMESPACES, 'without a path it is a new one', / namespace without a path is a new one$/),
  shown(NAMESPACES, 'a type that is not listed is the runtime’s', / namespace that is not listed is the runtime.s$/),
  shown(NAMESPACES, 'a type that is listed twice is an error', / namespace listed twice is an error$/),

  shown(IDS, 'a mapping has a containerID', RANGE),
  shown(IDS, 'a mapping has a hostID', RANGE),
  shown(IDS, 'a mapping has a size', RANGE),

  shown(
    DEVICES,
    'what is listed is there',
    'every type of device, with number, mode and owner',
    'a device can be anywhere in the container',
  ),
  shown(
    DEVICES,
    'a device has a type',
    MISSING_OF_LISTS,
    'names out of no list are errors',
    'what is no device is an error',
  ),
  shown(DEVICES, 'a device has a path', MISSING_OF_LISTS),
  shown(
    DEVICES,
    'a file at the path that is something else is an error',
    'a file in the way that is not the device is an error',
  ),
  shown(DEVICES, 'a device has numbers, unless it is a pipe', MISSING_OF_LISTS),
  shown(DEFAULT_DEVICES, 'the six devices of everybody are there', THE_DEFAULT_DEVICES),
  shown(
    DEFAULT_DEVICES,
    '/dev/console is the terminal, where there is one',
    'with a terminal the standard streams are one, and it is the controlling one',
    'without a terminal there is no /dev/console',
  ),
  shown(DEFAULT_DEVICES, '/dev/ptmx is that of the container', '/dev/ptmx is that of the container'),

  shown(
    NET,
    'a device of the host is made available',
    'a device moves into the container, under its name or another, and is up',
  ),
  shown(
    NET,
    'whether a device can be moved is checked',
    'a device that is not there is an error, and no other moves',
    'names that no device can have are errors',
  ),
  shown(NET, 'a name that exists in the container is an error', 'a name that is taken inside is an error'),
  shown(NET, 'unless it ends in %d: the kernel completes it', 'for %d in a name the kernel puts a number'),
  shown(
    NET,
    'its attributes and global permanent addresses are kept',
    'lasting addresses of global scope come along, of either family, others do not',
    'what else there is to a device stays as it is',
  ),
  shown(NET, 'it is up afterwards', 'a device moves into the container, under its name or another, and is up'),
  shown(
    LIFE,
    'it is not managed while it is inside',
    'a device moves into a namespace that is joined, and stays there',
  ),
  shown(
    LIFE,
    'it is not moved back before deletion',
    'virtual devices go with the namespace; the runtime moves nothing back',
  ),

  shown(
    'config-linux.md control-groups',
    'a cgroup that is not fit is an error',
    'a group with processes of others is no place for a container',
    'a frozen group is no place for a container',
  ),
  shown(
    PATH,
    'the path is absolute or relative',
    'an absolute path counts from the mount point',
    'a relative path leads to the same place each time',
  ),
  shown(
    PATH,
    'an absolute path starts at the mount point of cgroups',
    'an absolute path counts from the mount point',
    'dots lead not out of the mount point',
  ),
  shown(PATH, 'the same path is the same place each time', 'a relative path leads to the same place each time'),
  shown(
    PATH,
    'a path that is not accepted is an error',
    'a path that can be none is an error',
    'a path of 4096 bytes is an error and leaves nothing',
  ),
  shown(
    OWNERSHIP,
    'a file of the list that is not there is no error',
    'a writable group of v2 belongs to the user of the program, but for its limits',
  ),
  mute(
    OWNERSHIP,
    'without the list of the kernel there is one of three files',
    'every kernel that runs here has the list',
  ),
  shown('config-linux.md allowed-device-list', 'entries are applied in the listed order', 'rules apply in their order'),
  shown(
    'config-linux.md allowed-device-list',
    'an entry says whether it allows',
    'a rule that says not whether it allows is an error',
  ),
  mute(
    'config-linux.md memory',
    'with checkBeforeUpdate a limit below the usage is refused',
    'about updates, which are beyond the specification; a new container uses next to nothing',
  ),
  shown(
    'config-linux.md cpu',
    'a quota is not below the burst',
    'cpu: what the kernel refuses is an error',
    'cpu: burst',
  ),
  shown(
    'config-linux.md cpu',
    'a burst is not above the quota',
    'cpu: what the kernel refuses is an error',
    'cpu: burst',
  ),
  shown(
    BLOCK_IO,
    'an entry of weightDevice has the numbers of a device',
    'block-io: a weight out of range, or an entry without one, is an error',
  ),
  shown(
    BLOCK_IO,
    'and a weight or a leafWeight',
    'block-io: a weight out of range, or an entry without one, is an error',
  ),
  shown(
    BLOCK_IO,
    'a throttle of bytes has the numbers of a device',
    'block-io: throttleReadBpsDevice',
    'block-io: throttleWriteBpsDevice',
  ),
  shown(BLOCK_IO, 'and a rate', 'block-io: throttleReadBpsDevice', 'block-io: throttleWriteBpsDevice'),
  shown(
    BLOCK_IO,
    'a throttle of operations has the numbers of a device',
    'block-io: throttleReadIOPSDevice',
    'block-io: throttleWriteIOPSDevice',
  ),
  shown(BLOCK_IO, 'and a rate', 'block-io: throttleReadIOPSDevice', 'block-io: throttleWriteIOPSDevice'),
  shown(
    'config-linux.md huge-page-limits',
    'a limit has the size of its pages',
    'huge-page-limits: a size that the kernel has not is an error',
  ),
  shown('config-linux.md huge-page-limits', 'and is set', 'huge-page-limits: a limit is one of reservations too'),
  shown('config-linux.md network', 'a priority has the name of an interface', /^network: /),
  shown('config-linux.md network', 'and a number', /^network: /),
  shown('config-linux.md rdma', 'an entry limits handles or objects', 'rdma: limits of a device'),
  shown(
    UNIFIED,
    'the controllers that are needed are enabled',
    'unified: files of v2 by name, also those that the runtime does not know',
  ),
  shown(
    UNIFIED,
    'what the runtime does not know is written, too',
    'unified: files of v2 by name, also those that the runtime does not know',
  ),
  shown(
    UNIFIED,
    'a controller that is not there is an error',
    'unified: a controller that is not there, and a file that is none, are errors',
  ),
  shown(UNIFIED, 'what cannot be converted from v1 is an error', /refused on v2$/),

  shown(
    RDT,
    'the program is in the tasks of its group',
    'without closID the group has the name of the container and goes with it',
  ),
  shown(RDT, 'without resctrl it is an error', 'without resctrl it is an error to ask for it'),
  shown(
    RDT,
    'without intelRdt nothing of resctrl is touched',
    'a group that is there is used and stays; one that is not must have a schema',
  ),
  mute(RDT, '"/" is the default group', ON_A_TREE),
  shown(
    RDT,
    'memBwSchema begins with MB: and is one line',
    'a memory bandwidth schema that does not begin with MB: is an error',
    'a line feed in a schema is an error',
  ),
  shown(RDT, 'a line of schemata is one line', 'a line feed in a schema is an error'),
  mute(RDT, 'l3CacheSchema is written before memBwSchema', ON_A_TREE),
  shown(
    RDT,
    'one of the two alone is written',
    'without closID the group has the name of the container and goes with it',
  ),
  mute(RDT, 'schemata are written last', ON_A_TREE),
  shown(
    RDT,
    'without a schema none is written',
    'a group that is there is used and stays; one that is not must have a schema',
  ),
  shown(
    RDT,
    'without closID the group is the id',
    'without closID the group has the name of the container and goes with it',
  ),
  mute(RDT, 'with closID and a schema, a group that is not there is made', ON_A_TREE),
  mute(RDT, 'and one that is there has to have that schema', ON_A_TREE),
  shown(
    RDT,
    'with closID alone the group has to be there',
    'a group that is there is used and stays; one that is not must have a schema',
  ),
  shown(
    RDT,
    'a group made without closID is removed at delete',
    'without closID the group has the name of the container and goes with it',
  ),
  shown(RDT, 'any other is not', 'a group that is there is used and stays; one that is not must have a schema'),
  shown(
    RDT,
    'enableMonitoring makes a group of monitors named as the container',
    'the container gets a monitoring group of its name, which goes with it',
  ),
  mute(RDT, 'where that fails it is an error', ON_A_TREE),

  shown(
    'config-linux.md memory-policy',
    'a memory policy has a mode',
    'each mode is had, with its nodes and flags',
    'a policy that contradicts itself, or names what is not there, is an error',
  ),

  shown(SECCOMP, 'a filter has a default action', 'a filter without a default action is an error'),
  shown(
    SECCOMP,
    'a default errno for an action without one is an error',
    'an errno with an action that has none is an error',
  ),
  shown(
    SECCOMP,
    'the listener is a stream socket of the file system',
    'the listener gets calls with SCMP_ACT_NOTIFY and answers them',
  ),
  shown(
    SECCOMP,
    'one state is sent over a connection',
    'one message with the descriptor comes over a connection, which is then closed',
  ),
  shown(
    SECCOMP,
    'the connection is closed behind it',
    'one message with the descriptor comes over a connection, which is then closed',
  ),
  shown(SECCOMP, 'a state that cannot be sent is an error', 'a listener that cannot be told is an error'),
  shown(SECCOMP, 'the descriptor of seccomp is sent as seccompFd', 'the message is a container process state'),
  shown(
    SECCOMP,
    'listenerMetadata without listenerPath is an error',
    'listenerMetadata without listenerPath is an error',
  ),
  shown(SECCOMP, 'a rule has names', 'a rule without names is an error'),
  shown(SECCOMP, 'at least one', 'a rule without names is an error'),
  shown(SECCOMP, 'a rule has an action', 'a rule without an action is an error'),
  shown(
    SECCOMP,
    'an errno of a rule for an action without one is an error',
    'an errno with an action that has none is an error',
  ),
  shown(SECCOMP, 'a condition has an index', /^SCMP_CMP_/),
  shown(SECCOMP, 'a condition has a value', /^SCMP_CMP_/),
  shown(SECCOMP, 'a condition has an operator', /^SCMP_CMP_/, 'an operator that nobody knows is an error'),
  shown(
    PROCESS_STATE,
    'it is JSON over the socket, with the descriptors beside it',
    'one message with the descriptor comes over a connection, which is then closed',
  ),
  shown(
    PROCESS_STATE,
    'the descriptors come with the first message',
    'one message with the descriptor comes over a connection, which is then closed',
  ),
  shown(PROCESS_STATE, 'it has an ociVersion', 'the message is a container process state'),
  shown(PROCESS_STATE, 'it has the pid as the runtime sees it', 'the message is a container process state'),
  shown(PROCESS_STATE, 'it has the state of the container', 'the message is a container process state'),

  shown(
    'config-linux.md masked-paths',
    'the paths are absolute',
    'a masked path that is relative is an error',
    /^a masked (file|directory)/,
  ),
  shown(
    'config-linux.md readonly-paths',
    'the paths are absolute',
    'a read-only path that is relative is an error',
    'a read-only path can be read and not written to',
  ),
  shown(
    'config-linux.md personality',
    'a personality has a domain',
    'LINUX32 is seen by uname, LINUX is the usual machine',
    'another domain, or a flag, is an error',
  ),
]
