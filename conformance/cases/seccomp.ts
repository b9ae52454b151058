// config-linux.md, "Seccomp": actions, flags, architectures, and who has the filter.
import assert from 'node:assert/strict'
import { type Case, defineCase } from '../case.ts'
import { allowing, MKDIR, mkdir, onMkdir, refuses, run } from '../filtered.ts'
import { ALLOWED } from '../profile.ts'

const SECTION = 'config-linux.md seccomp'
const DIALECT = 'runc: seccomp'

/** 128 + SIGSYS */
const KILLED = 159

const actionCases: readonly Case[] = [
  defineCase(SECTION, 'the program and its children have the filter', world => {
    const script = 'grep ^Seccomp: /proc/self/status; sh -c "grep ^Seccomp: /proc/self/status"'
    const { stdout } = run(world, allowing(onMkdir('SCMP_ACT_ERRNO')), script)
    assert.equal(stdout, 'Seccomp:\t2\nSeccomp:\t2\n')
  }),

  defineCase(SECTION, 'SCMP_ACT_ALLOW and SCMP_ACT_LOG let a call through', world => {
    for (const action of ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG']) {
      const syscalls = [{ names: ALLOWED, action: 'SCMP_ACT_ALLOW' }, onMkdir(action)]
      const seccomp = { defaultAction: 'SCMP_ACT_ERRNO', syscalls }
      assert.equal(run(world, seccomp, 'mkdir /made && rmdir /made').status, 0, action)
    }
  }),

  defineCase(SECTION, 'SCMP_ACT_ERRNO gives EPERM, or errnoRet', world => {
    assert.match(mkdir(world, allowing(onMkdir('SCMP_ACT_ERRNO'))).says, /Operation not permitted/)
    const { made, says } = mkdir(world, allowing(onMkdir('SCMP_ACT_ERRNO', { errnoRet: 28 })))
    assert.match(says, /No space left on device/)
    assert.equal(made, false)
  }),

  defineCase(SECTION, 'SCMP_ACT_KILL_PROCESS ends the process with SIGSYS', world => {
    const { made, status } = mkdir(world, allowing(onMkdir('SCMP_ACT_KILL_PROCESS')))
    assert.deepEqual({ made, status }, { made: false, status: KILLED })
  }),

  defineCase(SECTION, 'SCMP_ACT_KILL and SCMP_ACT_KILL_THREAD end the thread with SIGSYS', world => {
    for (const action of ['SCMP_ACT_KILL', 'SCMP_ACT_KILL_THREAD']) {
      const { made, status } = mkdir(world, allowing(onMkdir(action)))
      assert.deepEqual({ made, status }, { made: false, status: KILLED }, action)
    }
  }),

  defineCase(SECTION, 'SCMP_ACT_TRAP sends SIGSYS', world => {
    const { made, status } = mkdir(world, allowing(onMkdir('SCMP_ACT_TRAP')))
    assert.deepEqual({ made, status }, { made: false, status: KILLED })
  }),

  defineCase(SECTION, 'SCMP_ACT_TRACE fails without a tracer', world => {
    const { made, says } = mkdir(world, allowing(onMkdir('SCMP_ACT_TRACE')))
    assert.match(says, /Function not implemented/)
    assert.equal(made, false)
  }),

  defineCase(SECTION, 'the default action holds for what no rule names', world => {
    const seccomp = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ALLOWED, action: 'SCMP_ACT_ALLOW' }] }
    assert.match(mkdir(world, seccomp).says, /Operation not permitted/)
    assert.match(mkdir(world, { ...seccomp, defaultErrnoRet: 28 }).says, /No space left on device/)
    assert.equal(mkdir(world, { ...seccomp, defaultAction: 'SCMP_ACT_KILL_PROCESS' }).status, KILLED)
  }),

  defineCase(SECTION, 'an errno with an action that has none is an error', world => {
    for (const action of ['SCMP_ACT_ALLOW', 'SCMP_ACT_KILL', 'SCMP_ACT_TRAP', 'SCMP_ACT_LOG'])
      refuses(world, allowing(onMkdir(action, { errnoRet: 28 })))
    for (const defaultAction of ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG'])
      refuses(world, { defaultAction, defaultErrnoRet: 28 })
  }),
]

const settingCases: readonly Case[] = [
  defineCase(SECTION, 'flags are accepted', world => {
    const flags = ['SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW']
    for (const some of [[], flags, ...flags.map(flag => [flag])]) {
      const { says } = mkdir(world, { ...allowing(onMkdir('SCMP_ACT_ERRNO')), flags: some })
      assert.match(says, /Operation not permitted/, String(some))
    }
  }),

  defineCase(SECTION, 'the native architecture counts also when others are listed', world => {
    for (const architectures of [
      ['SCMP_ARCH_X86'],
      ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
    ]) {
      const { says } = mkdir(world, { ...allowing(onMkdir('SCMP_ACT_ERRNO')), architectures })
      assert.match(says, /Operation not permitted/, String(architectures))
    }
  }),

  defineCase(SECTION, 'every user has the filter, with and without new privileges', world => {
    const { process } = world.bundle.config
    const look = 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status; mkdir /tmp/made'
    world.bundle.config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
    for (const uid of [0, 1000])
      for (const noNewPrivileges of [false, true]) {
        Object.assign(process, { user: { uid, gid: uid }, noNewPrivileges })
        const { stdout, stderr } = run(world, allowing(onMkdir('SCMP_ACT_ERRNO')), look)
        assert.equal(stdout, `NoNewPrivs:\t${Number(noNewPrivileges)}\nSeccomp:\t2\n`)
        assert.match(stderr, /Operation not permitted/)
      }
  }),

  defineCase(SECTION, 'the capabilities of the program are those of the config', world => {
    const { process } = world.bundle.config
    const sets = ['bounding', 'effective', 'permitted', 'inheritable', 'ambient']
    const script = 'grep ^Cap /proc/self/status'
    for (const uid of [0, 1000]) {
      const names = ['CAP_KILL', 'CAP_CHOWN']
      Object.assign(process, {
        user: { uid, gid: uid },
        capabilities: Object.fromEntries(sets.map(set => [set, names])),
      })
      const seen = run(world, allowing(onMkdir('SCMP_ACT_ERRNO')), script).stdout
      const mask = '0000000000000021'
      assert.equal(seen, ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map(set => `Cap${set}:\t${mask}\n`).join(''))
    }
  }),

  defineCase(SECTION, 'a container in a user namespace has the filter', world => {
    const { linux } = world.bundle.config
    linux.namespaces.push({ type: 'user' })
    linux.uidMappings = linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
    const script = 'grep ^Seccomp: /proc/self/status; mkdir /made'
    const { stdout, stderr } = run(world, allowing(onMkdir('SCMP_ACT_ERRNO')), script)
    assert.equal(stdout, 'Seccomp:\t2\n')
    assert.match(stderr, /Operation not permitted/)
  }),

  defineCase(DIALECT, 'a profile such as an engine has runs a program', world => {
    const syscalls = [{ names: [...ALLOWED, ...MKDIR], action: 'SCMP_ACT_ALLOW' }]
    const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']
    const seccomp = { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, architectures, syscalls }
    const { status, stdout, stderr } = run(
      world,
      seccomp,
      'mkdir /made; ls / | grep made; id; mount -t tmpfs x /tmp; exit 4',
    )
    assert.match(stdout, /^made\nuid=0/)
    assert.match(stderr, /permi|not permitted/i)
    assert.equal(status, 4)
  }),
]

export const seccompCases: readonly Case[] = [...actionCases, ...settingCases]
