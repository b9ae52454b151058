import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { CAP } from '../abi/capability.ts'
import * as identity from './identity.ts'
import { declare } from './native.ts'
import * as probe from './probe.ts'

t.test('capabilities', t => {
  const own = identity.capabilities()
  t.equal(own.effective & ~own.permitted, 0n)
  t.equal(identity.boundingSet(), Number(own.bounding))
  t.ok(identity.lastCapability() >= CAP.CAP_CHECKPOINT_RESTORE)
  t.same(identity.capabilityNames((1n << 0n) | (1n << 21n)), ['CAP_CHOWN', 'CAP_SYS_ADMIN'])
  t.equal(identity.hasCapability('CAP_CHOWN'), (own.effective & 1n) === 1n)
  t.end()
})

t.test('kernel and machine', t => {
  const version = identity.kernelVersion()
  t.ok(version.release.startsWith(`${version.major}.${version.minor}`))
  t.equal(identity.architecture, execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim())
  t.end()
})

t.test('limits', t => {
  const { soft, hard } = identity.resourceLimit('RLIMIT_NOFILE')
  const shown = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
  t.equal(shown === 'unlimited' ? 2n ** 64n - 1n : BigInt(shown), hard)
  t.ok(soft <= hard)
  t.equal(identity.resourceLimit('RLIMIT_NOFILE', process.ppid).hard, hard)
  t.end()
})

t.test('probes answer and leave nothing behind', t => {
  t.ok(probe.hasNeededCalls(), 'the tests need a kernel that is new enough')
  t.ok(probe.hasNamespace('pid'))
  t.equal(probe.hasNamespace('time'), existsSync('/proc/self/ns/time'))
  t.ok(probe.filesystems().includes('tmpfs'))
  t.equal(typeof probe.canCloneMounts(), 'boolean')
  t.equal(typeof probe.canExecuteMemfd(), 'boolean')
  const filters = (): string | undefined =>
    readFileSync('/proc/self/status', 'utf8')
      .match(/^Seccomp.*/gm)
      ?.join()
  const before = filters()
  const flags = probe.seccompFlags()
  t.ok(flags === 0n || (flags & 0b1111n) === 0b1111n, 'TSYNC, LOG, SPEC_ALLOW, NEW_LISTENER are there since Linux 5.0')
  t.equal(filters(), before, 'none is loaded')
  const actions = probe.seccompActions()
  t.ok(actions.length === 0 || actions.includes('errno'))
  t.end()
})

t.test('a function that libc does not have', t => {
  t.throws(() => declare('no_such_function_anywhere', 'int', []), /no_such_function_anywhere/)
  t.end()
})
