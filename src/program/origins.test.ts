import t from 'tap'
import { MS } from '../abi/mount.ts'
import { HookError, InitError, SyscallError } from '../errors.ts'
import { failAt, opCount } from './faults.ts'
import { HOOK_STATUS, HOOK_STATUS_KIND_OFFSET, hookStatus } from './hook-status.ts'
import { fail, jump, label, NULL, type Op, pointers, syscall } from './op.ts'
import { failure, origins } from './origins.ts'

const mounting = { pointer: '/mounts/3', intent: 'mount tmpfs on /dev/shm' }
const hook = { pointer: '/hooks/createContainer/0', intent: 'run /bin/hook' }
const end = label('end')
const flags = MS.bits.MS_NOSUID | MS.bits.MS_NODEV
const ops: Op[] = [
  syscall('mount', ['tmpfs', '/dev/shm', 'tmpfs', flags, NULL], mounting),
  jump(end, { intent: 'go on' }),
  fail(5, hook),
  end,
  syscall('chdir', ['/'], { intent: 'enter the root' }, { on: { errnos: ['ENOENT'] } }),
  fail(0, { pointer: '/process/cwd', intent: 'the working directory is outside of the container' }),
]

t.test('a failed call', t => {
  const saved = JSON.parse(JSON.stringify(origins(ops, 'x86_64')))
  const error = failure(saved, 0, 28n)
  t.ok(error instanceof SyscallError)
  t.equal(
    error.message,
    'mount tmpfs on /dev/shm: mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID|MS_NODEV, NULL): no space left on device',
  )
  t.match(error, { where: '/mounts/3', errnoName: 'ENOSPC', syscall: 'mount', op: 0, origin: mounting })
  const plain = failure(saved, 3, 13n)
  t.equal(plain.message, 'enter the root: chdir("/"): permission denied')
  t.equal(plain.where, undefined)
  t.end()
})

t.test('a fail op', t => {
  const saved = origins(ops, 'x86_64')
  const error = failure(saved, 4, 0n)
  t.ok(error instanceof InitError)
  t.match(error, { message: 'the working directory is outside of the container', where: '/process/cwd' })
  t.end()
})

t.test('a failed hook', t => {
  const saved = origins(ops, 'x86_64')
  const cases: [bigint, string][] = [
    [hookStatus('EXITED', 3), 'run /bin/hook: the hook exited with status 3'],
    [hookStatus('KILLED', 9), 'run /bin/hook: the hook was killed by SIGKILL'],
    [hookStatus('TIMEOUT'), 'run /bin/hook: the hook did not end within its timeout'],
    [7n, 'run /bin/hook: the hook failed (7)'],
  ]
  for (const [value, message] of cases) {
    const error = failure(saved, 2, value)
    t.ok(error instanceof HookError)
    t.match(error, { message, where: hook.pointer })
  }
  t.end()
})

t.test('the kind of a hook status can be stored over its number', t => {
  const word = new DataView(new ArrayBuffer(16))
  word.setBigUint64(0, 200n, true)
  word.setBigUint64(HOOK_STATUS_KIND_OFFSET, HOOK_STATUS.values.KILLED, true)
  t.equal(word.getBigUint64(0, true), hookStatus('KILLED', 200))
  t.end()
})

t.test('a record of an op that does not exist', t => {
  t.match(failure(origins(ops, 'x86_64'), 99, 1n).message, /op 99, which its program does not have/)
  t.end()
})

t.test('faults: the same numbers and words, at each op', t => {
  t.equal(opCount(ops), 5)
  for (let number = 0; number < opCount(ops); number++) {
    const changed = failAt(ops, number, 'EPERM')
    t.equal(opCount(changed), opCount(ops))
    t.same(origins(changed, 'x86_64')[number], origins(ops, 'x86_64')[number], `op ${number}`)
  }
  const [failed] = failAt(ops, 0, 'EPERM')
  t.match(failed, { kind: 'fail', status: 1 })
  t.throws(() => failAt(ops, 5, 'EPERM'), /no op 5 in a program of 5/)
  t.end()
})

t.test('faults: an error that the op expects is no failure', t => {
  const onward = failAt(ops, 3, 'ENOENT').filter(op => op !== end)
  t.match(onward[3], { kind: 'jump', to: onward[4] })
  const away = label('away')
  const call = syscall('chdir', ['/x'], mounting, { on: { errnos: 'any', to: away } })
  t.same(failAt([call, away], 0, 'EIO')[0], jump(away, mounting))
  t.end()
})

t.test('an error tells no secrets, and no more than can be read', t => {
  const program = [
    syscall('execve', ['/bin/x', pointers(['x', 'y'.repeat(5000)]), pointers(['PASSWORD=secret', 'B=1'])], hook),
    syscall('chdir', ['z'.repeat(5000)], hook),
  ]
  const saved = origins(program, 'x86_64')
  const { message } = failure(saved, 0, 7n)
  t.match(
    message,
    /^run \/bin\/hook: execve\("\/bin\/x", \["x", "y{1000,1024}…, \[2 variables\]\): argument list too long$/,
  )
  t.notMatch(JSON.stringify(saved), 'secret')
  t.ok(failure(saved, 1, 36n).message.length < 1200)
  t.end()
})
