// crun takes a machine with cgroup v1 controllers beside v2 for one without cgroups that it could use. It is tried in
// a mount and cgroup namespace of its own, in which /sys/fs/cgroup is the v2 tree alone, with the controllers that v1
// does not hold.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename } from 'node:path'

const MARK = 'CONFORMANCE_IN_VIEW'
const SCRIPT = 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'

const isV2Alone = (): boolean => existsSync('/sys/fs/cgroup/cgroup.controllers')

export const needsView = (binary: string | undefined): boolean =>
  basename(binary ?? '') === 'crun' && !isV2Alone() && process.env[MARK] === undefined && process.geteuid?.() === 0

/** Runs this process's command again in there; its exit status. */
export function runInView(): number {
  const command = ['unshare', '-m', '-C', 'sh', '-c', SCRIPT, 'sh', process.execPath, ...process.argv.slice(1)]
  const [program = '', ...args] = command
  const { status, error } = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, [MARK]: '1' } })
  if (error) throw error
  return status ?? 1
}
