import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import t from 'tap'
import { F, SEAL } from '../abi/fcntl.ts'
import { isErrno } from './errno.ts'
import type { Fd } from './fd.ts'
import { launch } from './launch.ts'
import { fileCalls } from './libc-files.ts'
import { namelessFile, sealedMemfd } from './memfd.ts'
import { reap } from './process.ts'
import { isRoot, openDescriptors, thrown } from './testing.ts'

const program = (): Uint8Array => readFileSync('/bin/sh')
const exitOf = (image: Fd): number | undefined => {
  const request = { argv: ['sh', '-c', 'exit 7'], stdio: [0, 1, 2], preserved: 0, passed: new Map() } as const
  return reap(launch({ image, ...request }), true)?.exitCode
}

t.test('a sealed file runs and cannot be changed', t => {
  using image = sealedMemfd('tsrunc', program())
  t.match(image.link(), '/memfd:tsrunc')
  const { F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE } = SEAL.bits
  const wanted = F_SEAL_GROW | F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_WRITE
  t.equal(BigInt(fileCalls.fcntl(image.number, F.values.F_GET_SEALS, 0)) & wanted, wanted)
  t.ok(
    isErrno(
      thrown(() => image.write('x')),
      'EPERM',
    ),
  )
  const again = openSync(image.path, 'r+')
  t.throws(() => writeSync(again, 'x', 0), { code: 'EPERM' })
  closeSync(again)
  t.equal(exitOf(image), 7)
  t.end()
})

t.test(
  'without memory files: a nameless file that nobody can open for writing',
  { skip: isRoot ? false : 'needs root' },
  t => {
    const before = openDescriptors()
    {
      using image = namelessFile(program())
      t.match(image.link(), /\(deleted\)/)
      t.equal(image.stat().nlink, 0)
      t.ok(
        isErrno(
          thrown(() => image.write('x')),
          'EBADF',
        ),
      )
      t.equal(exitOf(image), 7)
    }
    t.equal(openDescriptors(), before)
    t.end()
  },
)

t.test(
  'the nameless file is taken where vm.memfd_noexec forbids memory files',
  { skip: isRoot ? false : 'needs root' },
  t => {
    // the setting belongs to a pid namespace
    const script = `
    const { sealedMemfd } = await import(${JSON.stringify(new URL('memfd.js', import.meta.url).href)})
    console.log(sealedMemfd('tsrunc', new Uint8Array(1)).link())`
    const command = 'echo 2 >/proc/sys/vm/memfd_noexec && exec "$1" --input-type=module -e "$2"'
    const args = ['--pid', '--fork', '--mount-proc', 'sh', '-c', command, 'sh', process.execPath, script]
    const link = execFileSync('unshare', args, { encoding: 'utf8' })
    t.notMatch(link, /memfd:/)
    t.match(link, /\(deleted\)/)
    t.end()
  },
)
