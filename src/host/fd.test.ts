import { readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { O, RESOLVE } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import { isErrno } from './errno.ts'
import { Fd, isOwned } from './fd.ts'
import { fromNodeError } from './node-error.ts'
import { isOpen, thrown, workDirectory } from './testing.ts'

const { O_CREAT, O_DIRECTORY, O_PATH, O_RDONLY, O_RDWR } = O.bits

t.test('a descriptor is close-on-exec and closed by using', t => {
  let number = -1
  {
    using file = Fd.open('/dev/null', O_RDONLY)
    number = file.number
    t.ok(number > 2)
    t.ok(isOwned(number))
    t.match(readFileSync(`/proc/self/fdinfo/${number}`, 'utf8'), /flags:\s+02\d{6}\n/)
  }
  t.notOk(isOwned(number))
  t.notOk(isOpen(number))
  t.end()
})

t.test('closing twice is harmless, use after closing is not', t => {
  const file = Fd.open('/dev/null', O_RDONLY)
  file.close()
  file.close()
  t.ok(file.closed)
  t.throws(() => file.number, /closed descriptor/)
  t.end()
})

t.test('release gives the number away', t => {
  const file = Fd.open('/dev/null', O_RDONLY)
  const number = file.release()
  t.notOk(isOwned(number))
  t.equal(readlinkSync(`/proc/self/fd/${number}`), '/dev/null')
  Fd.adopt(number).close()
  t.notOk(isOpen(number))
  t.end()
})

t.test('what is written can be read, up to the limit', t => {
  const dir = workDirectory(t)
  const path = join(dir, 'file')
  {
    using file = Fd.open(path, O_RDWR | O_CREAT, 0o600)
    file.write('x'.repeat(200_000))
    t.equal(file.stat().size, 200_000)
  }
  using file = Fd.open(path, O_RDONLY)
  t.equal(file.readAll().length, 200_000)
  using again = Fd.open(path, O_RDONLY)
  const error = thrown(() => again.readAll(199_999))
  t.ok(isErrno(error, 'EFBIG'))
  using exact = Fd.open(path, O_RDONLY)
  t.equal(exact.readText(200_000).length, 200_000)
  t.end()
})

t.test('errors name the call, its arguments and the number', t => {
  const error = thrown(() => Fd.open('/nonexistent', O_PATH | O_DIRECTORY))
  t.ok(error instanceof SyscallError)
  t.match(error, {
    syscall: 'open',
    errnoName: 'ENOENT',
    message: 'open("/nonexistent", O_DIRECTORY|O_PATH): no such file or directory',
  })
  using etc = Fd.open('/etc', O_PATH | O_DIRECTORY)
  t.match(
    thrown(() => etc.openAt('nonexistent', O_RDONLY)).message,
    /^openat\(\d+<\/etc>, "nonexistent", O_CLOEXEC, 0666\)/,
  )
  t.match(thrown(() => etc.openAt('a\0b', O_RDONLY)).message, /NUL byte/)
  t.match(thrown(() => etc.write('text')).message, /^write\(\d+<\/etc>, "text"\): bad file descriptor/)
  t.end()
})

t.test('openat2 keeps links inside', t => {
  const dir = workDirectory(t)
  symlinkSync('/etc', join(dir, 'out'))
  writeFileSync(join(dir, 'in'), 'in')
  using root = Fd.open(dir, O_PATH | O_DIRECTORY)
  const how = { flags: O_RDONLY, resolve: RESOLVE.bits.RESOLVE_BENEATH }
  t.ok(
    isErrno(
      thrown(() => root.openat2('out/passwd', how)),
      'EXDEV',
    ),
  )
  using file = root.openat2('in', how)
  t.equal(file.readText(), 'in')
  t.equal(file.link(), join(dir, 'in'))
  using copy = file.duplicate(100)
  t.ok(copy.number >= 100)
  t.end()
})

t.test('errors of node:fs', t => {
  const error = thrown(() => readFileSync('/nonexistent'))
  t.match(fromNodeError(error), {
    syscall: 'open',
    errno: 2,
    message: 'open("/nonexistent"): no such file or directory',
  })
  const own = new Error('own')
  t.equal(fromNodeError(own), own)
  t.end()
})
