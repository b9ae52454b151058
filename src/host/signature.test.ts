import t from 'tap'
import { AT, AT_FDCWD, O, openHow, RESOLVE } from '../abi/fcntl.ts'
import { OPEN_TREE } from '../abi/mount.ts'
import { isErrno, retried } from './errno.ts'
import { fileCalls } from './libc-files.ts'
import { mountCalls } from './libc-mounts.ts'
import { processCalls } from './libc-processes.ts'
import { spawnCalls } from './libc-spawn.ts'
import { choice, fd, flags, octal, optionalPath, path, pointer, signal, struct } from './signature.ts'
import { thrown } from './testing.ts'

t.test('arguments in words', t => {
  t.equal(fd.show(AT_FDCWD), 'AT_FDCWD')
  t.equal(fd.show(123456), '123456')
  t.equal(octal.show(0o644), '0644')
  t.equal(signal.show(9), 'SIGKILL')
  t.equal(path.show('a"b'), '"a\\"b"')
  t.equal(optionalPath.show(null), 'NULL')
  t.same([pointer.show(null), pointer.show(16n), pointer.show(new Uint8Array(1))], ['NULL', '0x10', '{…}'])
  t.equal(choice({ format: value => `<${value}>` }).show(3n), '<3>')
  const bytes = openHow.encode({ flags: O.bits.O_PATH, resolve: RESOLVE.bits.RESOLVE_IN_ROOT })
  t.equal(struct(openHow, { flags: O, resolve: RESOLVE }).show(bytes), '{flags=O_PATH, resolve=RESOLVE_IN_ROOT}')
  t.end()
})

t.test('a flag word that two tables share', t => {
  const both = flags(OPEN_TREE, AT)
  t.equal(both.show(OPEN_TREE.bits.OPEN_TREE_CLONE | AT.bits.AT_RECURSIVE), 'OPEN_TREE_CLONE|AT_RECURSIVE')
  t.equal(both.show(AT.bits.AT_EMPTY_PATH | 0x40000000n), 'AT_EMPTY_PATH|0x40000000')
  t.equal(both.show(0n), '0')
  t.end()
})

t.test('what C gets', t => {
  t.same(path.pass?.('ä'), new Uint8Array([0xc3, 0xa4, 0]))
  t.same(Buffer.from([0xff, 0]), path.pass?.(new Uint8Array([0xff])))
  t.throws(() => path.pass?.('a\0b'), RangeError)
  t.equal(optionalPath.pass?.(null), null)
  t.end()
})

t.test('an error is read at once, for functions and for system calls', t => {
  t.ok(
    isErrno(
      thrown(() => fileCalls.flock(123456, 2n)),
      'EBADF',
    ),
  )
  t.ok(
    isErrno(
      thrown(() => processCalls.pidfdOpen(-1, 0)),
      'EINVAL',
    ),
  )
  t.ok(
    isErrno(
      thrown(() => mountCalls.openTree(AT_FDCWD, '/nonexistent', 0n)),
      'ENOENT',
      'ENOSYS',
    ),
  )
  t.ok(
    isErrno(
      thrown(() => spawnCalls.actionsClose(new Uint8Array(256), -1)),
      'EBADF',
    ),
    'one that returns its errno',
  )
  for (let i = 0; i < 2000; i++) {
    const error = thrown(() => fileCalls.fchmodat(Number(AT_FDCWD), `/nonexistent/${'x'.repeat(i % 200)}`, 0, 0))
    if (!isErrno(error, 'ENOENT')) t.fail(`wrong number in round ${i}: ${error.message}`)
  }
  t.end()
})

t.test('an interrupted call is repeated', t => {
  let calls = 0
  const interrupted = (): number => {
    calls++
    if (calls < 3)
      throw Object.assign(
        thrown(() => fileCalls.flock(123456, 2n)),
        { errno: 4 },
      )
    return 7
  }
  t.equal(retried(interrupted), 7)
  t.equal(calls, 3)
  t.ok(
    isErrno(
      thrown(() => retried(() => fileCalls.flock(123456, 2n))),
      'EBADF',
    ),
  )
  t.end()
})
