// run: create, start, wait and delete in one (runc's, and BuildKit's way in).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import type { Result } from '../runtime.ts'
import type { World } from '../world.ts'

const SECTION = 'runc: run'

function run(world: World, ...flags: string[]): Result {
  world.bundle.write()
  return world.runtime.run(['run', '--bundle', world.bundle.path, ...flags, world.id])
}

export const runCases: readonly Case[] = [
  defineCase(SECTION, 'run gives the exit status and the output of the program', world => {
    world.bundle.script('echo hello; echo oops >&2; exit 7')
    const { status, stdout, stderr } = run(world)
    assert.equal(status, 7, stderr)
    assert.equal(stdout, 'hello\n')
    assert.equal(stderr, 'oops\n')
    world.nothingLeft()
  }),

  defineCase(SECTION, 'a program killed by signal n gives 128+n', world => {
    world.bundle.config.process.args = ['sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?']
    assert.equal(run(world).status, 137)
    const { linux } = world.bundle.config
    linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid') // pid 1 of a namespace is immune to itself
    world.bundle.script('kill -9 $$')
    assert.equal(run(world).status, 137)
  }),

  defineCase(SECTION, 'run --keep keeps the container, stopped', world => {
    world.bundle.script('exit 3')
    assert.equal(run(world, '--keep').status, 3)
    assert.equal(world.status(), 'stopped')
    world.ok('delete', world.id)
    world.nothingLeft()
  }),

  defineCase(SECTION, 'run --detach returns while the program runs', world => {
    const file = join(world.directory, 'pid')
    assert.equal(run(world, '--detach', '--pid-file', file).status, 0)
    const { status, pid } = world.state()
    assert.equal(status, 'running')
    assert.equal(Number(readFileSync(file, 'utf8')), pid)
  }),

  defineCase(SECTION, 'signals to a foreground run reach the program', async world => {
    world.bundle.script('trap "exit 5" TERM; touch /ready; while true; do sleep 0.05; done').write()
    const { child, ended } = world.runtime.launch(['run', '--bundle', world.bundle.path, world.id])
    await world.eventually('the trap is set', () => world.bundle.readRoot('ready') !== undefined)
    child.kill('SIGTERM')
    assert.equal((await ended).status, 5)
    world.nothingLeft()
  }),

  defineCase(SECTION, 'run that fails leaves nothing', world => {
    world.bundle.config.process.args = ['/bin/nonexistent']
    const { status, stderr } = run(world)
    assert.notEqual(status, 0)
    assert.match(stderr, /no such file or directory/)
    world.nothingLeft()
  }),
]
