// The option tables that more than one command uses, named as runc names them (and crun, for --cgroup-manager).
import type { OptionTable } from './arguments.ts'

export const GLOBAL = {
  root: { type: 'string', about: 'where the state of containers is kept' },
  log: { type: 'string', about: 'append errors to FILE' },
  'log-format': { type: 'string', choices: ['text', 'json'], about: 'format of the log' },
  debug: { type: 'boolean', about: 'report errors with their stack' },
  'systemd-cgroup': { type: 'boolean', about: 'let systemd manage cgroups (not built yet)' },
  'cgroup-manager': {
    type: 'string',

    choices: ['cgroupfs', 'systemd', 'disabled'],
    about: 'who manages cgroups (only cgroupfs is built yet)',
  },
  rootless: { type: 'string', choices: ['true', 'false', 'auto'], about: 'act as an unprivileged user' },
  criu: { type: 'string', about: 'ignored, as runc ignores it', hidden: true },
  help: { type: 'boolean', short: 'h', about: 'show help' },
  version: { type: 'boolean', short: 'v', about: 'show the version' },
} as const satisfies OptionTable

export const HELP = { help: { type: 'boolean', short: 'h', about: 'show help' } } as const satisfies OptionTable

export const BUNDLE = {
  bundle: { type: 'string', short: 'b', about: 'directory of config.json (default: the current one)' },
} as const satisfies OptionTable

const PROCESS_FILES = {
  'console-socket': { type: 'string', about: 'unix socket that receives the terminal' },
  'pid-file': { type: 'string', about: 'write the process id to FILE' },
  'pidfd-socket': { type: 'string', about: 'unix socket that receives a pidfd of the process' },
} as const satisfies OptionTable

export const PRESERVE_FDS = {
  'preserve-fds': { type: 'number', about: 'pass N more descriptors, from 3 on' },
} as const satisfies OptionTable

export const CONTAINER = {
  ...BUNDLE,
  ...PROCESS_FILES,
  ...PRESERVE_FDS,
  'no-pivot': { type: 'boolean', about: 'move the root mount instead of pivot_root' },
  'no-new-keyring': { type: 'boolean', about: 'keep the session keyring of the caller' },
} as const satisfies OptionTable

export const EXEC = {
  ...PROCESS_FILES,
  ...PRESERVE_FDS,
  process: { type: 'string', short: 'p', about: 'take the process from FILE (JSON)' },
  detach: { type: 'boolean', short: 'd', about: 'do not wait for the process' },
  tty: { type: 'boolean', short: 't', about: 'give it a terminal' },
  cwd: { type: 'string', about: 'working directory in the container' },
  env: { type: 'list', short: 'e', about: 'set a variable (may be repeated)' },
  user: { type: 'string', short: 'u', about: 'user and group' },
  'additional-gids': { type: 'list', short: 'g', about: 'add a group (may be repeated)' },
  'process-label': { type: 'string', about: 'SELinux label' },
  apparmor: { type: 'string', about: 'AppArmor profile' },
  'no-new-privs': { type: 'boolean', about: 'set no_new_privs' },
  cap: { type: 'list', short: 'c', about: 'add a capability (may be repeated)' },
  cgroup: { type: 'list', about: 'run in a sub-group' },
  'ignore-paused': { type: 'boolean', about: 'allow a paused container' },
} as const satisfies OptionTable

export const UPDATE = {
  resources: { type: 'string', short: 'r', about: 'JSON of the limits to change; - is stdin' },
  'blkio-weight': { type: 'string', about: 'block io weight' },
  'cpu-period': { type: 'string', about: 'CPU period' },
  'cpu-quota': { type: 'string', about: 'CPU time in a period' },
  'cpu-burst': { type: 'string', about: 'CPU time that may be saved up' },
  'cpu-share': { type: 'string', about: 'CPU shares' },
  'cpu-rt-period': { type: 'string', about: 'realtime period' },
  'cpu-rt-runtime': { type: 'string', about: 'realtime time in a period' },
  'cpu-idle': { type: 'string', about: '1: only idle time' },
  'cpuset-cpus': { type: 'string', about: 'CPUs to use' },
  'cpuset-mems': { type: 'string', about: 'memory nodes to use' },
  memory: { type: 'string', about: 'memory limit' },
  'memory-reservation': { type: 'string', about: 'soft memory limit' },
  'memory-swap': { type: 'string', about: 'limit of memory and swap together' },
  'kernel-memory': { type: 'string', about: 'ignored by kernels of today', hidden: true },
  'kernel-memory-tcp': { type: 'string', about: 'ignored by kernels of today', hidden: true },
  'pids-limit': { type: 'string', about: 'number of processes' },
  'l3-cache-schema': { type: 'string', about: 'Intel RDT' },
  'mem-bw-schema': { type: 'string', about: 'Intel RDT' },
} as const satisfies OptionTable

const IMAGE = {
  'image-path': { type: 'string', about: 'directory of the CRIU image' },
  'work-path': { type: 'string', about: 'directory of the logs' },
  'parent-path': { type: 'string', about: 'image of an earlier pre-dump' },
  'tcp-established': { type: 'boolean', about: 'with open TCP connections' },
  'ext-unix-sk': { type: 'boolean', about: 'with unix sockets to the outside' },
  'shell-job': { type: 'boolean', about: 'with the terminal of a shell' },
  'file-locks': { type: 'boolean', about: 'with file locks' },
  'link-remap': { type: 'boolean', about: 'with unlinked files' },
  'lazy-pages': { type: 'boolean', about: 'memory is fetched later' },
  'auto-dedup': { type: 'boolean', about: 'drop pages that were written' },
  'empty-ns': { type: 'list', about: 'namespace to leave empty' },
  'manage-cgroups-mode': { type: 'string', about: 'soft, full, strict or ignore' },
} as const satisfies OptionTable

export const CHECKPOINT = {
  ...IMAGE,
  'leave-running': { type: 'boolean', about: 'do not stop the container' },
  'pre-dump': { type: 'boolean', about: 'memory only, the container goes on' },
  'tcp-skip-in-flight': { type: 'boolean', about: 'skip connections not yet accepted' },
  'status-fd': { type: 'number', about: 'where to report that lazy pages are ready' },
  'page-server': { type: 'string', about: 'where to send memory' },
} as const satisfies OptionTable

export const RESTORE = {
  ...IMAGE,
  ...BUNDLE,
  ...PROCESS_FILES,
  detach: { type: 'boolean', short: 'd', about: 'do not wait for the container' },
  'no-subreaper': { type: 'boolean', about: 'do not become a subreaper' },
  'no-pivot': { type: 'boolean', about: 'move the root mount instead of pivot_root' },
  'lsm-profile': { type: 'string', about: 'LSM profile to use instead' },
  'lsm-mount-context': { type: 'string', about: 'mount context to use instead' },
  'tcp-close': { type: 'boolean', about: 'close TCP connections' },
} as const satisfies OptionTable
