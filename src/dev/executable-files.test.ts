// The two files of the executable as installing, copying and stripping leave them.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Elf } from './elf-file.ts'
import { build } from './executable.ts'
import { CALLING, dist, home, needsRoot, place, run, TSRUNC, without } from './executable-testing.ts'
import { ORDINARY } from './ordinary-testing.ts'

/** An executable under another name, with or without koffi.node. */
function installed(t: Test, layout: { executable: string; addon?: string }, program = TSRUNC): string {
  const prefix = place()
  t.teardown(() => rmSync(prefix, { recursive: true, force: true }))
  for (const [from, to] of [
    [program, layout.executable],
    [join(home, 'koffi.node'), layout.addon],
  ] as const) {
    if (to === undefined) continue
    mkdirSync(join(prefix, to, '..'), { recursive: true })
    if (from === program) linkSync(from, join(prefix, to))
    else copyFileSync(from, join(prefix, to))
  }
  return prefix
}

t.test('finds koffi.node beside itself, in lib/tsrunc, and through links', t => {
  for (const addon of ['bin/koffi.node', 'lib/tsrunc/koffi.node']) {
    const prefix = installed(t, { executable: 'bin/tsrunc', addon }, ORDINARY)
    symlinkSync(join(prefix, 'bin/tsrunc'), join(prefix, 'link'))
    for (const program of ['bin/tsrunc', 'link']) t.equal(run(join(prefix, program), CALLING).status, 0)
  }
  t.end()
})

t.test('the code of the engine can be mapped by huge pages', t => {
  const large = new Elf(readFileSync(ORDINARY)).segments.filter(row => row.p_filesz > 1n << 24n)
  t.ok(large.length > 0)
  for (const { p_offset, p_vaddr } of large) t.equal(p_offset % (1n << 21n), p_vaddr % (1n << 21n))
  t.end()
})

// a snapshot has koffi.node in it: it is looked for where there is none
t.test('without koffi.node it says so, and does what needs none', t => {
  const program = join(installed(t, { executable: 'tsrunc' }, ORDINARY), 'tsrunc')
  const { status, stderr } = run(program, CALLING)
  t.equal(status, 1)
  t.match(
    stderr,
    /^tsrunc: koffi.node is missing\n {2}at \S+\n {2}hint: it belongs to the executable, as \S+koffi.node or /,
  )
  t.equal(run(program, ['--version']).status, 0)
  t.end()
})

function replaceByDirectory(path: string): void {
  rmSync(path)
  mkdirSync(path)
}

t.test('a koffi.node that others could have written is not loaded', t => {
  const rows: readonly [RegExp, (addon: string) => void, (string | false)?][] = [
    [/may be written by other users/, addon => chmodSync(addon, 0o664)],
    [/may be written by other users/, addon => chmodSync(addon, 0o646)],
    [/belongs to user 12345/, addon => chownSync(addon, 12345, 0), needsRoot],
    [/is not a regular file/, addon => replaceByDirectory(addon)],
    [/koffi cannot be loaded: /, addon => writeFileSync(addon, 'no library')],
  ]
  for (const [message, spoil, skip] of rows) {
    if (skip) continue
    const prefix = installed(t, { executable: 'tsrunc', addon: 'koffi.node' }, ORDINARY)
    spoil(join(prefix, 'koffi.node'))
    const { status, stderr } = run(join(prefix, 'tsrunc'), CALLING)
    t.match(stderr, message)
    t.equal(status, 1)
  }
  t.end()
})

for (const tool of ['strip', 'llvm-strip']) {
  t.test(`${tool} does it no harm`, { skip: without(tool) }, t => {
    const prefix = installed(t, { executable: 'original', addon: 'koffi.node' })
    const program = join(prefix, 'tsrunc')
    const done = run(tool, ['-o', program, join(prefix, 'original')], { env: { PATH: process.env.PATH ?? '' } })
    t.equal(done.status, 0, done.stderr)
    t.not(statSync(program).size, statSync(TSRUNC).size)
    const env = { BUN_BE_BUN: '1' }
    t.match(run(program, ['--version'], { env }).stdout, /^tsrunc version /)
    t.equal(run(program, CALLING, { env }).status, 0)
    t.end()
  })
}

t.test('install:system and uninstall:system', async t => {
  if (!existsSync(join(dist, 'tsrunc'))) await build(dist)
  const root = place()
  const script = join(dist, 'src/dev/install.js')
  const env = { DESTDIR: root, PREFIX: '/opt/x' }
  const installing = () => run(process.execPath, [script], { env })
  for (let i = 0; i < 2; i++) t.match(installing().stdout, /^installed: .*koffi.node\ninstalled: .*bin\/tsrunc\n$/)
  t.same(readdirSync(join(root, 'opt/x/bin')), ['tsrunc'])
  t.equal(run(join(root, 'opt/x/bin/tsrunc'), CALLING).status, 0)
  const removing = () => run(process.execPath, [script, '--remove'], { env })
  t.match(removing().stdout, /^removed: .*bin\/tsrunc\nremoved: .*koffi.node\n$/)
  t.same([readdirSync(join(root, 'opt/x/bin')), existsSync(join(root, 'opt/x/lib/tsrunc'))], [[], false])
  symlinkSync('elsewhere', join(root, 'opt/x/bin/tsrunc'))
  t.match(removing().stdout, /^left alone/)
  t.same(readdirSync(join(root, 'opt/x/bin')), ['tsrunc'])
})
