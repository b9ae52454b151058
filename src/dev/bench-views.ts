// Ways of seeing the host's cgroups. On a hybrid host, v1 with the v2 tree beside it, crun 1.8 refuses to work; in a mount
// namespace of our own one of the two is taken away. Without v1 (v2) only the controllers that v1 does not hold are
// there; without v2 (v1) everything is that v1 has.
import { type ChildProcess, spawn } from 'node:child_process'
import { currentLayout } from '../cgroup/places.ts'
import type { Part, View } from './bench-options.ts'

const UNSHARE: Readonly<Record<Exclude<View, 'host'>, readonly [flags: string, script: string]>> = {
  v1: ['-m', 'umount "$UNIFIED"'],
  v2: ['-mC', 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup'],
}

export const VIEW_NAMES: Readonly<Record<View, string>> = {
  host: "the host's own",
  v1: 'cgroup v1 alone, in a mount namespace (crun refuses the hybrid layout)',
  v2: 'a private cgroup v2, in mount and cgroup namespaces (crun refuses the hybrid layout)',
}

/** Which parts are measured in which view. */
export function viewsOf(parts: ReadonlySet<Part>, asked: View | undefined): [View, Part[]][] {
  const isHybrid = currentLayout().mode === 'hybrid'
  if (asked !== undefined || !isHybrid) return [[asked ?? 'host', [...parts]]]
  const wanted = (...names: Part[]): Part[] => names.filter(name => parts.has(name))
  const plan: [View, Part[]][] = [
    ['v2', wanted('times', 'library', 'many')],
    ['v1', wanted('times', 'memory')],
  ]
  return plan.filter(([, chosen]) => chosen.length > 0)
}

/** Runs Node with these arguments in a view; its exit status. A signal that ends us ends it in its own way first. */
export async function runInView(view: View, args: readonly string[]): Promise<number> {
  const child = start(view, [process.execPath, ...args])
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal)
  }
  for (const signal of signals) process.on(signal, forward)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', code => resolve(code ?? 1))
    })
  } finally {
    for (const signal of signals) process.off(signal, forward)
  }
}

function start(view: View, command: readonly string[]): ChildProcess {
  const [file = '', ...args] = command
  if (view === 'host') return spawn(file, args, { stdio: 'inherit' })
  const tree = currentLayout().hierarchies.find(({ controllers }) => controllers === '')
  const [flags, script] = UNSHARE[view]
  const env = { ...process.env, UNIFIED: tree?.mountpoint ?? '' }
  return spawn('unshare', [flags, 'sh', '-ec', `${script}; exec "$@"`, 'sh', ...command], { stdio: 'inherit', env })
}
