// What the making of a snapshot needs of the machine, and what it leaves in the file of whoever builds.
import { spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'

const BUILD = new URL('../executable.js', import.meta.url).href
const SECRET = ['not', 'for', 'others', process.pid].join('-')

const isRoot = process.geteuid?.() === 0
const lacks = (program: string): string | false =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0 ? false : `no ${program}`

/** Builds in a directory, with a command in front of the one that builds. */
function builder(t: Test, user = 0) {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-build-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  if (user !== 0) chownSync(directory, user, user)
  const file = join(directory, 'tsrunc')
  const build = (...before: readonly string[]) => {
    const code = `import { build } from ${JSON.stringify(BUILD)}; await build(${JSON.stringify(directory)})`
    const [first = '', ...args] = [...before, process.execPath, '--input-type=module', '-e', code]
    const env = { PATH: process.env.PATH ?? '', HOME: `/home/${SECRET}`, PASSWORD: SECRET }
    return spawnSync(first, args, { env, encoding: 'utf8', timeout: 60_000 })
  }
  const start = (): string | undefined =>
    /start: (.*)/.exec(spawnSync(file, ['--version'], { encoding: 'utf8', env: {} }).stdout)?.[1]
  return { directory, file, build, start }
}

t.test('nothing of the builder is in the file; a second build takes the place of the first', t => {
  const { directory, file, build, start } = builder(t)
  const starts = [1, 2].map(() => {
    const { status, stderr } = build()
    t.equal(status, 0, stderr)
    t.same(readdirSync(directory).sort(), ['koffi.node', 'tsrunc'])
    return start()
  })
  t.equal(starts[0], starts[1])
  const built = readFileSync(file)
  t.notOk(built.includes(SECRET))
  const lines = ['/etc/passwd', '/proc/self/mountinfo'].flatMap(path => readFileSync(path, 'utf8').split('\n'))
  t.same(
    lines.filter(line => line.length > 15 && built.includes(line)),
    [],
  )
  t.end()
})

const NOBODY = 65534
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
const cannotBeNobody = (): string | false => {
  if (!isRoot || lacks('setpriv')) return 'needs root and setpriv'
  const [first = '', ...args] = [...asNobody, 'test', '-r', new URL(BUILD).pathname]
  return spawnSync(first, args).status === 0 ? false : 'the checkout is not for others to read'
}

t.test('a user without rights builds, too', { skip: cannotBeNobody() }, t => {
  const { build, start } = builder(t, NOBODY)
  const { status, stderr } = build(...asNobody)
  t.same([status, stderr], [0, ''])
  t.equal(start(), process.arch === 'x64' ? 'from a snapshot' : 'ordinary')
  t.end()
})

const impossible: Record<string, readonly string[]> = {
  strace: ['strace', '-f', '--seccomp-bpf', '-qq', '-e', 'trace=ptrace', '-o', '/dev/null'], // one tracer, and no more
  prlimit: ['prlimit', '--nofile=150'],
}
for (const [program, before] of Object.entries(impossible))
  t.test(`where no snapshot can be taken there is none (${program})`, { skip: lacks(program) }, t => {
    const { directory, build, start } = builder(t)
    const { status, stderr } = build(...before)
    t.equal(status, 0, stderr)
    if (process.arch === 'x64') t.match(stderr, /^tsrunc will start without a snapshot of itself: .*\n$/)
    t.equal(start(), 'ordinary')
    t.same(readdirSync(directory).sort(), ['koffi.node', 'tsrunc'])
    const left = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout
    t.notMatch(left, `${directory}/`, 'no process is left')
    t.end()
  })
