// start: runtime.md#start, and the gate between create and start (exec.fifo in runc's words).
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'

const SECTION = 'runtime.md start'

export const startCases: readonly Case[] = [
  defineCase(SECTION, 'start runs the program that create was given', world => {
    world.bundle.script('echo hello >/ran; sleep 100')
    world.create()
    world.start()
    world.until('the program ran', () => world.bundle.readRoot('ran') === 'hello\n')
    assert.equal(world.status(), 'running')
  }),

  defineCase(SECTION, 'start does not wait for the program', world => {
    world.bundle.script('sleep 100')
    world.create()
    const before = Date.now()
    world.start()
    assert.ok(Date.now() - before < 5000)
    assert.equal(world.status(), 'running')
  }),

  defineCase(SECTION, 'the process that create made becomes the program', world => {
    world.create()
    const { pid } = world.state()
    world.start()
    assert.equal(world.state().pid, pid)
  }),

  defineCase(SECTION, 'start of a running container is an error and does not disturb it', world => {
    world.create()
    world.start()
    world.fails(/cannot start an already running container/, 'start', world.id)
    assert.equal(world.status(), 'running')
  }),

  defineCase(SECTION, 'start of a stopped container is an error', world => {
    world.bundle.script('true')
    world.create()
    world.start()
    world.stopped()
    world.fails(/cannot start a container that has stopped/, 'start', world.id)
  }),

  defineCase(SECTION, 'start of a container that was killed before is an error', world => {
    world.bundle.script('touch /ran')
    world.create()
    world.ok('kill', world.id, 'KILL')
    world.stopped()
    world.fails(/cannot start a container that has stopped/, 'start', world.id)
    assert.equal(world.bundle.readRoot('ran'), undefined)
  }),

  defineCase(SECTION, 'start of an unknown id is an error', world => {
    world.fails(/does not exist/, 'start', 'no-such-container')
  }),

  defineCase('runtime.md lifecycle', 'of two starts at the same time exactly one succeeds', async world => {
    world.create()
    const start = () => world.runtime.launch(['start', world.id]).ended
    const results = await Promise.all([start(), start()])
    assert.equal(results.filter(({ status }) => status === 0).length, 1, results.map(r => r.stderr).join('; '))
    assert.equal(world.status(), 'running')
  }),

  defineCase('runtime.md lifecycle', 'a change of config.json after create has no effect', world => {
    world.bundle.script('hostname >/name; echo $VALUE >/value; sleep 100')
    world.bundle.config.process.env.push('VALUE=old')
    world.create()
    world.bundle.script('touch /new')
    world.bundle.config.hostname = 'changed'
    world.bundle.config.process.env = ['PATH=/bin', 'VALUE=new']
    world.bundle.write()
    world.start()
    world.until('the program ran', () => world.bundle.readRoot('value')?.endsWith('\n') ?? false)
    assert.equal(world.bundle.readRoot('value'), 'old\n')
    assert.equal(world.bundle.readRoot('name'), 'conformance\n')
    assert.equal(world.bundle.readRoot('new'), undefined)
  }),

  defineCase('runtime.md lifecycle', 'a config.json destroyed after create has no effect', world => {
    world.bundle.script('touch /ran')
    world.create()
    writeFileSync(join(world.bundle.path, 'config.json'), 'not JSON')
    world.start()
    world.stopped()
    assert.equal(world.bundle.readRoot('ran'), '')
    world.ok('delete', world.id)
    world.nothingLeft()
  }),

  defineCase('runc: stdio', 'the program has the stdio of create', world => {
    world.bundle.script('echo out; echo err >&2')
    const created = world.create()
    const before = created.stdout
    world.start()
    world.stopped()
    assert.equal(before, '')
    assert.equal(created.stdout, 'out\n')
  }),
]
