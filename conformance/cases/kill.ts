// kill: runtime.md#kill.
import assert from 'node:assert/strict'
import { type Case, defineCase } from '../case.ts'
import type { World } from '../world.ts'

const SECTION = 'runtime.md kill'

/** A program that writes down the signals it gets. */
const RECORDER = `
for s in TERM USR1 USR2 HUP; do trap "echo $s >>/signals" $s; done
echo ready >/signals
while true; do sleep 0.05; done`

function record(world: World): void {
  world.bundle.script(RECORDER)
  world.create()
  world.start()
  world.until('the traps are set', () => world.bundle.readRoot('signals') !== undefined)
}

const received = (world: World, signals: string) =>
  world.until(`the program got ${signals}`, () => world.bundle.readRoot('signals') === `ready\n${signals}`)

export const killCases: readonly Case[] = [
  defineCase(SECTION, 'kill sends the signal it is told, by name or by number', world => {
    record(world)
    let expected = ''
    const sent = [
      ['USR1', 'USR1'],
      ['SIGUSR2', 'USR2'],
      ['1', 'HUP'],
      ['usr1', 'USR1'],
    ] as const
    for (const [argument, name] of sent) {
      world.ok('kill', world.id, argument)
      expected += `${name}\n`
      received(world, expected)
    }
    assert.equal(world.status(), 'running')
  }),

  defineCase('runc: kill', 'the default signal is SIGTERM', world => {
    record(world)
    world.ok('kill', world.id)
    received(world, 'TERM\n')
  }),

  defineCase('runc: kill', 'an unknown signal is an error', world => {
    world.create()
    for (const signal of ['BOGUS', 'SIG', '-1', '1.5', '99999']) {
      world.fails(undefined, 'kill', world.id, '--', signal)
    }
    assert.equal(world.status(), 'created')
  }),

  defineCase(SECTION, 'kill of a created container works', world => {
    world.bundle.script('touch /ran')
    world.create()
    world.ok('kill', world.id, 'KILL')
    world.stopped()
    assert.equal(world.bundle.readRoot('ran'), undefined)
  }),

  defineCase(SECTION, 'kill of a stopped container is an error and changes nothing', world => {
    world.bundle.script('true')
    world.create()
    world.start()
    world.stopped()
    world.fails(/container not running/, 'kill', world.id, 'KILL')
    assert.equal(world.status(), 'stopped')
  }),

  defineCase(SECTION, 'kill of an unknown id is an error', world => {
    world.fails(/does not exist/, 'kill', 'no-such-container', 'KILL')
  }),

  defineCase('runc: kill', 'kill --all reaches every process', world => {
    world.bundle.script('sleep 101 & sleep 102 & touch /ran; wait')
    world.create()
    world.start()
    world.until('its children run', () => world.bundle.readRoot('ran') !== undefined)
    world.ok('kill', '--all', world.id, '9')
    world.stopped()
    world.ok('delete', world.id)
    world.nothingLeft()
  }),

  defineCase('runc: kill', 'kill --all of a stopped container succeeds', world => {
    world.bundle.script('true')
    world.create()
    world.start()
    world.stopped()
    world.ok('kill', '--all', world.id, '9')
  }),

  defineCase('runc: kill', 'without a pid namespace of its own nothing of the container survives SIGKILL', world => {
    const { linux } = world.bundle.config
    linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
    world.bundle.script('sleep 103 & touch /ran; wait')
    world.create()
    world.start()
    world.until('its child runs', () => world.bundle.readRoot('ran') !== undefined)
    world.ok('kill', world.id, 'KILL')
    world.stopped()
    world.ok('delete', world.id)
    world.nothingLeft()
  }),
]
