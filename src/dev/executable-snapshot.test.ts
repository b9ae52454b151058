// When the executable goes on from its snapshot, and when it starts in the ordinary way, with the same result.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { containerBundle, home, needsBusybox, needsRoot, place, run, TSRUNC, without } from './executable-testing.ts'
import { both, compiled, FROM_SNAPSHOT, noSnapshot, ORDINARY, payloadAt, startOf, variant } from './ordinary-testing.ts'
import { takeSnapshot } from './snapshot/take.ts'

const INTEL = process.arch === 'x64' ? false : 'snapshots are of x86_64'

t.test('a snapshot can be taken on x86_64 by root', { skip: INTEL || needsRoot }, t => {
  t.equal(noSnapshot, false)
  t.end()
})

t.test('it goes on from its snapshot', { skip: noSnapshot || without('strace') }, t => {
  const trace = (program: string): string => {
    const args = ['-f', '-e', 'trace=openat,readlink', program, 'delete', '--force', 'none']
    return run('strace', args, { env: { PATH: process.env.PATH ?? '' } }).stderr
  }
  const files = /ld-linux|libc\.so|koffi\.node/
  t.match(trace(ORDINARY), files)
  t.notMatch(trace(TSRUNC), files)
  t.match(trace(TSRUNC), 'openat')
  t.end()
})

t.test('its memory is where no other process has any', { skip: noSnapshot || needsBusybox }, async t => {
  const bundle = containerBundle(['cat'])
  const maps = async (program: string): Promise<string> => {
    const argv = ['--root', join(place(), 'root'), 'run', '--bundle', bundle, `executable-where-${process.pid}`]
    const child = spawn(program, argv, { cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.write('x')
    await new Promise(resolve => child.stdout.once('data', resolve))
    const text = readFileSync(`/proc/${child.pid}/maps`, 'utf8')
    child.stdin.end()
    await new Promise(resolve => child.once('exit', resolve))
    return text
  }
  const [resumed, ordinary] = [await maps(TSRUNC), await maps(ORDINARY)]
  t.match(resumed, /^2aaa/m)
  t.match(resumed, /^2000\w+-\w+ r--p .*tsrunc$/m)
  t.notMatch(ordinary, /^2aaa/m)
  t.notMatch(resumed, /ld-linux|libc\.so/)
  t.match(ordinary, /ld-linux/)
  t.end()
})

/** In front of a command; nothing that either program prints may differ. */
function startsOrdinarily(t: Test, before: string, after = ''): void {
  const [snapshot, ordinary] = both(
    `${before}; for args in --version 'state x' list; do
      $T --root $R $args ${after}; echo $?; done`,
  )
  t.same(snapshot, ordinary, `${before} ${after}`)
  if (after !== '>&-') t.equal(startOf(snapshot.stdout), 'ordinary', `${before} ${after}`)
}

t.test('with descriptors in the way it starts in the ordinary way', { skip: noSnapshot }, t => {
  for (const after of ['<&-', '>&-', '2>&-', '200</dev/null', '201>&2']) startsOrdinarily(t, ':', after)
  for (const limit of ['-n 64', '-Sn 201']) startsOrdinarily(t, `ulimit ${limit}`)
  t.end()
})

t.test('without a current directory it starts in the ordinary way', { skip: noSnapshot }, t => {
  startsOrdinarily(t, 'mkdir gone; cd gone; rmdir ../gone')
  t.match(both('mkdir gone; cd gone; rmdir ../gone; $T --root root list')[0].stderr, 'does not exist any more')
  t.end()
})

t.test('with an address taken it starts in the ordinary way', { skip: noSnapshot || without('setarch') }, t => {
  for (const flags of ['-R', '-R -L']) {
    // its stack is where that of the snapshot was
    const [snapshot, ordinary] = both(`setarch ${flags} $T --version; setarch ${flags} $T --root $R list`)
    t.same(snapshot, ordinary)
    t.equal(startOf(snapshot.stdout), 'ordinary')
  }
  t.end()
})

t.test(
  'with the rights of two users it starts in the ordinary way',
  { skip: noSnapshot || needsRoot || without('setpriv') },
  t => {
    const as = 'setpriv --euid 65534 --clear-groups'
    const [snapshot, ordinary] = both(`chmod 777 .; ${as} $T --version; XDG_RUNTIME_DIR=$PWD ${as} $T list`)
    t.same(snapshot, ordinary)
    t.equal(startOf(snapshot.stdout), 'ordinary')
    t.end()
  },
)

t.test('where memory is limited it does as it would without', { skip: noSnapshot || without('prlimit') }, t => {
  for (const size of [8 << 20, 1 << 20].map(KiB => KiB * 1024)) {
    const [snapshot, ordinary] = both(`prlimit --as=${size} $T --root $R list`)
    t.same(snapshot, ordinary, `${size}`)
    t.equal(snapshot.status, 0)
  }
  t.equal(startOf(run('prlimit', [`--as=${1 << 30}`, TSRUNC, '--version']).stdout), 'ordinary')
  t.equal(startOf(run('prlimit', [`--as=${2 ** 33}`, TSRUNC, '--version']).stdout), FROM_SNAPSHOT)
  t.equal(startOf(run('prlimit', [`--stack=${1 << 18}`, TSRUNC, '--version']).stdout), FROM_SNAPSHOT)
  t.end()
})

const LOADER = '/lib64/ld-linux-x86-64.so.2'

t.test('a dynamic loader cannot start it', { skip: existsSync(LOADER) ? false : 'another loader' }, t => {
  const message = 'tsrunc: it brings in its dynamic loader itself, and cannot be started by it\n'
  for (const program of [TSRUNC, ORDINARY]) {
    const { status, stderr } = run(LOADER, [program, '--version'])
    t.same([status, stderr], [1, message])
  }
  t.end()
})

t.test('on a processor that can do less it starts in the ordinary way', { skip: noSnapshot }, t => {
  const snapshot = takeSnapshot(compiled, payloadAt, home)
  if (snapshot === undefined) throw new Error('no snapshot')
  const { features } = snapshot
  const startsWith = (wanted: readonly number[]): string | undefined => {
    const { stdout, status } = run(variant('demanding', { snapshot: { ...snapshot, features: wanted } }), ['--version'])
    t.equal(status, 0)
    return startOf(stdout)
  }
  t.equal(startsWith(features.map(() => 0)), FROM_SNAPSHOT)
  t.equal(startsWith(features.map(() => 0xffff_ffff)), 'ordinary')
  t.equal(startsWith(features.with(-1, 0xffff_ffff)), 'ordinary')
  t.end()
})

t.test('stripped, and through a link, it goes on from its snapshot', { skip: noSnapshot || without('strip') }, t => {
  const [{ stdout, stderr }] = both(
    'strip -o s $T && ln -s s l && ./s --version && ./l --version && ./l --root $R list',
  )
  t.same(stdout.match(/start: .*/g), Array(2).fill(`start: ${FROM_SNAPSHOT}`), stderr)
  t.match(stdout, /^ID /m)
  t.end()
})
