// delete: runtime.md#delete, and the --force that every engine relies on.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'

const SECTION = 'runtime.md delete'

export const deleteCases: readonly Case[] = [
  defineCase(SECTION, 'delete of a stopped container leaves nothing', world => {
    world.bundle.script('true')
    world.create()
    world.start()
    world.stopped()
    world.ok('delete', world.id)
    world.nothingLeft()
    world.fails(/does not exist/, 'state', world.id)
    world.fails(/does not exist/, 'delete', world.id)
  }),

  defineCase(SECTION, 'delete of a running container is an error and does not disturb it', world => {
    world.create()
    world.start()
    const before = world.state()
    world.fails(/is not stopped/, 'delete', world.id)
    assert.deepEqual(world.state(), before)
  }),

  // The specification wants an error; runc, and whoever is its drop-in, kills the waiting process.
  defineCase('runc: delete', 'delete of a created container kills and removes it, or refuses', world => {
    world.bundle.script('touch /ran')
    world.create()
    const { status } = world.runtime.run(['delete', world.id])
    if (status === 0) world.nothingLeft()
    else assert.equal(world.status(), 'created')
    assert.equal(world.bundle.readRoot('ran'), undefined)
  }),

  defineCase(SECTION, 'delete of an unknown id is an error', world => {
    world.fails(/does not exist/, 'delete', 'no-such-container')
  }),

  defineCase('runc: delete', 'delete --force of an unknown id succeeds in silence', world => {
    const { stdout, stderr } = world.ok('delete', '--force', 'no-such-container')
    assert.equal(stdout + stderr, '')
  }),

  defineCase('runc: delete', 'delete --force kills a running container', world => {
    world.bundle.script('trap "" TERM; sleep 104 & sleep 105')
    world.create()
    world.start()
    world.ok('delete', '--force', world.id)
    world.nothingLeft()
  }),

  defineCase('runc: delete', 'delete --force removes what a crash has left of a container', world => {
    mkdirSync(join(world.runtime.root, world.id), { recursive: true })
    world.ok('delete', '--force', world.id)
    world.nothingLeft()
  }),

  defineCase(SECTION, 'the rootfs and the bundle are not touched', world => {
    world.bundle.script('echo kept >/file')
    world.create()
    world.start()
    world.stopped()
    world.ok('delete', world.id)
    assert.equal(world.bundle.readRoot('file'), 'kept\n')
  }),
]
