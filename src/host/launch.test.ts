import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { isErrno } from './errno.ts'
import { Fd } from './fd.ts'
import { type LaunchRequest, launch, startProgram } from './launch.ts'
import { sealedMemfd } from './memfd.ts'
import { reap } from './process.ts'
import { openDescriptors, thrown, workDirectory } from './testing.ts'

/** Lists the shell's descriptors by means of the shell alone; the one of the listing itself is closed by then. */
const LIST = 'for f in /proc/self/fd/*; do [ -e "$f" ] && echo "$f"; done; true'

const shell = (): Fd => Fd.open('/bin/sh', O.bits.O_RDONLY)

/** The numbers in what LIST prints. */
const numbers = (listing: string): string =>
  listing
    .trim()
    .split('\n')
    .map(line => line.slice(line.lastIndexOf('/') + 1))
    .join(' ')

/** What a script prints when it is launched. */
function output(t: Parameters<typeof workDirectory>[0], script: string, request: Partial<LaunchRequest> = {}): string {
  const path = join(workDirectory(t), 'output')
  using out = Fd.open(path, O.bits.O_RDWR | O.bits.O_CREAT, 0o600)
  using image = shell()
  const argv = ['sh', '-c', script]
  const pid = launch({ image, argv, stdio: [0, out.number, 2], preserved: 0, passed: new Map(), ...request })
  const status = reap(pid, true)
  if (status?.exitCode !== 0) throw new Error(`the script ended with ${JSON.stringify(status)}`)
  return readFileSync(path, 'utf8')
}

t.test('the program has exactly the descriptors asked for', t => {
  const leak = openSync('/dev/null', 'r')
  t.teardown(() => closeSync(leak))
  using passed = Fd.open('/etc', O.bits.O_PATH)
  t.equal(numbers(output(t, LIST)), '0 1 2')
  const listing = output(t, LIST, {
    passed: new Map([
      [7, passed],
      [5, passed],
    ]),
  })
  t.equal(numbers(listing), '0 1 2 5 7')
  t.end()
})

t.test('a descriptor that the caller of tsrunc left open does not get in', t => {
  // low numbers below the image and numbers above it, none of them close-on-exec
  const script = `
    const { Fd } = await import(${JSON.stringify(new URL('fd.js', import.meta.url).href)})
    const { launch } = await import(${JSON.stringify(new URL('launch.js', import.meta.url).href)})
    const { reap } = await import(${JSON.stringify(new URL('process.js', import.meta.url).href)})
    const { fileCalls } = await import(${JSON.stringify(new URL('libc-files.js', import.meta.url).href)})
    for (const n of [9, 200]) fileCalls.fcntl(n, 2n, 0)
    const image = Fd.open('/bin/sh', 0n)
    const request = { stdio: [0, 1, 2], preserved: Number(process.argv[1]), passed: new Map() }
    reap(launch({ image, argv: ['sh', '-c', ${JSON.stringify(LIST)}], ...request }), true)`
  const run = (preserved: number, open: string): string =>
    execFileSync(
      'bash',
      ['-c', `exec "$0" --input-type=module -e "$1" ${preserved} ${open}`, process.execPath, script],
      {
        encoding: 'utf8',
      },
    )
  t.equal(numbers(run(0, '3</dev/null 9</dev/null 200</dev/null')), '0 1 2')
  t.equal(numbers(run(2, '3</dev/null 4</dev/null 9</dev/null 200</dev/null')), '0 1 2 3 4')
  const missing = spawnSync(
    'bash',
    [
      '-c',
      `exec "$0" --input-type=module -e "$1" 3 3</dev/null 5</dev/null 9</dev/null 200</dev/null`,
      process.execPath,
      script,
    ],
    { encoding: 'utf8' },
  )
  t.match(missing.stderr, 'unable to stat preserved-fd 4 (of 3): fcntl(4, F_GETFD): bad file descriptor')
  t.end()
})

t.test('a number of our own is not the caller’s', t => {
  using image = shell()
  const request = { image, argv: ['sh'], stdio: [0, 1, 2], passed: new Map() } as const
  const error = thrown(() => launch({ ...request, preserved: image.number - 2 }))
  t.match(error.message, /^unable to stat preserved-fd \d+ \(of \d+\): /)
  t.end()
})

t.test('numbers that cross each other arrive where they belong', t => {
  const dir = workDirectory(t)
  const file = (name: string): Fd => Fd.open(join(dir, name), O.bits.O_RDWR | O.bits.O_CREAT, 0o600)
  using a = file('a')
  using b = file('b')
  using image = shell()
  // each target is the number of another source, one of them the image's own
  const passed = new Map([
    [a.number, b],
    [b.number, a],
    [image.number, a],
  ])
  const script = `echo a >&${b.number}; echo b >&${a.number}; echo again >&${image.number}`
  // dash takes one digit behind >&, so bash, if need be by that name
  const bash = Fd.open('/bin/bash', O.bits.O_RDONLY)
  const argv = ['bash', '--norc', '-c', script]
  t.equal(reap(launch({ image: bash, argv, stdio: [0, 1, 2], preserved: 0, passed }), true)?.exitCode, 0)
  bash.close()
  t.equal(readFileSync(join(dir, 'a'), 'utf8'), 'a\nagain\n')
  t.equal(readFileSync(join(dir, 'b'), 'utf8'), 'b\n')
  t.throws(() => launch({ image, argv, stdio: [0, 1, 2], preserved: 0, passed: new Map([[1, a]]) }), RangeError)
  t.end()
})

t.test('stdio may be exchanged; what is closed becomes /dev/null', t => {
  const dir = workDirectory(t)
  using out = Fd.open(join(dir, 'out'), O.bits.O_RDWR | O.bits.O_CREAT, 0o600)
  using image = shell()
  const closed = openSync('/dev/null', 'r')
  closeSync(closed)
  const script = '[ /proc/self/fd/0 -ef /dev/null ] && [ /proc/self/fd/2 -ef /dev/null ] && echo null; echo hidden >&2'
  const stdio = [closed, out.number, closed] as const
  t.equal(
    reap(launch({ image, argv: ['sh', '-c', script], stdio, preserved: 0, passed: new Map() }), true)?.exitCode,
    0,
  )
  t.equal(readFileSync(join(dir, 'out'), 'utf8'), 'null\n')
  t.end()
})

t.test('signals are at their defaults, the environment is empty', t => {
  process.on('SIGUSR2', () => undefined)
  t.teardown(() => process.removeAllListeners('SIGUSR2'))
  t.match(readFileSync('/proc/self/status', 'utf8'), /SigIgn:\s+(?!0{16})/, 'the engine ignores some')
  const status = output(t, 'while read line; do echo "$line"; done </proc/self/status')
  t.match(status, /SigIgn:\s+0{16}/)
  t.match(status, /SigBlk:\s+0{16}/)
  t.equal(output(t, 'while read -r line; do echo "$line"; done </proc/self/environ'), '')
  t.end()
})

t.test('a program of the host gets its environment and nothing else', t => {
  const path = join(workDirectory(t), 'output')
  using out = Fd.open(path, O.bits.O_RDWR | O.bits.O_CREAT, 0o600)
  const argv = ['sh', '-c', `echo "$ANSWER"; ${LIST}`]
  const pid = startProgram({ path: '/bin/sh', argv, environment: ['ANSWER=42'], stdio: [0, out.number, 2] })
  t.equal(reap(pid, true)?.exitCode, 0)
  const [answer, ...listing] = readFileSync(path, 'utf8').split('\n')
  t.equal(answer, '42')
  t.equal(numbers(listing.join('\n')), '0 1 2')
  const missing = { path: '/nonexistent', argv: ['x'], environment: [], stdio: [0, 1, 2] } as const
  t.match(thrown(() => startProgram(missing)).message, /^posix_spawn\("\/nonexistent", \["x"\]\): no such file/)
  t.end()
})

t.test('what cannot be executed is an error with its number', t => {
  using image = sealedMemfd('tsrunc', new TextEncoder().encode('no program'))
  const request = { argv: ['x'], stdio: [0, 1, 2], preserved: 0, passed: new Map() } as const
  const error = thrown(() => launch({ image, ...request }))
  t.ok(isErrno(error, 'ENOEXEC'))
  t.match(error.message, /^posix_spawn\("\/proc\/self\/fd\/\d+", \["x"\]\): exec format error$/)
  t.end()
})

t.test('a thousand starts leave no descriptor behind', t => {
  const bytes = readFileSync('/bin/true')
  const before = openDescriptors()
  for (let i = 0; i < 1000; i++) {
    using image = sealedMemfd('tsrunc', bytes)
    using passed = image.duplicate()
    const request = { argv: ['true'], stdio: [0, 1, 2], preserved: 0, passed: new Map([[3, passed]]) } as const
    if (reap(launch({ image, ...request }), true)?.exitCode !== 0) throw new Error('it did not run')
  }
  t.equal(openDescriptors(), before)
  t.end()
})
