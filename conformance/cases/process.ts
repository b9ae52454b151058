// config.md#process: arguments, environment, working directory, user, limits, and what else belongs to one process.
import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { type Case, defineCase } from '../case.ts'
import { refuses, set } from '../changes.ts'
import { holds, limitsOf, statusOf } from '../processes.ts'
import type { World } from '../world.ts'

const PROCESS = 'config.md process'
const LINUX = 'config.md linux-process'
const USER = 'config.md posix-platform-user'
const RLIMITS = 'config.md posix-process'

const CAP_SYS_RESOURCE = 24

/** What the program printed, run as it is in the config. */
function run(world: World): string {
  world.bundle.write()
  return world.ok('run', '--bundle', world.bundle.path, world.id).stdout
}

const argumentCases: readonly Case[] = [
  defineCase(PROCESS, 'the arguments arrive as they are written', world => {
    const args = ['', 'two words', '$HOME', 'new\nline', 'ünïcode 🙂', '--', '"', 'x'.repeat(100_000)]
    world.bundle.config.process.args = ['sh', '-c', 'printf "<%s>" "$@"', 'name', ...args]
    assert.equal(run(world), args.map(arg => `<${arg}>`).join(''))
  }),

  defineCase(PROCESS, 'a name with a slash is a path, relative to the working directory', world => {
    copyFileSync(world.bundle.inRoot('bin/busybox'), world.bundle.inRoot('tmp/echo'))
    set(world, { 'process/args': ['./echo', 'here'], 'process/cwd': '/tmp', 'process/env': [] })
    assert.equal(run(world), 'here\n')
  }),

  defineCase(PROCESS, 'a name without a slash is looked for in PATH of process.env, in its order', world => {
    for (const [directory, mode] of [
      ['first', 0o644],
      ['second', 0o755],
      ['third', 0o755],
    ] as const) {
      mkdirSync(world.bundle.inRoot(directory))
      writeFileSync(world.bundle.inRoot(`${directory}/program`), `#!/bin/sh\necho ${directory}\n`)
      chmodSync(world.bundle.inRoot(`${directory}/program`), mode)
    }
    mkdirSync(world.bundle.inRoot('bin/program'))
    set(world, { 'process/args': ['program'], 'process/env': ['PATH=/nowhere:/bin:/first:/second:/third'] })
    assert.equal(run(world), 'second\n')
  }),

  defineCase(PROCESS, 'the environment is that of process.env, with HOME, and nothing of the caller', world => {
    set(world, { 'process/env': ['PATH=/bin', 'A=1=2', 'EMPTY=', 'HOME=/tmp', `LONG=${'y'.repeat(100_000)}`] })
    const found = world.output('env').split('\n')
    const usual = /^(PWD|SHLVL|OLDPWD|_)=|^$/ // of the shell
    assert.deepEqual(found.filter(line => !usual.test(line)).sort(), [...world.bundle.config.process.env].sort())
  }),

  defineCase('runc: environment', 'HOME comes from the passwd file of the container, or is /', world => {
    assert.equal(world.output('echo $HOME'), '/\n')
    writeFileSync(world.bundle.inRoot('etc/passwd'), 'root:x:0:0::/tmp:/bin/sh\n')
    assert.equal(world.output('echo $HOME'), '/tmp\n')
  }),

  defineCase('runc: environment', 'of a variable that is given twice the last one counts', world => {
    set(world, { 'process/env': ['PATH=/bin', 'TWICE=first', 'TWICE=last'] })
    assert.equal(world.output('env | grep ^TWICE'), 'TWICE=last\n')
  }),

  defineCase(PROCESS, 'a variable without "=" is an error', world => {
    refuses(world, [{ 'process/env': ['PATH=/bin', 'NOTHING'] }])
  }),

  defineCase(PROCESS, 'the working directory is that of the config, through links of the image too', world => {
    mkdirSync(world.bundle.inRoot('a/b'), { recursive: true })
    symlinkSync('/a', world.bundle.inRoot('link'))
    set(world, { 'process/cwd': '/link/b' })
    assert.equal(world.output('/bin/pwd -P'), '/a/b\n')
    set(world, { 'process/cwd': '/a/b/../../a' })
    assert.equal(world.output('/bin/pwd -P'), '/a\n')
  }),

  defineCase('runc: cwd', 'a working directory that is missing is made, inside the root', world => {
    set(world, { 'process/cwd': '/new/er' })
    assert.equal(world.output('pwd'), '/new/er\n')
  }),

  defineCase(PROCESS, 'a working directory that is a file, or leads nowhere, is an error', world => {
    writeFileSync(world.bundle.inRoot('file'), '')
    symlinkSync('loop', world.bundle.inRoot('loop'))
    refuses(world, [{ 'process/cwd': '/file' }, { 'process/cwd': '/loop' }, { 'process/cwd': '' }])
  }),
]

const userCases: readonly Case[] = [
  defineCase(USER, 'the program has the ids and groups of the config, seen from inside and from outside', world => {
    set(world, { 'process/user': { uid: 1234, gid: 5678, additionalGids: [7, 100, 2_000_000_000] } })
    assert.equal(world.output('id -u; id -g; id -G'), '1234\n5678\n5678 7 100 2000000000\n')
    world.bundle.config.process.args = ['sleep', '100']
    const { Uid, Gid, Groups } = statusOf(world.sleeping())
    assert.equal(Uid, '1234\t1234\t1234\t1234')
    assert.equal(Gid, '5678\t5678\t5678\t5678')
    assert.equal(Groups?.trim(), '7 100 2000000000')
  }),

  defineCase(USER, 'without additional groups there are none of the caller', world => {
    assert.equal(world.output('grep ^Groups /proc/self/status').replace('Groups:', '').trim(), '')
  }),

  defineCase(USER, 'as many groups as the kernel takes, and none more', world => {
    const groups = (length: number) => Array.from({ length }, (_, index) => index + 1)
    set(world, { 'process/user/additionalGids': groups(65_536) })
    assert.equal(world.output('id -G | wc -w').trim(), '65537')
    set(world, { 'process/user/additionalGids': groups(65_537) })
    world.refused()
  }),

  defineCase(USER, 'a group that the user namespace does not map is an error', world => {
    const some = [{ containerID: 0, hostID: 0, size: 1000 }]
    set(world, { 'linux/uidMappings': some, 'linux/gidMappings': some })
    world.bundle.config.linux.namespaces.push({ type: 'user' })
    set(world, { 'process/user/additionalGids': [999] })
    assert.equal(world.output('id -G'), '0 999\n')
    set(world, { 'process/user/additionalGids': [1000] })
    world.refused()
  }),

  defineCase('runc: umask', 'the umask is 0022 where the config has none', world => {
    assert.equal(world.output('umask; echo >/made; stat -c %a /made'), '0022\n644\n')
  }),

  defineCase(USER, 'the umask is that of the config', world => {
    for (const umask of [0, 0o77, 0o777]) {
      set(world, { 'process/user/umask': umask })
      assert.equal(world.output('umask'), `0${umask.toString(8).padStart(3, '0')}\n`)
    }
  }),
]

/** Name in the config → name in /proc/PID/limits, and what the limit is lowered to. */
const LIMITS = {
  RLIMIT_AS: ['Max address space', 2 ** 40],
  RLIMIT_CORE: ['Max core file size', 3],
  RLIMIT_CPU: ['Max cpu time', 1000],
  RLIMIT_DATA: ['Max data size', 2 ** 39],
  RLIMIT_FSIZE: ['Max file size', 2 ** 41],
  RLIMIT_LOCKS: ['Max file locks', 77],
  RLIMIT_MEMLOCK: ['Max locked memory', 4096],
  RLIMIT_MSGQUEUE: ['Max msgqueue size', 1024],
  RLIMIT_NICE: ['Max nice priority', 0],
  RLIMIT_NOFILE: ['Max open files', 50],
  RLIMIT_NPROC: ['Max processes', 100],
  RLIMIT_RSS: ['Max resident set', 2 ** 38],
  RLIMIT_RTPRIO: ['Max realtime priority', 0],
  RLIMIT_RTTIME: ['Max realtime timeout', 9999],
  RLIMIT_SIGPENDING: ['Max pending signals', 44],
  RLIMIT_STACK: ['Max stack size', 2 ** 20],
} as const

const rlimitCases: readonly Case[] = [
  defineCase(RLIMITS, 'each limit of getrlimit is set, soft and hard', world => {
    const rlimits = Object.entries(LIMITS).map(([type, [, hard]]) => ({ type, soft: Math.floor(hard / 2), hard }))
    set(world, { 'process/rlimits': rlimits })
    const wanted = Object.values(LIMITS).map(([name, hard]) => [name, `${Math.floor(hard / 2)} ${hard}`])
    const inside = limitsOf(world.output('cat /proc/self/limits'))
    assert.deepEqual({ ...inside, ...Object.fromEntries(wanted) }, inside)
    world.bundle.config.process.args = ['sleep', '100']
    const outside = limitsOf(readFileSync(`/proc/${world.sleeping()}/limits`, 'utf8'))
    assert.deepEqual(outside, inside)
  }),

  defineCase(RLIMITS, 'a type that is given twice is an error', world => {
    const limit = (soft: number) => ({ type: 'RLIMIT_NPROC', soft, hard: 100 })
    refuses(world, [{ 'process/rlimits': [limit(50), limit(60)] }, { 'process/rlimits': [limit(50), limit(50)] }])
  }),

  defineCase(RLIMITS, 'a type of limit that the kernel does not have is an error', world => {
    for (const type of ['RLIMIT_NOPE', 'NOFILE', '', 'rlimit_cpu'])
      refuses(world, [{ 'process/rlimits': [{ type, soft: 1, hard: 1 }] }])
  }),

  defineCase(RLIMITS, 'a soft limit above the hard one, and a hard one that may not be had, is an error', world => {
    const limit = (soft: number, hard: number) => ({ 'process/rlimits': [{ type: 'RLIMIT_NOFILE', soft, hard }] })
    refuses(world, [limit(20, 10), limit(10, 2 ** 50)])
  }),
]

const linuxCases: readonly Case[] = [
  defineCase(LINUX, 'oomScoreAdj is set when it is given, and left alone when not', world => {
    const own = readFileSync('/proc/self/oom_score_adj', 'utf8')
    assert.equal(world.output('cat /proc/self/oom_score_adj'), own)
    for (const oomScoreAdj of [Math.max(0, Number(own)), 1000]) {
      set(world, { 'process/oomScoreAdj': oomScoreAdj })
      assert.equal(world.output('cat /proc/self/oom_score_adj'), `${oomScoreAdj}\n`)
    }
  }),

  defineCase(LINUX, 'an oomScoreAdj that takes a privilege is had with it, and is an error without', world => {
    set(world, { 'process/oomScoreAdj': -1000 })
    if (holds(statusOf('self').CapEff, CAP_SYS_RESOURCE))
      assert.equal(world.output('cat /proc/self/oom_score_adj'), '-1000\n')
    else world.refused(/oom_score_adj|oom score/i)
  }),

  defineCase(LINUX, 'noNewPrivileges is set when it is true, and only then', world => {
    for (const [value, seen] of [
      [undefined, 0],
      [false, 0],
      [true, 1],
    ] as const) {
      set(world, { 'process/noNewPrivileges': value })
      assert.equal(world.output('grep NoNewPrivs /proc/self/status'), `NoNewPrivs:\t${seen}\n`)
    }
  }),

  defineCase('runc: session', 'the program leads a session of its own', world => {
    assert.equal(world.output('cut -d" " -f1,5,6 /proc/self/stat; echo $$').split('\n')[1], '1')
    const [, group, session] = world.output('cut -d" " -f1,5,6 /proc/$$/stat').trim().split(' ')
    assert.deepEqual([group, session], ['1', '1'])
  }),

  defineCase('runc: session', 'a session keyring of its own, unless --no-new-keyring is given', world => {
    const keys = `grep -c '_ses[.]${world.id}:' /proc/keys || true`
    assert.equal(world.output(keys, '--no-new-keyring'), '0\n')
    assert.notEqual(world.output(keys), '0\n') // threads of the runtime may have had some more
  }),
]

export const processCases: readonly Case[] = [...argumentCases, ...userCases, ...rlimitCases, ...linuxCases]
