// linux.intelRdt: config-linux.md "IntelRdt". Few machines have resctrl; without it only what must be refused is tried
// here, and intel-rdt.test.ts tries the rest on a directory tree.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { type Case, defineCase, Skip } from '../case.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md intelrdt'
const ROOT = '/sys/fs/resctrl'

const isMounted = (): boolean => existsSync(`${ROOT}/schemata`)

const ask = (world: World, wish: object): void => {
  world.bundle.config.linux.intelRdt = wish
}

function needsResctrl(): void {
  if (!isMounted()) throw new Skip('needs a CPU with RDT and resctrl at /sys/fs/resctrl')
}

const tasks = (group: string): string[] => readFileSync(`${ROOT}/${group}/tasks`, 'utf8').trim().split('\n')

export const rdtCases: readonly Case[] = [
  defineCase(SECTION, 'without resctrl it is an error to ask for it', world => {
    if (isMounted()) throw new Skip('this machine has resctrl')
    for (const wish of [
      { closID: 'a' },
      { l3CacheSchema: 'L3:0=f' },
      { schemata: ['L3:0=f'] },
      { enableMonitoring: true },
    ]) {
      ask(world, wish)
      world.refused()
    }
  }),

  defineCase(SECTION, 'a line feed in a schema is an error', world => {
    for (const wish of [
      { memBwSchema: 'MB:0=20\nL3:0=f' },
      { l3CacheSchema: 'L3:0=f\nMB:0=20' },
      { schemata: ['L3:0=f\nMB:0=20'] },
    ]) {
      ask(world, { closID: world.id, ...wish })
      world.refused(/memBwSchema|l3CacheSchema|schemata|must|[iI]ntel RDT/)
    }
  }),

  defineCase(SECTION, 'a memory bandwidth schema that does not begin with MB: is an error', world => {
    ask(world, { closID: world.id, memBwSchema: 'L3:0=f' })
    world.refused()
  }),

  defineCase(SECTION, 'names that no group can have are errors', world => {
    for (const closID of ['.', '..', 'a/b', '/a', '../a', 'info', 'mon_groups', 'a\nb']) {
      ask(world, { closID })
      world.refused()
    }
  }),

  defineCase(SECTION, 'without closID the group has the name of the container and goes with it', world => {
    needsResctrl()
    ask(world, {})
    world.create()
    assert.ok(tasks(world.id).includes(String(world.state().pid)))
    world.ok('delete', '--force', world.id)
    assert.ok(!existsSync(`${ROOT}/${world.id}`))
  }),

  defineCase(SECTION, 'a group that is there is used and stays; one that is not must have a schema', world => {
    needsResctrl()
    const closID = `${world.id}-group`
    ask(world, { closID })
    world.refused()
    mkdirSync(`${ROOT}/${closID}`)
    world.atEnd(() => rmdirSync(`${ROOT}/${closID}`))
    world.create()
    assert.ok(tasks(closID).includes(String(world.state().pid)))
    world.ok('delete', '--force', world.id)
    assert.ok(existsSync(`${ROOT}/${closID}`))
  }),

  defineCase(SECTION, 'the container gets a monitoring group of its name, which goes with it', world => {
    needsResctrl()
    ask(world, { closID: '/', enableMonitoring: true })
    world.create()
    assert.ok(tasks(`mon_groups/${world.id}`).includes(String(world.state().pid)))
    world.ok('delete', '--force', world.id)
    assert.ok(!existsSync(`${ROOT}/mon_groups/${world.id}`))
  }),
]
