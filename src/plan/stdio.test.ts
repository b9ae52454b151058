import { chownSync, openSync, statSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { golden, stageListing } from '../dev/golden.ts'
import { kernelContext, makingDirectory, mounting, privateMounts, runStages } from '../dev/stages.ts'
import { Fd } from '../host/fd.ts'
import { isRoot, workDirectory } from '../host/testing.ts'
import { type Op, syscall } from '../program/op.ts'
import { planExec } from './gate.ts'
import { planStdio } from './stdio.ts'

const skip = isRoot ? false : 'needs root'

t.test('listing', t => {
  const text = stageListing({ process: { user: { uid: 1000, gid: 1000 } } }, planStdio)
  t.equal(text, golden('stdio', text))
  t.match(stageListing({ process: { terminal: true, user: { uid: 7, gid: 8 } } }, planStdio), /^ +0 {2}fchown\(0, 7, /)
  const bound = { spec: { mounts: [{ destination: '/dev', source: '/dev', options: ['bind'] }] } }
  t.notMatch(stageListing(bound, planStdio), /openat/, "the host's null device stays when /dev is the host's")
  t.end()
})

t.test('the user owns stdio; the group stays', { skip }, t => {
  const file = `${workDirectory(t)}/file`
  writeFileSync(file, '')
  chownSync(file, 5, 6)
  using stdin = Fd.adopt(openSync(file, 'r'))
  t.match(runStages(kernelContext({ process: { user: { uid: 1000, gid: 1000 } } }), [planStdio], [], { stdin }), {
    exitCode: 0,
  })
  t.match(statSync(file), { uid: 1000, gid: 6 })
  t.end()
})

t.test('the null device is the one of the container, open for both', { skip }, t => {
  const owner = statSync('/dev/null').uid
  const args = ['/bin/cat', '/proc/self/fdinfo/0']
  const context = kernelContext({ process: { user: { uid: 1000, gid: 1000 }, args } })
  t.match(runStages(context, [planStdio, planExec]).stdout, /flags:\s+0?10*2\n/)
  t.equal(statSync('/dev/null').uid, owner)
  t.end()
})

t.test('a fifo in the place of /dev/null is left alone', { skip }, t => {
  const root = workDirectory(t)
  const fake = syscall('mknodat', [-100, `${root}/dev/null`, 0o010666, 0], { intent: 'test' })
  const chroot: Op = syscall('chroot', [root], { intent: 'test' })
  const before = [...privateMounts(), mounting('tmpfs', root, 'tmpfs'), makingDirectory(`${root}/dev`), fake, chroot]
  t.match(runStages(kernelContext(), [planStdio], before), { exitCode: 0, error: undefined })
  const absent = [...privateMounts(), mounting('tmpfs', root, 'tmpfs'), chroot]
  t.match(runStages(kernelContext(), [planStdio], absent).error, {
    message: /^reopen \/dev\/null for stdin inside the container: openat/,
    errnoName: 'ENOENT',
  })
  t.end()
})
