// config-linux.md, "Seccomp": what a filter does is seen from inside by calls of busybox: mkdir with a mode, chmod.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type Case, defineCase } from '../case.ts'
import { ALLOWED } from '../profile.ts'
import type { Result } from '../runtime.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md seccomp'
const DIALECT = 'runc: seccomp'

const MKDIR = ['mkdir', 'mkdirat']
/** 128 + SIGSYS */
const KILLED = 159

interface Rule {
  names: string[]
  action: string
  errnoRet?: number
  args?: { index: number; value: number; valueTwo?: number; op: string }[]
}

/** Everything is allowed but for the rules. */
const allowing = (...syscalls: Rule[]): object => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls })
const onMkdir = (action: string, rest: Partial<Rule> = {}): Rule => ({ names: MKDIR, action, ...rest })

/** Runs the script under the filter. */
function run(world: World, seccomp: object, script: string): Result {
  world.bundle.config.linux.seccomp = seccomp
  world.bundle.script(script).write()
  const result = world.runtime.run(['run', '--bundle', world.bundle.path, world.id])
  assert.notEqual(result.status, null)
  return result
}

/** What mkdir says, and whether it has made the directory. */
function mkdir(world: World, seccomp: object): { made: boolean; says: string; status: number | null } {
  const { linux } = world.bundle.config
  linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid') // process 1 is immune to some signals
  const { status, stderr } = run(world, seccomp, 'mkdir /made; echo $?')
  assert.equal(status, 0, stderr)
  const ended = run(world, seccomp, 'exec mkdir /tmp/other')
  return { made: existsSync(world.bundle.inRoot('made')), says: stderr, status: ended.status }
}

function refuses(world: World, seccomp: object, says?: RegExp): void {
  world.bundle.config.linux.seccomp = seccomp
  world.refused(says)
}

/** Modes of chmod for which the condition holds. */
function modes(world: World, op: string, value: number, valueTwo?: number): number[] {
  const rule = (name: string, index: number): Rule => ({
    names: [name],
    action: 'SCMP_ACT_ERRNO',
    args: [{ index, op, value, ...(valueTwo === undefined ? {} : { valueTwo }) }],
  })
  const tried = [0o600, 0o700, 0o701]
  const script = tried.map(mode => `chmod ${mode.toString(8)} /file 2>/dev/null || echo ${mode}`).join('; ')
  world.bundle.touch('file')
  const { stdout } = run(world, allowing(rule('chmod', 1), rule('fchmodat', 2)), script)
  return stdout.split('\n').filter(Boolean).map(Number)
}

const OPERATORS: readonly (readonly [op: string, holds: number[], value: number, valueTwo?: number])[] = [
  ['SCMP_CMP_EQ', [0o700], 0o700],
  ['SCMP_CMP_NE', [0o600, 0o701], 0o700],
  ['SCMP_CMP_LT', [0o600], 0o700],
  ['SCMP_CMP_LE', [0o600, 0o700], 0o700],
  ['SCMP_CMP_GE', [0o700, 0o701], 0o700],
  ['SCMP_CMP_GT', [0o701], 0o700],
  ['SCMP_CMP_MASKED_EQ', [0o700, 0o701], 0o100, 0o100],
]

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

const conditionCases: readonly Case[] = [
  ...OPERATORS.map(([op, holds, value, valueTwo]) =>
    defineCase(SECTION, `${op} compares an argument`, world =>
      assert.deepEqual(modes(world, op, value, valueTwo), holds),
    ),
  ),

  defineCase(SECTION, 'conditions on several arguments have all to hold', world => {
    world.bundle.touch('file')
    const rule = (mode: number, name: string, index: number): Rule => ({
      names: [name],
      action: 'SCMP_ACT_ERRNO',
      args: [
        { index, op: 'SCMP_CMP_EQ', value: mode },
        { index: index - 1, op: 'SCMP_CMP_NE', value: 0 },
      ],
    })
    const both = run(world, allowing(rule(0o700, 'chmod', 1), rule(0o700, 'fchmodat', 2)), 'chmod 700 /file')
    assert.match(both.stderr, /Operation not permitted/)
    const one = run(world, allowing(rule(0o701, 'chmod', 1), rule(0o701, 'fchmodat', 2)), 'chmod 700 /file')
    assert.equal(one.status, 0, one.stderr)
  }),

  defineCase(DIALECT, 'conditions on one argument hold each for itself', world => {
    world.bundle.touch('file')
    const args = (index: number) => [
      { index, op: 'SCMP_CMP_EQ', value: 0o700 },
      { index, op: 'SCMP_CMP_EQ', value: 0o701 },
    ]
    const seccomp = allowing(
      { names: ['chmod'], action: 'SCMP_ACT_ERRNO', args: args(1) },
      { names: ['fchmodat'], action: 'SCMP_ACT_ERRNO', args: args(2) },
    )
    const script = 'for mode in 600 700 701; do chmod $mode /file 2>/dev/null || echo $mode; done'
    assert.equal(run(world, seccomp, script).stdout, '700\n701\n')
  }),

  defineCase(DIALECT, 'names of calls that do not exist are passed over', world => {
    const names = [...MKDIR, 'no_such_call']
    assert.match(mkdir(world, allowing({ names, action: 'SCMP_ACT_ERRNO' })).says, /Operation not permitted/)
  }),

  defineCase(DIALECT, 'a rule that repeats the default changes nothing', world => {
    assert.equal(run(world, allowing(onMkdir('SCMP_ACT_ALLOW')), 'mkdir /made').status, 0)
  }),
]

const refusalCases: readonly Case[] = [
  defineCase(SECTION, 'a filter without a default action is an error', world =>
    refuses(world, { syscalls: [onMkdir('SCMP_ACT_ERRNO')] }),
  ),
  defineCase(SECTION, 'a rule without an action is an error', world =>
    refuses(world, { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: MKDIR }] }),
  ),
  defineCase(SECTION, 'a rule without names is an error', world => {
    refuses(world, { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ action: 'SCMP_ACT_ERRNO' }] })
    refuses(world, allowing({ names: [], action: 'SCMP_ACT_ERRNO' }))
  }),
  defineCase(SECTION, 'an action that nobody knows is an error', world => {
    refuses(world, { defaultAction: 'SCMP_ACT_NONE' })
    refuses(world, allowing(onMkdir('SCMP_ACT_NONE')))
  }),
  defineCase(SECTION, 'an operator that nobody knows is an error', world =>
    refuses(world, allowing(onMkdir('SCMP_ACT_ERRNO', { args: [{ index: 0, value: 0, op: 'SCMP_CMP_NONE' }] }))),
  ),
  defineCase(SECTION, 'an architecture that nobody knows is an error', world =>
    refuses(world, { ...allowing(), architectures: ['SCMP_ARCH_NONE'] }),
  ),
  defineCase(SECTION, 'a flag that nobody knows is an error', world =>
    refuses(world, { ...allowing(), flags: ['SECCOMP_FILTER_FLAG_NONE'] }),
  ),
  defineCase(DIALECT, 'a filter that forbids to execute the program is an error', world => {
    const seccomp = allowing({ names: ['execve', 'execveat'], action: 'SCMP_ACT_ERRNO' })
    const { status, stderr } = run(world, seccomp, 'true')
    assert.notEqual(status, 0)
    assert.match(stderr, /operation not permitted|blocked/i)
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

export const seccompCases: readonly Case[] = [...actionCases, ...conditionCases, ...refusalCases, ...settingCases]
