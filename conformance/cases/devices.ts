// Device nodes, and which devices may be used: config-linux.md "Devices" and "Allowed Device list". What a usual /dev
// holds is filesystems.ts's.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase, Skip } from '../case.ts'
import { mapUsers } from '../users.ts'
import type { World } from '../world.ts'

const DEVICES = 'config-linux.md devices'
const RULES = 'config-linux.md allowed-device-list'
const LONGEST_PATH = 4096

interface Device {
  path?: string
  type?: string
  major?: number
  minor?: number
  fileMode?: number
  uid?: number
  gid?: number
}

const ask = (world: World, ...devices: Device[]): void => {
  world.bundle.config.linux.devices = devices
}

/** "character special file 12c:11170 640 3:4" of each path. */
const look = (world: World, ...paths: string[]): string[] =>
  world
    .output(paths.map(path => `stat -c '%F %t:%T %a %u:%g' '${path}'`).join('; '))
    .trim()
    .split('\n')

const KMSG = { type: 'c', major: 1, minor: 11 } as const

/** Opens /dev/kmsg, which nobody is allowed by default and which takes no capability to be written to. */
function rules(world: World, ...devices: object[]): void {
  ask(world, { path: '/dev/kmsg', ...KMSG, fileMode: 0o666 })
  world.bundle.config.linux.resources = { devices }
}
const canWrite = (world: World): boolean =>
  world.output('if (: >/dev/kmsg) 2>/dev/null; then echo yes; else echo no; fi') === 'yes\n'

const deviceCases: readonly Case[] = [
  defineCase(DEVICES, 'every type of device, with number, mode and owner', world => {
    ask(
      world,
      { path: '/dev/char', type: 'c', major: 300, minor: 70000, fileMode: 0o640, uid: 3, gid: 4 },
      { path: '/dev/unbuffered', type: 'u', major: 1, minor: 3, fileMode: 0o600 },
      { path: '/dev/block', type: 'b', major: 7, minor: 255, fileMode: 0o660 },
      { path: '/dev/fifo', type: 'p', fileMode: 0o622, uid: 5 },
    )
    assert.deepEqual(look(world, '/dev/char', '/dev/unbuffered', '/dev/block', '/dev/fifo'), [
      'character special file 12c:11170 640 3:4',
      'character special file 1:3 600 0:0',
      'block special file 7:ff 660 0:0',
      'fifo 0:0 622 5:0',
    ])
  }),

  defineCase(DEVICES, 'a device can be anywhere in the container', world => {
    ask(
      world,
      { path: '/opt/deep/down/null', type: 'c', major: 1, minor: 3, fileMode: 0o666 },
      { path: '/null', type: 'c', major: 1, minor: 3, fileMode: 0o666 },
    )
    assert.deepEqual(look(world, '/opt/deep/down/null', '/null'), Array(2).fill('character special file 1:3 666 0:0'))
  }),

  defineCase(DEVICES, 'a device takes the place of a default one', world => {
    ask(world, { path: '/dev/zero', type: 'c', major: 1, minor: 5, fileMode: 0o600, uid: 7 })
    assert.deepEqual(look(world, '/dev/zero'), ['character special file 1:5 600 7:0'])
  }),

  defineCase(DEVICES, 'the umask of the caller has no say', world => {
    ask(world, { path: '/dev/open', type: 'c', major: 1, minor: 3, fileMode: 0o777 })
    world.runtime.launcher = ['sh', '-c', 'umask 077; exec "$@"', 'sh']
    world.atEnd(() => {
      world.runtime.launcher = []
    })
    assert.deepEqual(look(world, '/dev/open', '/dev/null'), [
      'character special file 1:3 777 0:0',
      'character special file 1:3 666 0:0',
    ])
  }),

  defineCase(DEVICES, 'a file in the way that is not the device is an error', world => {
    const null_ = { type: 'c', major: 1, minor: 3 }
    mkdirSync(world.bundle.inRoot('opt/directory'), { recursive: true })
    writeFileSync(world.bundle.inRoot('opt/file'), 'text')
    symlinkSync('/nonexistent', world.bundle.inRoot('opt/link'))
    for (const name of ['file', 'directory', 'link']) {
      ask(world, { path: `/opt/${name}`, ...null_ })
      world.refused()
    }
    ask(world, { path: '/opt/ok', ...null_ }, { path: '/opt/ok', type: 'c', major: 1, minor: 5 })
    world.refused()
  }),

  defineCase(DEVICES, 'a link of the image leads nowhere out of it', world => {
    const outside = join(world.directory, 'outside')
    mkdirSync(outside)
    symlinkSync(outside, world.bundle.inRoot('out'))
    symlinkSync('../'.repeat(10) + outside, world.bundle.inRoot('up'))
    world.bundle.script('true')
    for (const name of ['out', 'up']) {
      ask(world, { path: `/${name}/null`, type: 'c', major: 1, minor: 3 })
      world.bundle.write()
      world.runtime.run(['run', '--bundle', world.bundle.path, world.id]) // an error or not: both will do
      world.runtime.run(['delete', '--force', world.id])
      assert.deepEqual(readdirSync(outside), [])
    }
  }),

  defineCase(DEVICES, 'what is no device is an error', world => {
    for (const device of [
      { path: '/dev/x', type: 'c' },
      { path: '/dev/x', type: 'x', major: 1, minor: 3 },
      { type: 'c', major: 1, minor: 3 },
      { path: '/dev/x', type: 'c', major: 1 },
    ]) {
      ask(world, device)
      world.refused()
    }
  }),

  defineCase(DEVICES, 'names that are strange: a line feed works, one of 4096 bytes is an error', world => {
    ask(world, { path: '/dev/a\nb', type: 'c', major: 1, minor: 3, fileMode: 0o666 })
    assert.deepEqual(look(world, '/dev/a\nb'), ['character special file 1:3 666 0:0'])
    ask(world, { path: `/dev/${'x'.repeat(LONGEST_PATH)}`, type: 'c', major: 1, minor: 3 })
    world.refused()
    ask(world, { path: `/dev/${'x/'.repeat(LONGEST_PATH)}y`, type: 'c', major: 1, minor: 3 })
    world.refused()
  }),

  defineCase(DEVICES, "in a user namespace the host's device of that path serves", world => {
    if (!existsSync('/dev/kmsg')) throw new Skip('needs /dev/kmsg on the host')
    mapUsers(world)
    ask(world, { path: '/dev/kmsg', ...KMSG }, { path: '/dev/fifo', type: 'p', fileMode: 0o622 })
    const [kmsg = '', fifo, zero] = look(world, '/dev/kmsg', '/dev/fifo', '/dev/zero')
    assert.match(kmsg, /^character special file 1:b /)
    assert.equal(fifo, 'fifo 0:0 622 0:0')
    assert.match(zero ?? '', /^character special file 1:5 666 /)
    assert.equal(world.output('echo x >/dev/null && head -c 2 /dev/zero | wc -c'), '2\n')
  }),

  defineCase(DEVICES, 'with the /dev of the host nothing is added to it, but a device elsewhere is made', world => {
    world.bundle.config.mounts[1] = { destination: '/dev', type: 'bind', source: '/dev', options: ['rbind', 'rslave'] }
    const name = `conformance-${process.pid}`
    ask(
      world,
      { path: `/dev/${name}`, type: 'c', major: 1, minor: 3 },
      { path: '/opt/null', type: 'c', major: 1, minor: 3, fileMode: 0o666 },
    )
    assert.deepEqual(look(world, '/opt/null'), ['character special file 1:3 666 0:0'])
    assert.ok(!existsSync(`/dev/${name}`))
  }),

  defineCase(DEVICES, 'nodes in a rootfs without a mount on /dev are real', world => {
    world.bundle.config.mounts.splice(1, 1)
    ask(world, { path: '/opt/block', type: 'b', major: 7, minor: 200, fileMode: 0o640, gid: 6 })
    world.output('true')
    const { mode, rdev, gid } = statSync(world.bundle.inRoot('opt/block'))
    assert.deepEqual([mode.toString(8), rdev, gid], ['60640', 7 * 256 + 200, 6])
  }),
]

const ruleCases: readonly Case[] = [
  defineCase(RULES, 'without a rule only the default devices may be used', world => {
    rules(world)
    assert.equal(canWrite(world), false)
    assert.equal(world.output('echo x >/dev/null && head -c 1 /dev/urandom | wc -c'), '1\n')
  }),

  defineCase(RULES, 'a rule without type and numbers is about all devices', world => {
    rules(world, { allow: true, access: 'rwm' })
    assert.equal(canWrite(world), true)
    rules(world, { allow: true, access: 'rwm' }, { allow: false, access: 'rwm' })
    assert.equal(canWrite(world), false)
  }),

  defineCase(RULES, 'a rule that names no access is about every access', world => {
    rules(world, { allow: true })
    assert.equal(canWrite(world), true)
  }),

  defineCase(RULES, 'rules apply in their order', world => {
    rules(world, { allow: false, access: 'rwm' }, { allow: true, ...KMSG, access: 'rw' })
    assert.equal(canWrite(world), true)
    rules(world, { allow: true, ...KMSG, access: 'rw' }, { allow: false, access: 'rwm' })
    assert.equal(canWrite(world), false)
    rules(world, { allow: true, access: 'rwm' }, { allow: false, ...KMSG, access: 'rwm' })
    assert.equal(canWrite(world), false)
  }),

  defineCase(RULES, 'a number that is left out is any', world => {
    rules(world, { allow: false, access: 'rwm' }, { allow: true, type: 'c', major: 1, access: 'rwm' })
    assert.equal(canWrite(world), true)
    rules(world, { allow: false, access: 'rwm' }, { allow: true, type: 'c', minor: 11, access: 'rwm' })
    assert.equal(canWrite(world), true)
    rules(world, { allow: false, access: 'rwm' }, { allow: true, type: 'b', major: 1, minor: 11, access: 'rwm' })
    assert.equal(canWrite(world), false)
  }),

  defineCase(RULES, 'each kind of access by itself', world => {
    rules(world, { allow: false, access: 'rwm' }, { allow: true, ...KMSG, access: 'r' })
    assert.equal(canWrite(world), false)
    rules(world, { allow: false, access: 'rwm' }, { allow: true, ...KMSG, access: 'w' })
    assert.equal(canWrite(world), true)
    rules(world, { allow: true, access: 'rwm' }, { allow: false, ...KMSG, access: 'w' })
    assert.equal(canWrite(world), false)
  }),

  defineCase(RULES, 'a rule that says not whether it allows is an error', world => {
    rules(world, { type: 'c', major: 1, minor: 11 })
    world.refused()
  }),

  defineCase(RULES, 'a type that is none is an error', world => {
    rules(world, { allow: true, type: 'x' })
    world.refused()
  }),
]

export const deviceNodeCases: readonly Case[] = [...deviceCases, ...ruleCases]
