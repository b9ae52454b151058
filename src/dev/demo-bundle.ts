// A bundle for the demo: the config that `tsrunc spec` writes, a root filesystem of one busybox binary, or, where there
// is none, of the host's own directories bound read-only.
import { copyFileSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const BUSYBOX = '/bin/busybox'
const APPLETS = ['sh', 'cat', 'echo', 'hostname', 'id', 'ls', 'ps', 'sleep', 'wc']
const HOST_DIRECTORIES = ['/bin', '/lib', '/lib64', '/usr']

/** What the container says and then waits for: the shell's `wait` lets the trap run at once. */
const SCRIPT = `
echo "Hello from a container: host name $(hostname), process $$, user $(id -u)."
echo "Processes in here: $(ls -d /proc/[0-9]* | wc -l). Mounts: $(wc -l </proc/self/mountinfo)."
trap 'echo "SIGTERM arrived, good bye."; exit 0' TERM
sleep 60 & wait`

interface Mount {
  readonly destination: string
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

/** The parts of config.json that the demo changes. */
interface Config {
  process: { args: string[]; terminal: boolean }
  hostname: string
  mounts: Mount[]
}

function busyboxRoot(rootfs: string): Mount[] {
  mkdirSync(join(rootfs, 'bin'))
  copyFileSync(BUSYBOX, join(rootfs, 'bin/busybox'))
  for (const applet of APPLETS) symlinkSync('busybox', join(rootfs, 'bin', applet))
  return []
}

function hostRoot(rootfs: string): Mount[] {
  const mounts: Mount[] = []
  for (const path of HOST_DIRECTORIES) {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink()) symlinkSync(readlinkSync(path), join(rootfs, path))
    else if (stat) mounts.push({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] })
  }
  return mounts
}

/** Fills the bundle, whose config.json is there already; returns a phrase for what the rootfs is made of. */
export function fillBundle(bundle: string, hostname: string): string {
  const rootfs = join(bundle, 'rootfs')
  mkdirSync(rootfs)
  const hasBusybox = lstatSync(BUSYBOX, { throwIfNoEntry: false })?.isFile() ?? false
  const mounts = hasBusybox ? busyboxRoot(rootfs) : hostRoot(rootfs)
  const file = join(bundle, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8')) as Config // written by `tsrunc spec` a moment ago
  config.process.args = ['sh', '-c', SCRIPT]
  config.process.terminal = false
  config.hostname = hostname
  config.mounts.push(...mounts)
  writeFileSync(file, JSON.stringify(config, undefined, 2))
  return hasBusybox ? 'a single busybox binary' : 'directories of this host, bound read-only'
}
