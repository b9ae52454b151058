// state and list: runtime.md#state, and the document's properties.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type Case, defineCase } from '../case.ts'

const SECTION = 'runtime.md state'
const SEMVER = /^\d+\.\d+\.\d+(-[\w.+-]+)?$/

export const stateCases: readonly Case[] = [
  defineCase(SECTION, 'the document of a created container', world => {
    world.bundle.config.annotations = { 'org.example.key': 'value', 'org.example.empty': '' }
    world.create()
    const state = world.state()
    assert.match(state.ociVersion, SEMVER)
    assert.equal(state.id, world.id)
    assert.equal(state.status, 'created')
    assert.equal(state.bundle, world.bundle.path)
    assert.deepEqual(state.annotations, world.bundle.config.annotations)
    assert.ok(existsSync(`/proc/${state.pid}`))
  }),

  defineCase(SECTION, 'status goes from created over running to stopped', world => {
    world.bundle.script('while [ ! -e /stop ]; do sleep 0.05; done')
    world.create()
    assert.equal(world.status(), 'created')
    world.start()
    assert.equal(world.status(), 'running')
    world.bundle.touch('stop')
    world.stopped()
  }),

  defineCase('runc: state', 'the pid of a stopped container is 0', world => {
    world.bundle.script('true')
    world.create()
    world.start()
    world.stopped()
    assert.equal(world.state().pid, 0)
  }),

  defineCase('runc: state', 'rootfs and created, as BuildKit and CRI-O read them', world => {
    world.create()
    const state = world.state() as unknown as { rootfs: string; created: string }
    assert.equal(state.rootfs, world.bundle.inRoot('.'))
    assert.match(state.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  }),

  defineCase(SECTION, 'state of an unknown id is an error', world => {
    const { stdout } = world.fails(/does not exist/, 'state', 'no-such-container')
    assert.equal(stdout, '')
  }),

  defineCase(SECTION, 'state without an id is an error', world => {
    world.fails(undefined, 'state')
  }),

  defineCase('runc: state', 'a container killed from outside reads as stopped', world => {
    world.create()
    process.kill(world.state().pid ?? 0, 'SIGKILL')
    world.stopped()
  }),

  defineCase('runc: list', 'list knows every container', world => {
    const { id, bundle } = world.another()
    world.create()
    world.ok('create', '--bundle', bundle.path, id)
    world.ok('start', id)
    const table = world.ok('list').stdout.split('\n')
    assert.match(table[0] ?? '', /^ID {2,}PID {2,}STATUS {2,}BUNDLE {2,}CREATED {2,}OWNER$/)
    const rows = table.slice(1, -1).map(row => row.split(/ {2,}/))
    const { pid } = world.state(id)
    assert.deepEqual(rows.find(row => row[0] === id)?.slice(0, 4), [id, String(pid), 'running', bundle.path])
    assert.equal(rows.find(row => row[0] === world.id)?.[2], 'created')
    const quiet = world.ok('list', '-q').stdout.split('\n').filter(Boolean)
    assert.deepEqual(quiet.sort(), [id, world.id].sort())
    const json = JSON.parse(world.ok('list', '--format=json').stdout) as { id: string; status: string }[]
    assert.equal(json.find(entry => entry.id === id)?.status, 'running')
  }),

  defineCase('runc: list', 'without containers the list is empty, and null in JSON', world => {
    assert.equal(world.ok('list', '-q').stdout, '')
    assert.equal(world.ok('list', '--format', 'json').stdout.trim(), 'null')
  }),
]
