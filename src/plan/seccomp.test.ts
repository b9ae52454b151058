import t from 'tap'
import { golden, stageListing, testContext, testFacts, testOptions, testSpec } from '../dev/golden.ts'
import { SpecError, UnsupportedError } from '../errors.ts'
import { thrown } from '../host/testing.ts'
import type { Op } from '../program/op.ts'
import type { Process, Seccomp, SyscallRule } from '../spec/gen/types.ts'
import { planCapabilities } from './capabilities.ts'
import { planExec, planGate } from './gate.ts'
import { planStartContainerHooks } from './hooks.ts'
import { planInit } from './init.ts'
import { handsListenerOver, planFilter } from './seccomp/filter.ts'
import { planListener } from './seccomp.ts'

const filter = (context: Parameters<typeof planFilter>[0]) => planFilter(context)

/** The size of a program is the compiler's business. */
const masked = (text: string): string => text.replace(/len=\d+, filter=<\d+/g, 'len=N, filter=<N')

const rule = (action: SyscallRule['action'], ...names: string[]): SyscallRule => ({ action, names })
const allowing = (...syscalls: SyscallRule[]): Seccomp => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls })

function listing(seccomp: Seccomp, process: Partial<Process> = {}): string {
  const spec = { hooks: { startContainer: [{ path: '/bin/hook', env: ['A=1'] }] } }
  const given = { spec, linux: { seccomp }, process: { args: ['/bin/sh'], ...process }, options: { filter } }
  return masked(stageListing(given, planCapabilities, planListener, planGate, planStartContainerHooks, planExec))
}

t.test('a filter that may be in the way: before each execve of the container, CAP_SYS_ADMIN until then', t => {
  const seccomp = allowing(rule('SCMP_ACT_ERRNO', 'capset'))
  const text = listing(seccomp, { user: { uid: 1000, gid: 1000 } })
  t.equal(text, golden('seccomp', text))
  const allowed = listing(seccomp, { noNewPrivileges: true })
  t.notMatch(allowed, 'CAP_SYS_ADMIN')
  t.equal(allowed.split('seccomp(').length, 3)
  t.end()
})

t.test('a filter that lets all calls of init through: once, before READY, and CAP_SYS_ADMIN is given back', t => {
  const text = listing(allowing(rule('SCMP_ACT_ERRNO', 'mkdir')))
  t.equal(text, golden('seccomp-early', text))
  const ADMIN = ['CAP_SYS_ADMIN'] as const
  const kept = listing(allowing(), { capabilities: { bounding: ADMIN, effective: ADMIN, permitted: ADMIN } })
  t.equal(kept.split('seccomp(').length, 3, 'nothing is won where the program has it, too')
  t.end()
})

t.test('which filters let all calls of init through', t => {
  const isEarly = (seccomp: Seccomp): boolean =>
    listing(seccomp).indexOf('seccomp(') < listing(seccomp).indexOf('<READY')
  const calls = listing(allowing()).match(/(?<= )[a-z_0-9]+(?=\()/g)
  const behind = new Set(calls?.slice(calls.indexOf('seccomp') + 1))
  t.ok(behind.size > 10)
  for (const name of ['exit_group', 'ppoll', 'pidfd_send_signal', 'prlimit64', ...behind])
    for (const action of ['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE'] as const)
      if (name !== 'execve' || action === 'SCMP_ACT_TRACE') t.notOk(isEarly(allowing(rule(action, name))), name)
  const where = (index: number, value: number, valueTwo: number): Seccomp =>
    allowing({
      ...rule('SCMP_ACT_ERRNO', 'clone'),
      args: [{ index, op: 'SCMP_CMP_MASKED_EQ', value, valueTwo }],
    })
  const [NEWNS, PIDFD] = [0x20000, 0x1000]
  t.ok(isEarly(where(0, NEWNS, NEWNS)), 'the flags of clone are known')
  t.notOk(isEarly(where(0, PIDFD, PIDFD)))
  t.notOk(isEarly(where(1, 1, 1)), 'another argument is not')
  t.ok(isEarly(allowing(rule('SCMP_ACT_LOG', 'write'))))
  t.end()
})

t.test('with a listener: once, before READY', t => {
  const seccomp = { ...allowing(rule('SCMP_ACT_NOTIFY', 'mkdir')), listenerPath: '/run/agent' }
  const text = listing(seccomp)
  t.equal(text, golden('seccomp-listener', text))
  t.end()
})

const plan = (seccomp: Seccomp, known?: bigint, facts = testFacts()): Op[] => {
  const options = testOptions({ filter: context => planFilter(context, known) })
  return planInit(testSpec({ process: { args: ['/bin/sh'] }, linux: { seccomp } }), facts, options)
}

t.test('a path without anything to be told of is not used', t => {
  const listenerPath = '/run/agent'
  t.notOk(handsListenerOver(plan({ ...allowing(), listenerPath })))
  t.ok(handsListenerOver(plan({ ...allowing(rule('SCMP_ACT_NOTIFY', 'mkdir')), listenerPath })))
  t.end()
})

t.test('a filter is never left out', t => {
  const spec = testSpec({ linux: { seccomp: allowing() } })
  t.match(thrown(() => planInit(spec, testFacts(), testOptions())).message, /needs its filter/)
  t.same(planListener(testContext()), [])
  t.end()
})

/** What seccomp(2) gets as its flags. */
const flagsOf = (ops: readonly Op[]): unknown =>
  ops.flatMap(op => (op.kind === 'syscall' && op.name === 'seccomp' ? [op.args[1]] : []))[0]

t.test('flags', t => {
  const [TSYNC, LOG, SPEC_ALLOW, NEW_LISTENER, WAIT_KILLABLE_RECV] = [1n, 2n, 4n, 8n, 32n]
  const rules = allowing(rule('SCMP_ACT_ERRNO', 'mkdir'))
  t.equal(flagsOf(plan(rules)), SPEC_ALLOW, 'the default of runc')
  const all = [
    'SECCOMP_FILTER_FLAG_TSYNC',
    'SECCOMP_FILTER_FLAG_LOG',
    'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
  ] as const
  t.equal(flagsOf(plan({ ...rules, flags: all })), LOG, 'those that would change nothing are left out')
  const listened = { ...allowing(rule('SCMP_ACT_NOTIFY', 'mkdir')), listenerPath: '/a', flags: all }
  t.equal(flagsOf(plan(listened)), LOG | NEW_LISTENER | WAIT_KILLABLE_RECV)
  t.equal(flagsOf(plan(rules, TSYNC | SPEC_ALLOW)), SPEC_ALLOW)
  const error = thrown(() => plan(listened, LOG | NEW_LISTENER))
  t.ok(error instanceof UnsupportedError)
  t.match(error, { where: '/linux/seccomp/flags/2', message: /no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV/ })
  t.end()
})

t.test('a filter that forbids init to execute the program is refused', t => {
  const actions = ['SCMP_ACT_ERRNO', 'SCMP_ACT_TRAP', 'SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS'] as const
  for (const action of actions) {
    const message = `execve is blocked by the container's own seccomp filter (${action === 'SCMP_ACT_KILL' ? 'SCMP_ACT_KILL_THREAD' : action})`
    for (const seccomp of [allowing(rule(action, 'execve')), { defaultAction: action }]) {
      const error = thrown(() => plan(seccomp))
      t.ok(error instanceof SpecError)
      t.match(error, { where: '/linux/seccomp', hint: 'allow execve in /linux/seccomp/syscalls' })
      t.ok(error.message.includes(message), error.message)
    }
  }
  for (const action of ['SCMP_ACT_LOG', 'SCMP_ACT_TRACE'] as const)
    t.ok(plan(allowing(rule(action, 'execve'))), `${action} may let it through`)
  const otherMachine = testFacts({ architecture: 'aarch64' })
  t.throws(() => plan(allowing(rule('SCMP_ACT_KILL', 'execve')), undefined, otherMachine), /execve is blocked/)
  t.ok(plan(allowing(rule('SCMP_ACT_KILL', 'open')), undefined, otherMachine))
  const args = [{ index: 1, op: 'SCMP_CMP_EQ', value: 0 }] as const
  t.ok(plan(allowing({ ...rule('SCMP_ACT_KILL', 'execve'), args })), 'it depends on the arguments')
  t.ok(plan({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule('SCMP_ACT_ALLOW', 'execve')] }), 'nothing else counts')
  t.end()
})

t.test('with a listener init needs some more calls', t => {
  const needed = ['close', 'execve', 'openat', 'read', 'write']
  const listened = (...allowed: string[]): Seccomp => ({
    defaultAction: 'SCMP_ACT_KILL_PROCESS',
    listenerPath: '/run/agent',
    syscalls: [rule('SCMP_ACT_ALLOW', ...allowed), rule('SCMP_ACT_NOTIFY', 'mkdir')],
  })
  t.ok(plan(listened(...needed)))
  for (const name of needed) {
    const error = thrown(() => plan(listened(...needed.filter(each => each !== name))))
    t.ok(error instanceof SpecError && error.message.includes(`: ${name} is blocked by`), error.message)
  }
  t.end()
})
