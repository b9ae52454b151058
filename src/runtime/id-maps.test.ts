// Id maps that newuidmap and newgidmap have to write.
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { workDirectory } from '../host/testing.ts'
import { hasMappers, noUser, SUBORDINATE, USER, User } from './fixtures/user.ts'
import { writeIdMaps } from './id-maps.ts'
import { cannotRun, type Draft, thrown, until } from './testing.ts'

const skip = noUser ?? (hasMappers ? false : 'needs newuidmap and newgidmap (package uidmap)')

const map = (config: Draft, ...ranges: readonly (readonly [number, number, number])[]): void => {
  const list = ranges.map(([containerID, hostID, size]) => ({ containerID, hostID, size }))
  config.linux.uidMappings = config.linux.gidMappings = list
}

t.test('more ids, from newuidmap and newgidmap', { skip: skip }, async t => {
  const user = new User(t)
  user.configure(config => {
    map(config, [0, USER, 1], [1, SUBORDINATE, 1000])
    config.process.user = { uid: 5, gid: 6, additionalGids: [7, 8] }
    config.process.args = ['sh', '-c', 'id; cat /proc/self/uid_map /proc/self/setgroups']
  })
  const { stdout, stderr } = user.runPrivately('run', '--bundle', user.bundle, 'x')
  t.equal(stderr, '')
  t.match(stdout, /^uid=5 gid=6 groups=7,8\n/)
  t.match(stdout, new RegExp(`^ +1 +${SUBORDINATE} +1000$`, 'm'))
  t.match(stdout, /^allow$/m)
  user.configure(config => {
    map(config, [0, SUBORDINATE, 1000])
    config.process.args = ['id']
  })
  const closed = user.runPrivately('run', '--bundle', user.bundle, 'x')
  t.match(closed.stderr, /open_tree.*: permission denied\n.*\/root\/path.*\n.*closed to root of the container/)
  chmodSync(user.directory, 0o755)
  const other = user.runPrivately('run', '--bundle', user.bundle, 'x')
  t.equal(other.stderr, '')
  t.match(other.stdout, /^uid=0 gid=0/)
  user.configure(config => map(config, [0, SUBORDINATE, 70_000]))
  const foreign = user.runPrivately('run', '--bundle', user.bundle, 'x')
  t.match(foreign.stderr, /newuidmap \d+ 0 2000000 70000: exit status 1: .*not allowed\n.*\n.*\/etc\/subuid/)
  t.same(user.ids, [])
})

/** A process in a new user namespace. Its maps are there already, so that nobody may write them once more. */
async function mapped(t: { teardown(work: () => void): void }): Promise<ChildProcess & { pid: number }> {
  const child = spawn('unshare', ['--user', 'sleep', '100'], { stdio: 'ignore' }) as ChildProcess & { pid: number }
  t.teardown(() => child.kill('SIGKILL'))
  const own = readlinkSync('/proc/self/ns/user')
  await until(() => readlinkSync(`/proc/${child.pid}/ns/user`) !== own)
  for (const name of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${name}`, '0 0 1')
  return child
}

t.test('newuidmap and newgidmap are run when the kernel says no', { skip: cannotRun ?? false }, async t => {
  const { pid } = await mapped(t)
  const directory = workDirectory(t)
  const ids = [
    { containerID: 0, hostID: 1, size: 2 },
    { containerID: 3, hostID: 4, size: 5 },
  ]
  const spec = { linux: { uidMappings: ids, gidMappings: ids } } as Draft
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  const program = (name: string, script: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  program(
    'newuidmap',
    `echo "$@" >>${directory}/calls; env >>${directory}/calls; ls /proc/self/fd >>${directory}/calls`,
  )
  program('newgidmap', 'echo sorry >&2; exit 3')
  const failed = thrown(() => writeIdMaps(pid, spec, [join(directory, 'none'), bin]))
  t.match(failed, {
    message: `/linux/gidMappings: newgidmap ${pid} 0 1 2 3 4 5: exit status 3: sorry`,
    where: '/linux/gidMappings',
    hint: /\/etc\/subgid/,
  })
  const calls = readFileSync(join(directory, 'calls'), 'utf8')
  t.equal(calls.split('\n')[0], `${pid} 0 1 2 3 4 5`)
  t.notMatch(calls, /^(?!PWD|SHLVL|_|OLDPWD)[A-Z]+=/m, 'no environment of ours')
  t.match(calls, /^0\n1\n2\n3\n$/m, 'no descriptor of ours: the last one is that of ls')
  t.match(
    thrown(() => writeIdMaps(pid, spec, [join(directory, 'none')])),
    {
      message: /newuidmap is not installed/,
      where: '/linux/uidMappings',
      hint: /package uidmap/,
    },
  )
  program('newuidmap', '')
  chmodSync(join(bin, 'newuidmap'), 0o644)
  t.match(thrown(() => writeIdMaps(pid, spec, [bin])).message, /permission denied/)
})
