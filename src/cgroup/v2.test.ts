// The tests of the manager and its limits, and of what they are used for, again on cgroup v2, where the host itself has v1 or both: in a mount and cgroup
// namespace of its own in which only the v2 tree is mounted.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { currentLayout } from './places.ts'

const VIEW = 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'
const inView = (...command: string[]) =>
  spawnSync('unshare', ['-m', '-C', 'sh', '-c', VIEW, 'sh', ...command], { encoding: 'utf8', timeout: 60_000 })

const { mode } = currentLayout()
const why =
  mode === 'v2'
    ? 'the tests themselves run on v2 already'
    : process.getuid?.() !== 0
      ? 'needs root'
      : inView('true').status !== 0
        ? 'can not mount a cgroup2 view of our own'
        : undefined

for (const name of ['cgroup', 'limits', '../runtime/faults', '../runtime/life-cycle'])
  t.test(`${name}.test in a view with v2 alone`, why === undefined ? {} : { skip: why }, async t => {
    const file = fileURLToPath(new URL(`./${name}.test.js`, import.meta.url))
    const { status, stdout, stderr } = inView(process.execPath, '--enable-source-maps', file)
    const results = stdout.split('\n').filter(line => /^(not )?ok /.test(line))
    for (const line of results) t.comment(line)
    if (status !== 0) t.comment(stdout, stderr)
    t.equal(status, 0)
    t.ok(results.length > 3)
  })
