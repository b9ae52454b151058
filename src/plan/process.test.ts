import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import {
  kernelContext,
  makingDirectory,
  mounting,
  opening,
  openingShared,
  privateMounts,
  runStages,
} from '../dev/stages.ts'
import { isRoot, workDirectory } from '../host/testing.ts'
import { type Op, slot, syscall } from '../program/op.ts'
import { planExec } from './gate.ts'
import { planProgram } from './lookup.ts'
import {
  planCloseDescriptors,
  planMakeWorkingDirectory,
  planNoNewPrivileges,
  planOomScore,
  planUmask,
  planUserWorkingDirectory,
  planWorkingDirectory,
} from './process.ts'

const WORKING = [planWorkingDirectory, planUserWorkingDirectory]
const skip = isRoot ? false : 'needs root'

t.test('listing', t => {
  const process = { oomScoreAdj: -5, noNewPrivileges: true, cwd: '/tmp', user: { uid: 0, gid: 0, umask: 0o77 } }
  const stages = [
    planOomScore,
    planMakeWorkingDirectory,
    ...WORKING,
    planUmask,
    planNoNewPrivileges,
    planCloseDescriptors,
  ]
  const text = stageListing({ process, options: { preservedFds: 2 } }, ...stages)
  t.equal(text, golden('process', text))
  t.equal(stageListing({}, planOomScore, planNoNewPrivileges), '\n', 'what is not asked for is left alone')
  t.end()
})

t.test('the score of the out-of-memory killer', t => {
  const context = kernelContext({ process: { oomScoreAdj: 800, args: ['/bin/cat', '/proc/self/oom_score_adj'] } })
  const ended = runStages(context, [planOomScore, planExec], openingShared(context, '/'))
  t.match(ended, { exitCode: 0, stdout: '800\n' })
  t.end()
})

t.test('the working directory', t => {
  const dir = workDirectory(t)
  const run = (cwd: string) =>
    runStages(kernelContext({ process: { cwd, args: ['pwd'] } }), [...WORKING, planProgram, planExec])
  t.match(run(dir), { exitCode: 0, stdout: `${dir}\n` })
  t.match(run(`${dir}/nope`).error, { syscall: 'chdir', errnoName: 'ENOENT', where: '/process/cwd' })
  t.match(run('/etc/passwd').error, { syscall: 'chdir', errnoName: 'ENOTDIR', where: '/process/cwd' })
  t.end()
})

t.test('a missing working directory is made inside the root', t => {
  const root = workDirectory(t)
  const outside = workDirectory(t)
  symlinkSync(outside, `${root}/link`)
  const make = (cwd: string) => {
    const context = kernelContext({ process: { cwd } })
    return runStages(context, [planMakeWorkingDirectory], openingShared(context, root)).error
  }
  t.equal(make('/a/b/../c/'), undefined)
  t.ok(statSync(`${root}/a/c`).isDirectory())
  t.equal(make('/a/c'), undefined, 'one that is there is fine')
  t.match(make('/link/x'), { errnoName: 'ENOENT' }, 'not through a link that leads out')
  t.same(readdirSync(outside), [])
  writeFileSync(`${root}/file`, '')
  t.match(make('/file/x'), { errnoName: 'ENOTDIR', where: '/process/cwd' })
  t.equal(stageListing({ process: { cwd: '/proc/self/fd/7' } }, planMakeWorkingDirectory), '\n')
  t.end()
})

const becoming = (uid: number): Op => syscall('setresuid', [uid, uid, uid], { intent: 'test' })

t.test('root may enter for the user, and a user that may not enter is told', { skip }, t => {
  const dir = workDirectory(t)
  mkdirSync(`${dir}/a/b`, { recursive: true, mode: 0o700 })
  const context = kernelContext({ process: { cwd: `${dir}/a/b` } })
  const asUser = () => [becoming(1000)]
  t.match(runStages(context, [planWorkingDirectory, asUser, planUserWorkingDirectory]), { exitCode: 0 })
  t.match(runStages(context, [asUser, ...WORKING]).error, { syscall: 'chdir', errnoName: 'EACCES' })
  t.end()
})

t.test('a descriptor that was left open is no way out of the root', { skip }, t => {
  const dir = workDirectory(t)
  const chroot = [
    ...privateMounts(),
    mounting('tmpfs', dir, 'tmpfs'),
    makingDirectory(`${dir}/proc`),
    mounting('proc', `${dir}/proc`, 'proc'),
    opening('/tmp', slot('outside')),
    syscall('chroot', [dir], { intent: 'test' }),
  ]
  // the first free number above the socket and the files of the test
  const leaked = Array.from({ length: 12 }, (_, index) => `/proc/self/fd/${index}`)
  const ends = leaked.map(
    cwd => runStages(kernelContext({ process: { cwd } }), WORKING, chroot).error?.message ?? 'none',
  )
  const caught = ends.filter(message => message.includes('possible container breakout detected'))
  t.equal(caught.length, 1)
  t.notOk(ends.includes('none'), 'no number leads anywhere')
  t.end()
})

t.test('descriptors above the preserved ones are closed by execve', t => {
  const args = ['/bin/ls', '/proc/self/fd']
  const run = (preservedFds: number) => {
    const context = kernelContext({ process: { args }, options: { preservedFds } })
    return runStages(context, [planCloseDescriptors, planExec]).stdout.trim().split('\n')
  }
  // ls has one of its own
  t.same(run(0), ['0', '1', '2', '3'])
  t.end()
})

t.test('umask', t => {
  const run = (umask?: number) => {
    const user = { uid: 0, gid: 0, ...(umask === undefined ? {} : { umask }) }
    const context = kernelContext({ process: { user, args: ['/bin/sh', '-c', 'umask'] } })
    return runStages(context, [planUmask, planExec]).stdout
  }
  t.equal(run(), '0022\n')
  t.equal(run(0o7), '0007\n')
  t.ok(readFileSync('/proc/self/status', 'utf8').includes('Umask'))
  t.end()
})
