import t from 'tap'
import { ERRNO } from './abi/errno.ts'
import { SYSCALLS } from './abi/syscalls.ts'
import { hintFor, hintRows } from './hints.ts'

t.test('each row belongs to a call that exists, and says it in a line', t => {
  const rows = hintRows()
  t.ok(rows.length >= 40)
  for (const { syscall, errno, hint } of rows) {
    t.ok(Object.hasOwn(SYSCALLS, syscall) || ['posix_spawn', 'netlink'].includes(syscall), syscall)
    t.ok(hint.length > 10 && hint.length < 240, `${syscall} ${errno}`)
    t.notMatch(hint, /^[A-Z]|\.$|\n/, 'a phrase behind "hint: "')
    t.equal(hintFor(syscall, ERRNO[errno][0]), hint)
  }
  t.end()
})

t.test('looking up', t => {
  t.match(hintFor('mount', ERRNO.ENOSPC[0]), 'fs.mount-max')
  t.match(hintFor('fchownat', ERRNO.EINVAL[0]), 'add it to /linux/uidMappings')
  t.match(hintFor('openat2', ERRNO.ENOSYS[0]), '5.12')
  t.match(hintFor('anything', ERRNO.EMFILE[0]), 'RLIMIT_NOFILE')
  t.equal(hintFor('read', ERRNO.EIO[0]), undefined)
  t.equal(hintFor('constructor', ERRNO.EPERM[0]), undefined)
  t.equal(hintFor('mount', 524), undefined)
  t.end()
})
