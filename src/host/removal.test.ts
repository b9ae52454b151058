// Removing trees: links, mounts, any depth with few descriptors, and somebody who changes the tree meanwhile.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { SyscallError } from '../errors.ts'
import { Fd } from './fd.ts'
import { removeTree } from './removal.ts'
import { isRoot, openDescriptors, places } from './testing.ts'

const open = (path: string): Fd => Fd.open(path, O.bits.O_RDONLY | O.bits.O_DIRECTORY)
const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)

t.test('removing a tree removes links, not what they name', t => {
  const { inside, outside } = places(t)
  mkdirSync(join(inside, 'tree/deep/deeper'), { recursive: true })
  symlinkSync(outside, join(inside, 'tree/deep/link'))
  symlinkSync(join(outside, 'secret'), join(inside, 'tree/secret'))
  symlinkSync(outside, join(inside, 'alias'))
  writeFileSync(Buffer.concat([Buffer.from(join(inside, 'tree/deep/')), Buffer.from([0xff, 0xfe])]), 'not UTF-8')
  using root = open(inside)
  removeTree(root, 'tree')
  removeTree(root, 'alias')
  removeTree(root, 'missing')
  t.same(readdirSync(inside), [])
  t.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret')
  t.end()
})

t.test('removing a tree stops at a mount', { skip: isRoot ? false : 'needs root' }, t => {
  const { inside, outside } = places(t)
  mkdirSync(join(inside, 'tree/mounted'), { recursive: true })
  // in a mount namespace of its own, so that nothing can stay mounted
  const script = `
    const { Fd } = await import(${JSON.stringify(new URL('fd.js', import.meta.url).href)})
    const { removeTree } = await import(${JSON.stringify(new URL('removal.js', import.meta.url).href)})
    try { removeTree(Fd.open(${JSON.stringify(inside)}, 0n), 'tree') } catch (error) { console.log(error.errnoName) }`
  const command = `mount --bind "$1" "$2" && exec "$3" --input-type=module -e "$4"`
  const args = ['-m', 'sh', '-c', command, 'sh', outside, join(inside, 'tree/mounted'), process.execPath, script]
  t.match(execFileSync('unshare', args, { encoding: 'utf8' }), /EXDEV|EBUSY/)
  t.ok(existsSync(join(outside, 'secret')))
  t.end()
})

/** Deeper than a path can say: made from within. */
const DEEP = `
  const { chdir } = process, fs = await import('node:fs')
  const deep = (name, count, more = () => {}) => {
    const start = process.cwd()
    for (let level = 0; level < count; level++) {
      fs.mkdirSync(name)
      chdir(name)
      more(level)
    }
    chdir(start)
  }
  const { Fd } = await import(${url('fd.js')})
  const { removeOpen, removeTree } = await import(${url('removal.js')})`

/** Runs a script in a directory, with so few descriptors that Node itself is hardly left any. */
const runIn = (directory: string, descriptors: number, script: string): string => {
  const args = [`--nofile=${descriptors}:${descriptors}`, process.execPath, '--input-type=module', '-e', DEEP + script]
  return execFileSync('prlimit', args, { cwd: directory, encoding: 'utf8' })
}

t.test('a tree of 5,000 levels goes with few descriptors', t => {
  const { inside, outside } = places(t)
  const out = runIn(
    inside,
    90,
    `
    const outside = ${JSON.stringify(outside)}
    fs.mkdirSync('id')
    chdir('id')
    deep('d'.repeat(200), 5000, level => {
      if (level % 40 !== 32) return
      fs.symlinkSync(outside, 'link')
      fs.mkdirSync('wide')
      for (const name of ['a', 'b']) fs.mkdirSync('wide/' + name + '/c', { recursive: true })
    })
    chdir('..')
    const top = Fd.open('.', 0n), id = Fd.open('id', 0n)
    const before = performance.now()
    console.log(removeOpen(top, 'id', id), fs.readdirSync('.').length, performance.now() - before)`,
  )
  const [removed, left, milliseconds = ''] = out.trim().split(' ')
  t.equal(removed, 'true')
  t.equal(left, '0')
  t.ok(Number(milliseconds) < 10_000, milliseconds)
  t.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret')
  t.end()
})

t.test('a user can remove a deep tree that is shut', { skip: isRoot ? false : 'needs root' }, t => {
  const { inside } = places(t)
  execFileSync('chown', ['4321:4321', inside])
  execFileSync('chmod', ['-R', 'a+rx', join(inside, '..')])
  const out = runIn(
    inside,
    90,
    `
    process.setgid(4321)
    process.setuid(4321)
    deep('d', 400)
    for (let count = 399; count >= 0; count--) {
      // from the innermost, as one that is shut lets nobody through
      const path = Array(count + 1).fill('d').join('/')
      fs.chmodSync(path, [0o500, 0o000, 0o300][count % 3])
    }
    removeTree(Fd.open('.', 0n), 'd')
    console.log(fs.readdirSync('.').length)`,
  )
  t.equal(out.trim(), '0')
  t.end()
})

t.test("names that an earlier removal left are in nobody's way", t => {
  const { inside } = places(t)
  const out = runIn(
    inside,
    90,
    `
    fs.mkdirSync('id')
    chdir('id')
    fs.writeFileSync('.removed.' + process.pid + '.0', '')
    fs.mkdirSync('.removed.' + process.pid + '.1/full', { recursive: true })
    deep('a', 100)
    chdir('..')
    console.log(removeOpen(Fd.open('.', 0n), 'id', Fd.open('id', 0n)), fs.readdirSync('.').length)`,
  )
  t.equal(out.trim(), 'true 0')
  t.end()
})

t.test('directories that turn into links meanwhile lead nowhere', async t => {
  const { inside, outside } = places(t)
  mkdirSync(join(outside, 'a/b'), { recursive: true })
  const above = 'd/'.repeat(31)
  const swap = `
    const fs = await import('node:fs')
    const place = ${JSON.stringify(join(inside, above))}
    const quiet = work => { try { work() } catch {} }
    console.log('ready')
    for (let n = 0; ; n++) for (const at of ['', 'd/']) {
      quiet(() => fs.mkdirSync(place + at + 'd/d', { recursive: true }))
      quiet(() => fs.renameSync(place + at + 'd', place + at + 'kept'))
      quiet(() => fs.symlinkSync(${JSON.stringify(outside)}, place + at + 'd'))
      quiet(() => fs.unlinkSync(place + at + 'd'))
      quiet(() => fs.renameSync(place + at + 'kept', place + at + 'd'))
    }`
  const swapper = spawn(process.execPath, ['--input-type=module', '-e', swap], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => swapper.kill('SIGKILL'))
  await new Promise(resolve => swapper.stdout.once('data', resolve))
  using root = open(inside)
  const before = openDescriptors()
  let removed = 0
  for (const end = performance.now() + 2500; performance.now() < end; ) {
    // the last levels are made by the other one
    if (!existsSync(join(inside, above))) mkdirSync(join(inside, above), { recursive: true })
    await new Promise(resolve => setTimeout(resolve, 1))
    try {
      removeTree(root, 'd')
      removed++
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error // it is filled faster than it is emptied
    }
    if (!existsSync(join(outside, 'a/b'))) break
  }
  t.ok(removed > 2, `${removed} removals`)
  t.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret')
  t.same(readdirSync(outside).sort(), ['a', 'secret'])
  t.ok(existsSync(join(outside, 'a/b')))
  t.equal(openDescriptors(), before, 'none stays open')
})
