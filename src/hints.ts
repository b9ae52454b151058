// What to do about a failed system call: one row for each error number that says less than the kernel knows. Rows name
// what can be changed (a setting, a property, a flag); an error number whose text is enough has none. Source: the man
// page of each call, section 2, and namespaces(7), user_namespaces(7), capabilities(7).
import { type ErrnoName, errnoName } from './abi/errno.ts'

type Rows = Partial<Record<ErrnoName, string>>

const NO_NAMESPACE = 'the kernel was built without this kind of namespace; see /proc/self/ns'
const NAMESPACE_LIMIT =
  'a limit of namespaces is reached: see the sysctls user.max_*_namespaces; they nest 32 deep at most'
const NAMESPACE_RIGHT =
  'needs CAP_SYS_ADMIN, or a new user namespace, which kernel.unprivileged_userns_clone, ' +
  'kernel.apparmor_restrict_unprivileged_userns or user.max_user_namespaces may forbid'
const PROCESS_LIMIT =
  'a limit of processes is reached: pids.max of the cgroup, RLIMIT_NPROC or kernel.pid_max; or a process with ' +
  'SCHED_DEADLINE, but without SCHED_FLAG_RESET_ON_FORK, was to start another'
const UNMAPPED = 'this id has no mapping in the user namespace; add it to /linux/uidMappings and /linux/gidMappings'
const READ_ONLY =
  'the file system is read-only: create the file or directory in the rootfs beforehand, or mount something writable there'
const NOT_EXECUTABLE = 'the file is not executable, or lies on a mount with noexec'
const TOO_LONG =
  'an argument or variable may have 128 KiB, and all together a quarter of RLIMIT_STACK, 6 MiB at most: hand large data over in a file'
const LEADS_OUT = 'the path leads out of the directory that it must stay below, by ".." or a symbolic link'
const MOUNT_RIGHT =
  'needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace; there, ro, nosuid, nodev and noexec of an ' +
  'inherited mount cannot be taken away, and many file systems cannot be mounted'
const NICE_RIGHT = 'needs CAP_SYS_NICE, or a larger RLIMIT_NICE or RLIMIT_RTPRIO'

type Table = Readonly<Record<string, Rows>>
let known: Table | undefined

/** Made when the first error is put into words. */
function hints(): Table {
  known ??= table()
  return known
}

function table(): Table {
  const namespaces: Rows = {
    EPERM: NAMESPACE_RIGHT,
    ENOSPC: NAMESPACE_LIMIT,
    EUSERS: NAMESPACE_LIMIT,
    EINVAL: NO_NAMESPACE,
  }
  const forks: Rows = { ...namespaces, EAGAIN: PROCESS_LIMIT }
  const opens: Rows = {
    ENXIO: 'nobody has the other end of this fifo open, or the device has no driver',
    EROFS: READ_ONLY,
    ETXTBSY: 'the file is being executed; it cannot be written at the same time',
  }
  const identities: Rows = {
    EINVAL: UNMAPPED,
    EPERM: 'needs CAP_SETUID and CAP_SETGID in the user namespace',
  }
  const owners: Rows = {
    EINVAL: UNMAPPED,
    EPERM: 'needs CAP_CHOWN in a user namespace that has both ids of the file mapped',
  }
  return {
    // mounts
    mount: {
      EPERM: MOUNT_RIGHT,
      EACCES: 'the source is a read-only device and ro was not asked for, or a device on a mount with nodev',
      EBUSY: 'it is mounted there already, or a file on it is open for writing and forbids ro',
      EINVAL:
        'the file system does not know one of the options, or source and flags do not fit; the kernel log tells more',
      ENODEV: 'the kernel does not have this file system type; see /proc/filesystems, its module may have to be loaded',
      ENOENT: 'source or target does not exist; a bind mount needs its source on the host',
      ENOSPC: 'the mount namespace is full; raise the sysctl fs.mount-max',
      ENOTBLK: 'this file system wants a block device as source',
      ENOTDIR: 'a directory can be mounted only on a directory, a file only on a file',
    },
    open_tree: {
      EPERM: MOUNT_RIGHT,
      EACCES:
        'a directory on the way is closed to root of the container, who is another user on the host: open it (chmod o+x), or map your own id to 0',
      EINVAL: 'the mount is unbindable, or hides locked mounts below it: use rbind instead of bind',
      ENOSPC:
        'too many mounts: raise the sysctl fs.mount-max, or user.max_mnt_namespaces, since each source of a bind counts as a namespace until it is mounted',
    },
    move_mount: {
      EPERM: MOUNT_RIGHT,
      EINVAL:
        'the target lies in another mount namespace, or the mount to be moved lies in a shared one: make that private',
      ELOOP: 'the mount would come to lie below itself',
      ENOTDIR: 'a directory can be mounted only on a directory, a file only on a file',
      ENOSPC: 'the mount namespace is full; raise the sysctl fs.mount-max',
    },
    mount_setattr: {
      EPERM:
        'flags that another user namespace has locked cannot be cleared; id-mapping needs CAP_SYS_ADMIN over the file system, and a mount that is not id-mapped yet',
      EINVAL: 'the file system cannot be id-mapped, or the kernel is too old for this attribute',
      EBUSY: 'a file on the mount is open for writing and forbids ro',
    },
    fsopen: { ENODEV: 'the kernel does not have this file system type; see /proc/filesystems', EPERM: MOUNT_RIGHT },
    fsconfig: { EINVAL: 'the file system does not know this option; the kernel log tells more' },
    sendfile: { ENOSPC: 'the file system is full: a tmpfs has the size that its options say, or half of the memory' },
    pivot_root: {
      EINVAL:
        'the new root must be a mount point, and neither its parent nor the old root may be shared; from an initramfs use --no-pivot',
      EBUSY: 'the new root is the root already',
      EPERM: 'needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace',
    },
    umount2: {
      EBUSY: 'something on it is in use',
      EPERM: 'needs CAP_SYS_ADMIN',
      EINVAL: 'nothing is mounted there, or another user namespace has locked it',
    },
    // namespaces and processes
    unshare: namespaces,
    clone: forks,
    clone3: { ...forks, EBUSY: 'a cgroup with controllers for its children takes no processes itself' },
    setns: {
      EPERM: 'needs CAP_SYS_ADMIN in the user namespace that owns the one to join: join that user namespace too',
      EINVAL: 'the file is no namespace of this type, or it is the user namespace that the process is in already',
      ENOSPC: NAMESPACE_LIMIT,
    },
    posix_spawn: {
      EACCES: 'files in memory may not be executed: see vm.memfd_noexec and the rules of the security module',
      EAGAIN: PROCESS_LIMIT,
      ENOEXEC: 'not a program for this machine',
      E2BIG: TOO_LONG,
    },
    execve: {
      ENOENT:
        'the file does not exist in the rootfs, or the interpreter that it names (its #! line, its ELF loader) does not',
      EACCES: NOT_EXECUTABLE,
      EPERM: 'a security module forbids it, or the seccomp filter of the container: see its rules for execve',
      ENOEXEC: 'built for another architecture, or a script without a #! line',
      E2BIG: TOO_LONG,
      ETXTBSY: 'the file is open for writing somewhere',
      EAGAIN: 'this user has more processes than RLIMIT_NPROC allows',
    },
    faccessat: { EACCES: NOT_EXECUTABLE },
    faccessat2: { EACCES: NOT_EXECUTABLE },
    kill: { EPERM: 'the process belongs to another user' },
    pidfd_send_signal: { EPERM: 'the process belongs to another user' },
    netlink: {
      EPERM: 'needs CAP_NET_ADMIN over the network of the host, and over that of the container',
      EACCES: 'the network namespace has no IPv6: see its sysctls net.ipv6.conf.*.disable_ipv6',
    },
    memfd_create: {
      EACCES:
        'the sysctl vm.memfd_noexec=2 forbids files in memory that can be executed; only root can do without them',
    },
    // files
    open: opens,
    openat: opens,
    openat2: {
      ...opens,
      EXDEV: LEADS_OUT,
      ELOOP: 'a symbolic link, or a link of /proc that leads anywhere, where none is allowed',
      EAGAIN: 'something is being renamed all the time on the way to this file; try again',
    },
    write: {
      EACCES:
        'only CAP_SYS_RESOURCE may lower oom_score_adj, and setting limits and sysctls takes the rights of who owns them',
    },
    mkdirat: { EROFS: READ_ONLY },
    symlinkat: { EROFS: READ_ONLY },
    mknodat: {
      EPERM: 'needs CAP_MKNOD in the first user namespace; in another one bind the node of the host instead',
      EROFS: READ_ONLY,
    },
    chdir: {
      ENOENT: 'process.cwd does not exist in the container: create it in the rootfs or mount something there',
      EACCES: 'process.user may not enter process.cwd',
      ENOTDIR: 'process.cwd is not a directory',
    },
    fchown: owners,
    fchownat: owners,
    // the identity of the process
    setresuid: identities,
    setresgid: identities,
    setuid: identities,
    setgid: identities,
    setgroups: {
      EPERM: 'additional groups are denied in this user namespace (/proc/PID/setgroups): leave additionalGids out',
      EINVAL: UNMAPPED,
    },
    capset: { EPERM: 'one of the capabilities is not among those of tsrunc itself, or CAP_SETPCAP is missing' },
    prctl: {
      EPERM: 'the bounding set needs CAP_SETPCAP; an ambient capability must be permitted and inheritable',
      EINVAL: 'the kernel does not know this capability or operation',
    },
    prlimit64: {
      EPERM: 'only CAP_SYS_RESOURCE may raise a hard limit; RLIMIT_NOFILE never above the sysctl fs.nr_open',
      EINVAL: 'the soft limit is above the hard limit',
    },
    sched_setattr: {
      EPERM:
        `${NICE_RIGHT}; real-time policies may need a realtimeRuntime of the cgroup; ` +
        "SCHED_DEADLINE needs every CPU: this process scheduler can't be used together with AllowedCPUs",
      EBUSY: 'the deadline bandwidth of these CPUs is used up',
      EINVAL:
        'the kernel does not know the policy or a flag, or the period is outside of kernel.sched_deadline_period_*_us',
      EOPNOTSUPP: 'the kernel was built without CONFIG_UCLAMP_TASK, which the UTIL_CLAMP flags need',
    },
    sched_setscheduler: { EPERM: NICE_RIGHT },
    set_mempolicy: {
      EINVAL: 'the kernel does not know the mode or a flag, or none of the nodes is in cpuset.mems of the container',
      ENOSYS: 'the kernel was built without CONFIG_NUMA',
    },
    personality: { EINVAL: 'this CPU or kernel does not run programs of 32 bits' },
    ioprio_set: { EPERM: 'the realtime class needs CAP_SYS_ADMIN or CAP_SYS_NICE' },
    keyctl: {
      EDQUOT: 'the user has too many keys; raise kernel.keys.maxkeys, or use --no-new-keyring',
      EACCES: 'use --no-new-keyring',
      EPERM: 'use --no-new-keyring',
    },
    seccomp: {
      EACCES: 'needs CAP_SYS_ADMIN, or process.noNewPrivileges',
      EINVAL: 'the kernel does not know a flag or action of the filter',
    },
    sethostname: { EPERM: 'needs CAP_SYS_ADMIN over the uts namespace' },
    setdomainname: { EPERM: 'needs CAP_SYS_ADMIN over the uts namespace' },
    // sockets, eBPF
    connect: {
      ENOENT: 'whoever listens on this socket must be started first',
      ECONNREFUSED: 'the socket is there, but nobody listens on it any more',
      EPROTOTYPE: 'the socket must be a stream socket',
      EAGAIN: 'whoever listens on this socket does not accept: too many connections wait already',
    },
    bpf: {
      EPERM: 'device rules of cgroup v2 need CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the first user namespace',
      EINVAL: 'the kernel was built without CONFIG_CGROUP_BPF, or does not know this program',
      E2BIG: 'too many programs are attached to this cgroup already, or the program is too long',
    },
  }
}

const ANY: Rows = {
  ENOSYS: 'tsrunc needs Linux 5.12 or newer; inside another container its seccomp profile may forbid the call',
  EMFILE: 'too many open files: raise RLIMIT_NOFILE',
  ENFILE: 'the whole system has too many open files: raise the sysctl fs.file-max',
  ENOMEM: 'out of memory: see the limits of the cgroup that tsrunc runs in',
  EDQUOT: 'the disk quota of this user is used up',
}

/** What to do when this call fails with this error number; undefined when its text is all there is to say. */
export function hintFor(syscall: string, errno: number): string | undefined {
  const name = errnoName(errno) as ErrnoName // or "errno 524", which no row has
  const rows = Object.hasOwn(hints(), syscall) ? hints()[syscall] : undefined
  return rows?.[name] ?? ANY[name]
}

/** Each row: for tests and documentation. */
export const hintRows = (): readonly { readonly syscall: string; readonly errno: ErrnoName; readonly hint: string }[] =>
  Object.entries(hints()).flatMap(([syscall, rows]) =>
    (Object.entries(rows) as [ErrnoName, string][]).map(([errno, hint]) => ({ syscall, errno, hint })),
  )
