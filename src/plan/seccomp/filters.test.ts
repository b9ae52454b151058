// Filters of single profiles: what stands in them, what calls get, what is refused.
import t from 'tap'
import { SECCOMP_FILTER_FLAG } from '../../abi/seccomp.ts'
import { SpecError } from '../../errors.ts'
import type { Seccomp, SyscallRule } from '../../spec/gen/types.ts'
import { compileSeccomp } from './compile.ts'
import { listing, run } from './fixtures/interpreter.ts'
import { ABIS, type Abi } from './fixtures/meaning.ts'

const ALLOW = 0x7fff0000
const EPERM = 0x50001
const ENOSYS = 0x50026
const KILL = 0

const profile = (syscalls: readonly SyscallRule[], more: Partial<Seccomp> = {}): Seccomp => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls,
  ...more,
})
const allow = (...names: string[]): SyscallRule => ({ names, action: 'SCMP_ACT_ALLOW' })

/** What a call gets on x86_64, or on aarch64 for its own and ARM's. */
function verdict(seccomp: Seccomp, abi: Abi, call: string | number, ...args: bigint[]): number {
  const machine = abi === ABIS.aarch64 || abi === ABIS.arm ? 'aarch64' : 'x86_64'
  const [nr] = typeof call === 'number' ? [call] : ([...abi.numbers].find(([, name]) => name === call) ?? [])
  if (nr === undefined) throw new Error(`${abi.name} has no ${call}`)
  return run(compileSeccomp(seccomp, machine).program, { arch: abi.audit, nr, args }).value
}

t.test('a small filter in full', t => {
  const seccomp = profile([
    allow('read', 'write', 'personality'),
    { names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_LE', value: 2 ** 32 + 5 }] },
  ])
  t.equal(
    listing(compileSeccomp(seccomp, 'x86_64').program),
    `   0  load 0x4
   1  if = 0xc000003e then 2 else 17
   2  load 0x0
   3  if >= 0x87 then 12 else 4
   4  if >= 0x38 then 6 else 5
   5  if >= 0x2 then 18 else 14
   6  if >= 0x39 then 18 else 7
   7  load 0x14
   8  if > 0x1 then 18 else 9
   9  if = 0x1 then 10 else 14
  10  load 0x10
  11  if > 0x5 then 18 else 14
  12  if >= 0x40000000 then 16 else 13
  13  if >= 0x88 then 15 else 14
  14  return 0x7fff0000
  15  return 0x50026
  16  if >= 0xffffffff then 18 else 17
  17  return 0x0
  18  return 0x50001
`,
  )
  t.end()
})

t.test('every action has its value', t => {
  const values = {
    SCMP_ACT_KILL: 0,
    SCMP_ACT_KILL_THREAD: 0,
    SCMP_ACT_KILL_PROCESS: 0x80000000,
    SCMP_ACT_TRAP: 0x30000,
    SCMP_ACT_ERRNO: EPERM,
    SCMP_ACT_TRACE: 0x7ff00001,
    SCMP_ACT_ALLOW: ALLOW,
    SCMP_ACT_LOG: 0x7ffc0000,
    SCMP_ACT_NOTIFY: 0x7fc00000,
  } as const
  for (const [name, value] of Object.entries(values)) {
    const action = name as keyof typeof values // of values
    const seccomp = profile([{ names: ['mount'], action }], { defaultErrnoRet: 7 })
    t.equal(verdict(seccomp, ABIS.x86_64, 'mount'), value, action)
    if (action !== 'SCMP_ACT_NOTIFY') t.equal(verdict({ defaultAction: action }, ABIS.x86_64, 'mount'), value)
  }
  t.equal(verdict({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 0 }, ABIS.x86_64, 0), 0x50000)
  t.equal(verdict({ defaultAction: 'SCMP_ACT_TRACE', defaultErrnoRet: 65535 }, ABIS.x86_64, 0), 0x7ff0ffff)
  t.end()
})

t.test('an architecture that is not named is killed, the own one is there unasked', t => {
  const seccomp = profile([allow('read')])
  t.equal(verdict(seccomp, ABIS.x86_64, 'read'), ALLOW)
  t.equal(verdict(seccomp, ABIS.x86, 'read'), KILL)
  t.equal(verdict(seccomp, ABIS.x32, 'read'), KILL)
  t.equal(verdict(seccomp, ABIS.aarch64, 'read'), ALLOW)
  t.equal(verdict(seccomp, ABIS.arm, 'read'), KILL)
  const all = {
    ...seccomp,
    architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM', 'SCMP_ARCH_S390X'],
  } as const
  for (const abi of Object.values(ABIS)) t.equal(verdict(all, abi, 'read'), ALLOW, abi.name)
  t.end()
})

t.test('calls newer than any of the profile do not exist', t => {
  const seccomp = profile([allow('read', 'openat2', 'no_such_call', 'set_tls')], {
    architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM'],
  })
  for (const abi of Object.values(ABIS)) {
    t.equal(verdict(seccomp, abi, 'close_range'), EPERM, `${abi.name}: older`)
    t.equal(verdict(seccomp, abi, 'mseal'), ENOSYS, `${abi.name}: newer`)
  }
  t.equal(verdict(seccomp, ABIS.arm, 'set_tls'), ALLOW)
  t.equal(verdict(seccomp, ABIS.arm, 'usr26'), EPERM)
  t.equal(verdict(seccomp, ABIS.x86, 0xffffffff), ENOSYS)
  t.equal(verdict(profile([allow('read')]), ABIS.x86_64, 0xffffffff), EPERM, 'a tracer skips a call by -1')
  // Names count even where their rules say nothing new.
  const same = profile([{ names: ['openat2'], action: 'SCMP_ACT_ERRNO' }, allow('read')])
  t.equal(verdict(same, ABIS.x86_64, 'close_range'), EPERM)
  t.equal(verdict(profile([]), ABIS.x86_64, 'mseal'), EPERM, 'nothing is newer than nothing')
  const defaults = { SCMP_ACT_ALLOW: ALLOW, SCMP_ACT_LOG: 0x7ffc0000, SCMP_ACT_TRACE: 0x7ff00001 } as const
  for (const [name, value] of Object.entries(defaults)) {
    const defaultAction = name as keyof typeof defaults // of defaults
    const lenient = profile([{ names: ['read'], action: 'SCMP_ACT_KILL' }], { defaultAction })
    t.equal(verdict(lenient, ABIS.x86_64, 'mseal'), value, name)
  }
  for (const defaultAction of ['SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP'] as const)
    t.equal(verdict(profile([allow('read')], { defaultAction }), ABIS.x86_64, 'mseal'), ENOSYS, defaultAction)
  t.end()
})

const when = (action: SyscallRule['action'], ...values: number[]): SyscallRule => ({
  names: ['ioctl'],
  action,
  args: values.map((value, index) => ({ index, op: 'SCMP_CMP_EQ', value })),
})

t.test('which of several rules for a call counts', t => {
  const first = (...rules: SyscallRule[]): number => verdict(profile(rules), ABIS.x86_64, 'ioctl', 1n, 2n)
  t.equal(first(when('SCMP_ACT_LOG', 1), allow('ioctl')), ALLOW, 'an unconditional one beats an earlier one')
  t.equal(first(allow('ioctl'), when('SCMP_ACT_LOG', 1)), ALLOW, 'and a later one')
  t.equal(first(allow('ioctl'), { names: ['ioctl'], action: 'SCMP_ACT_TRAP' }), ALLOW, 'the first unconditional one')
  t.equal(first(when('SCMP_ACT_LOG', 1, 2), when('SCMP_ACT_TRAP', 1)), 0x7ffc0000, 'the first that holds')
  t.equal(first(when('SCMP_ACT_LOG', 1, 3), when('SCMP_ACT_TRAP', 1)), 0x30000)
  t.equal(first(when('SCMP_ACT_LOG', 3), when('SCMP_ACT_ERRNO', 1)), EPERM, 'none')
  t.equal(
    first(when('SCMP_ACT_LOG', 1), { names: ['ioctl'], action: 'SCMP_ACT_ERRNO' }),
    0x7ffc0000,
    'the default again',
  )
  t.end()
})

t.test('several conditions on one argument are rules of their own', t => {
  const range = { index: 1, op: 'SCMP_CMP_GE', value: 10 } as const
  const seccomp = profile([
    { names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args: [range, { ...range, value: 3, op: 'SCMP_CMP_LT' }] },
  ])
  t.same(
    [2n, 5n, 10n].map(value => verdict(seccomp, ABIS.x86_64, 'ioctl', 0n, value)),
    [ALLOW, EPERM, ALLOW],
  )
  t.end()
})

t.test('i386 reaches sockets and System V IPC by two ways', t => {
  const more = { architectures: ['SCMP_ARCH_X86'] } as const
  const plain = profile([allow('socket', 'shmat')], more)
  t.equal(verdict(plain, ABIS.x86, 'socket'), ALLOW)
  t.equal(verdict(plain, ABIS.x86, 'socketcall', 1n), ALLOW)
  t.equal(verdict(plain, ABIS.x86, 'socketcall', 2n), EPERM)
  t.equal(verdict(plain, ABIS.x86, 'ipc', 21n), ALLOW)
  t.equal(verdict(plain, ABIS.x86, 'ipc', 0x10015n), ALLOW, 'whatever version of it')
  t.equal(verdict(plain, ABIS.x86, 'ipc', 22n), EPERM)
  const args = [{ index: 0, op: 'SCMP_CMP_EQ', value: 40 }] as const
  const checked = profile([{ names: ['socket'], action: 'SCMP_ACT_ALLOW', args }], more)
  t.equal(verdict(checked, ABIS.x86, 'socket', 40n), ALLOW)
  t.equal(verdict(checked, ABIS.x86, 'socketcall', 1n), EPERM, 'a condition that cannot be looked at is not met')
  const denied = profile([{ names: ['socket'], action: 'SCMP_ACT_ERRNO', args }], {
    ...more,
    defaultAction: 'SCMP_ACT_ALLOW',
  })
  t.equal(verdict(denied, ABIS.x86, 'socketcall', 1n), EPERM, 'nor got around')
  t.equal(verdict(denied, ABIS.x86, 'socketcall', 2n), ALLOW)
  const both = profile([allow('socketcall'), { names: ['socket'], action: 'SCMP_ACT_TRAP' }], more)
  t.equal(verdict(both, ABIS.x86, 'socketcall', 1n), ALLOW, 'a rule for the way itself counts')
  t.end()
})

t.test('numbers of up to 64 bits, as a number or a bigint', t => {
  for (const value of [0xffff_ffff_ffff_ffffn, 2 ** 40, 2n ** 40n]) {
    const args = [{ index: 2, op: 'SCMP_CMP_EQ', value }] as const
    const seccomp = profile([{ names: ['mmap'], action: 'SCMP_ACT_ALLOW', args }])
    t.equal(verdict(seccomp, ABIS.x86_64, 'mmap', 0n, 0n, BigInt(value)), ALLOW)
    t.equal(verdict(seccomp, ABIS.x86_64, 'mmap', 0n, 0n, BigInt(value) & 0xffff_ffffn), EPERM)
    t.equal(verdict(seccomp, ABIS.x86_64, 'mmap', 0n, 0n, BigInt(value) >> 1n), EPERM)
  }
  t.end()
})

t.test('flags', t => {
  const { bits } = SECCOMP_FILTER_FLAG
  const notify: SyscallRule = { names: ['mount'], action: 'SCMP_ACT_NOTIFY' }
  const flagsOf = (flags: Seccomp['flags'], ...rules: SyscallRule[]): string =>
    SECCOMP_FILTER_FLAG.format(compileSeccomp(profile(rules, flags === undefined ? {} : { flags }), 'x86_64').flags)
  t.equal(compileSeccomp(profile([]), 'x86_64').flags, bits.SECCOMP_FILTER_FLAG_SPEC_ALLOW)
  t.equal(flagsOf([]), '0')
  t.equal(flagsOf(['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_TSYNC']), 'SECCOMP_FILTER_FLAG_LOG')
  t.equal(flagsOf(['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']), '0', 'nobody waits')
  t.equal(
    flagsOf(['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'], notify),
    'SECCOMP_FILTER_FLAG_NEW_LISTENER|SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
  )
  t.equal(compileSeccomp(profile([notify]), 'x86_64').notifies, true)
  t.equal(compileSeccomp(profile([allow('mount')]), 'x86_64').notifies, false)
  t.end()
})

function problemOf(seccomp: Seccomp): unknown {
  try {
    compileSeccomp(seccomp, 'x86_64')
  } catch (error) {
    return error instanceof SpecError ? error.problems[0] : error
  }
  return undefined
}

t.test('two actions for the same conditions are refused', t => {
  t.match(problemOf(profile([allow('read'), when('SCMP_ACT_LOG', 1), when('SCMP_ACT_TRAP', 1)])), {
    pointer: '/linux/seccomp/syscalls/2',
    message: 'has the conditions of an earlier rule for the same call, but another action',
  })
  t.equal(problemOf(profile([when('SCMP_ACT_LOG', 1), when('SCMP_ACT_LOG', 1), when('SCMP_ACT_TRAP', 2)])), undefined)
  t.end()
})
