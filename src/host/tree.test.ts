import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { places, thrown, workDirectory } from './testing.ts'
import * as tree from './tree.ts'

const { O_DIRECTORY, O_PATH, O_RDONLY } = O.bits
const open = (path: string): Fd => Fd.open(path, O_RDONLY | O_DIRECTORY)

t.test('opening below a directory follows no link out of it', t => {
  const { inside, outside } = places(t)
  symlinkSync(outside, join(inside, 'absolute'))
  symlinkSync('../outside', join(inside, 'relative'))
  symlinkSync('/proc/self/root', join(inside, 'magic'))
  writeFileSync(join(inside, 'own'), 'own')
  symlinkSync('own', join(inside, 'alias'))
  using root = open(inside)
  for (const path of ['absolute/secret', 'relative/secret', '../outside/secret', '/etc/passwd'])
    t.ok(
      isErrno(
        thrown(() => tree.openBelow(root, path, O_RDONLY)),
        'EXDEV',
      ),
      path,
    )
  t.ok(
    isErrno(
      thrown(() => tree.openBelow(root, 'magic/etc', O_PATH)),
      'EXDEV',
      'ELOOP',
    ),
  )
  using alias = tree.openBelow(root, 'alias', O_RDONLY)
  t.equal(alias.readText(), 'own')
  t.end()
})

t.test('opening in a root ends absolute links and ".." there', t => {
  const { inside } = places(t)
  mkdirSync(join(inside, 'etc'))
  writeFileSync(join(inside, 'etc/passwd'), 'mine')
  symlinkSync('/etc/passwd', join(inside, 'link'))
  symlinkSync('../../../../etc/passwd', join(inside, 'climb'))
  using root = open(inside)
  for (const path of ['link', 'climb', '/etc/passwd', '../../etc/passwd']) {
    using file = tree.openInRoot(root, path, O_RDONLY)
    t.equal(file.readText(), 'mine', path)
  }
  t.end()
})

t.test('a file that is too long is not read', t => {
  const dir = workDirectory(t)
  writeFileSync(join(dir, 'long'), 'x'.repeat(1001))
  using root = open(dir)
  t.ok(
    isErrno(
      thrown(() => root.openAt('long', O_RDONLY).readAll(1000)),
      'EFBIG',
    ),
  )
  t.equal(root.openAt('long', O_RDONLY).readAll(1001).length, 1001)
  t.end()
})

t.test('making a directory reserves the name; modes are exact', t => {
  const dir = workDirectory(t)
  using root = open(dir)
  const umask = process.umask(0o777)
  t.teardown(() => process.umask(umask))
  tree.makeDirectory(root, 'id', 0o711)
  t.ok(
    isErrno(
      thrown(() => tree.makeDirectory(root, 'id', 0o711)),
      'EEXIST',
    ),
  )
  tree.makeFifo(root, 'fifo', 0o622)
  tree.replaceFile(root, 'file', 'text', 0o640)
  const mode = (name: string): string => (statSync(join(dir, name)).mode & 0o7777).toString(8)
  t.same(['id', 'fifo', 'file'].map(mode), ['711', '622', '640'])
  t.ok(statSync(join(dir, 'fifo')).isFIFO())
  t.end()
})

t.test('replacing a file follows no link and leaves nothing behind', t => {
  const { inside, outside } = places(t)
  symlinkSync(join(outside, 'secret'), join(inside, 'file'))
  using root = open(inside)
  tree.replaceFile(root, 'file', 'first', 0o600)
  tree.replaceFile(root, 'file', new TextEncoder().encode('second'), 0o600)
  t.equal(readFileSync(join(inside, 'file'), 'utf8'), 'second')
  t.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret')
  mkdirSync(join(inside, 'taken'))
  t.ok(
    isErrno(
      thrown(() => tree.replaceFile(root, 'taken', 'text', 0o600)),
      'EISDIR',
    ),
  )
  t.same(readdirSync(inside).sort(), ['file', 'taken'])
  t.ok(
    isErrno(
      thrown(() => tree.writeNew(root, 'file', 'text', 0o600)),
      'EEXIST',
    ),
  )
  t.end()
})

t.test('a lock is exclusive, waits, and does without the name of its directory', async t => {
  const dir = workDirectory(t)
  mkdirSync(join(dir, 'locked'))
  using locked = open(join(dir, 'locked'))
  const isFree = (path: string): boolean => spawnSync('flock', ['-n', path, 'true']).status === 0
  const held = tree.lock(locked)
  t.notOk(isFree(join(dir, 'locked')))
  rmdirSync(join(dir, 'locked'))
  mkdirSync(join(dir, 'locked'))
  t.ok(isFree(join(dir, 'locked')), 'a new directory is another lock')
  held.close()
  tree.lock(locked).close()

  using root = open(dir)
  const helper = spawn('flock', [dir, '-c', 'echo locked; sleep 0.8'])
  await new Promise(resolve => helper.stdout.once('data', resolve))
  const before = performance.now()
  tree.lock(root).close()
  t.ok(performance.now() - before > 100, 'waited')
})
