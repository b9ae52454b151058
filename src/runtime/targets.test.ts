import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { linkedTargets } from './targets.ts'

t.test('destinations behind links', async t => {
  const root = mkdtempSync(join(tmpdir(), 'tsrunc-targets-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'etc'))
  mkdirSync(join(root, 'a/b'), { recursive: true })
  const links = {
    'etc/resolv.conf': '../run/systemd/resolve/stub-resolv.conf',
    'etc/absolute': '/run/file',
    'etc/out': '../../../../etc/passwd',
    'etc/chain': 'absolute',
    'etc/loop': 'loop',
    'a/b/up': '..',
    'a/dots': './/b/./missing/../other',
    var: 'a',
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name))
  using rootfs = Fd.open(root, O.bits.O_PATH | O.bits.O_DIRECTORY)
  const target = (destination: string) => linkedTargets(rootfs, [{ destination }]).get('/mounts/0')

  t.equal(target('/etc/resolv.conf'), '/run/systemd/resolve/stub-resolv.conf')
  t.equal(target('etc/absolute'), '/run/file')
  t.equal(target('/etc/chain'), '/run/file')
  t.equal(target('/etc/out'), '/etc/passwd', 'it ends at the root')
  t.equal(target('/var/new/file'), '/a/new/file')
  t.equal(target('/a/b/up/b/x'), '/a/b/x')
  t.equal(target('/a/dots'), '/a/b/other')
  t.equal(target('/etc/loop'), undefined)
  for (const plain of ['/', '/a/b', '/a//b/', '/new/path', '/a/b/../b']) t.equal(target(plain), undefined, plain)
})
