// create: runtime.md#create, and what makes it fail.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'

const SECTION = 'runtime.md create'
const CONFIG = 'config.md'

const BAD_IDS = ['', '.', '..', '../up', 'a/b', '/abs', 'white space', 'new\nline', 'ünicode', 'a'.repeat(1000)]
const GOOD_IDS = ['a.b', 'a_b', 'A+b-1', '0', 'x'.repeat(64)]

export const createCases: readonly Case[] = [
  defineCase(SECTION, 'create does not run the program', world => {
    world.bundle.script('touch /ran')
    world.create()
    world.wait(300)
    assert.equal(world.bundle.readRoot('ran'), undefined)
    assert.equal(world.status(), 'created')
  }),

  defineCase(SECTION, 'create of an id that exists fails and leaves that container alone', world => {
    world.create()
    const before = world.state()
    world.createFails(/exists/)
    assert.deepEqual(world.state(), before)
    world.start()
    assert.equal(world.status(), 'running')
  }),

  defineCase(SECTION, 'of two creates of one id at the same time exactly one succeeds', async world => {
    world.bundle.write()
    const create = () => world.runtime.launch(['create', '--bundle', world.bundle.path, world.id]).ended
    for (let round = 0; round < 4; round++) {
      const results = await Promise.all([create(), create()])
      assert.equal(results.filter(({ status }) => status === 0).length, 1, results.map(r => r.stderr).join('; '))
      assert.equal(world.status(), 'created')
      world.ok('delete', '--force', world.id)
      world.nothingLeft()
    }
  }),

  defineCase(SECTION, 'an id may be used again after delete', world => {
    for (let round = 0; round < 3; round++) {
      world.create()
      world.ok('delete', '--force', world.id)
    }
  }),

  defineCase('runc: ids', 'ids that are no file names are refused', world => {
    for (const id of BAD_IDS) {
      world.fails(undefined, 'create', '--bundle', world.bundle.path, '--', id)
      world.nothingLeft()
    }
    assert.ok(!existsSync(join(world.runtime.root, '..', 'up')))
  }),

  defineCase('runc: ids', 'every allowed character works in an id', world => {
    for (const id of GOOD_IDS) {
      world.ok('create', '--bundle', world.bundle.path, id)
      assert.equal(world.state(id).id, id)
      world.ok('delete', '--force', id)
      world.nothingLeft()
    }
  }),

  defineCase(SECTION, 'a bundle that does not exist, or has no config.json, is an error', world => {
    world.fails(/no such file|not found|does not exist/i, 'create', '--bundle', '/nonexistent', world.id)
    rmSync(join(world.bundle.path, 'config.json'))
    world.fails(/config\.json/, 'create', '--bundle', world.bundle.path, world.id)
    world.nothingLeft()
  }),

  defineCase(CONFIG, 'a config.json that is empty, cut short or of the wrong type is an error', world => {
    const config = join(world.bundle.path, 'config.json')
    const whole = readFileSync(config, 'utf8')
    const texts = ['', whole.slice(0, whole.length / 2), '\x00\x01\x02', '[]', '"text"', '{"ociVersion":7}']
    for (const text of texts) {
      writeFileSync(config, text)
      world.fails(undefined, 'create', '--bundle', world.bundle.path, world.id)
      world.nothingLeft()
    }
  }),

  defineCase('config.md root', 'a rootfs that does not exist, or is a file, is an error', world => {
    world.bundle.config.root.path = 'nonexistent'
    world.bundle.write()
    world.createFails()
    writeFileSync(join(world.bundle.path, 'file'), '')
    world.bundle.config.root.path = 'file'
    world.bundle.write()
    world.createFails()
    world.nothingLeft()
  }),

  defineCase('config.md root', 'an absolute root.path works', world => {
    world.bundle.config.root.path = world.bundle.inRoot('.')
    world.create()
    assert.equal(world.status(), 'created')
  }),

  defineCase('config.md process', 'process.args must not be empty', world => {
    world.bundle.config.process.args = []
    world.bundle.write()
    world.createFails()
    world.nothingLeft()
  }),

  defineCase('config.md process', 'process.cwd must be absolute', world => {
    world.bundle.config.process.cwd = 'tmp'
    world.bundle.write()
    world.createFails(/absolute/)
    world.nothingLeft()
  }),

  defineCase('runc: errors', 'a program that does not exist fails create, not start', world => {
    world.bundle.config.process.args = ['nonexistent']
    world.bundle.write()
    world.createFails(/exec: \\?"nonexistent\\?": executable file not found in \$PATH/)
    world.bundle.config.process.args = ['/bin/nonexistent']
    world.bundle.write()
    world.createFails(/no such file or directory/)
    world.nothingLeft()
  }),

  defineCase('runc: errors', 'a program that may not be executed fails create', world => {
    writeFileSync(world.bundle.inRoot('bin/plain'), 'text')
    chmodSync(world.bundle.inRoot('bin/plain'), 0o644)
    world.bundle.config.process.args = ['/bin/plain']
    world.bundle.write()
    world.createFails(/permission denied/)
    world.nothingLeft()
  }),

  defineCase('config.md extensibility', 'unknown properties are ignored', world => {
    const config = world.bundle.config as unknown as Record<string, unknown>
    config.unknownThing = { deep: [1, 2] }
    Object.assign(world.bundle.config.process, { unknownToo: true })
    world.create()
    assert.equal(world.status(), 'created')
  }),

  defineCase('config.md specification-version', 'later minor versions of the specification are accepted', world => {
    for (const version of ['1.0.0', '1.3.0', '1.99.0-dev']) {
      world.bundle.config.ociVersion = version
      world.create()
      world.ok('delete', '--force', world.id)
    }
  }),

  defineCase('runc: --pid-file', 'the pid file has the pid in digits and nothing else', world => {
    const file = join(world.directory, 'pid')
    writeFileSync(file, '') // CRI-O makes it beforehand
    world.create('--pid-file', file)
    const text = readFileSync(file, 'utf8')
    assert.match(text, /^[1-9][0-9]*$/)
    assert.equal(Number(text), world.state().pid)
  }),

  defineCase('runc: --pid-file', 'no pid file is left by a failed create', world => {
    const file = join(world.directory, 'pid')
    world.bundle.config.process.args = ['/bin/nonexistent']
    world.bundle.write()
    world.createFails(undefined, '--pid-file', file)
    assert.ok(!existsSync(file))
  }),

  defineCase('runc: --pid-file', 'a pid file that cannot be written fails create and leaves nothing', world => {
    world.createFails(undefined, '--pid-file', join(world.directory, 'no/such/directory/pid'))
    world.nothingLeft()
  }),

  defineCase('runc: --bundle', 'the bundle defaults to the current directory', world => {
    mkdirSync(world.runtime.root, { recursive: true })
    const result = world.runtime.run(['create', world.id], [], world.bundle.path)
    assert.equal(result.status, 0, result.stderr)
    assert.equal(world.state().bundle, world.bundle.path)
  }),
]
