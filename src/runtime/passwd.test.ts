import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { Fd } from '../host/fd.ts'
import { homeOf } from './passwd.ts'

function homeWith(t: { teardown(work: () => void): void }, make: (file: string) => void): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-passwd-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'root/etc'), { recursive: true })
  writeFileSync(join(directory, 'outside'), 'root:x:0:0::/outside:/bin/sh\n')
  make(join(directory, 'root/etc/passwd'))
  using rootfs = Fd.open(join(directory, 'root'), O.bits.O_PATH | O.bits.O_DIRECTORY)
  return homeOf(rootfs, 7)
}

t.test('the home of a user', async t => {
  const home = (text: string) => homeWith(t, file => writeFileSync(file, text))
  t.equal(
    home('root:x:0:0::/root:\n\nseven:x:7:7:the seventh:/home/seven:/bin/sh\nagain:x:7:7::/other:\n'),
    '/home/seven',
  )
  t.equal(home('seven:x:7:7::/last'), '/last')
  for (const text of ['', 'root:x:0:0::/root:', 'seven:x:7:7:::', 'seven:x:7', 'x:x:07:7::/no:', '\xff\0:::'])
    t.equal(home(text), undefined, JSON.stringify(text))
  t.equal(home('seven:x:7:7::/a\0b:'), undefined, 'no environment can hold it')
})

t.test('what is no file, or leads out', async t => {
  t.equal(
    homeWith(t, () => {}),
    undefined,
    'none',
  )
  t.equal(
    homeWith(t, file => mkdirSync(file)),
    undefined,
    'a directory',
  )
  t.equal(
    homeWith(t, file => execFileSync('mkfifo', [file])),
    undefined,
    'a fifo',
  )
  for (const to of ['../../outside', '../../../../../../../../proc/self/environ', '/etc/passwd', 'passwd'])
    t.equal(
      homeWith(t, file => symlinkSync(to, file)),
      undefined,
      to,
    )
})
