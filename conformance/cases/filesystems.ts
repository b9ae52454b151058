// What a root filesystem is given and what is taken out of sight: config-linux.md#default-filesystems,
// #default-devices, #masked-paths and #readonly-paths, runtime-linux.md#dev-symbolic-links.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import type { World } from '../world.ts'

const MASKED = 'config-linux.md masked-paths'
const READONLY = 'config-linux.md readonly-paths'

const DEVICES = { null: '1:3', zero: '1:5', full: '1:7', random: '1:8', urandom: '1:9', tty: '5:0' } as const
const LINKS = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
} as const

/** Files and directories to be hidden or locked. */
function furnish(world: World): void {
  mkdirSync(world.bundle.inRoot('secret/below'), { recursive: true })
  writeFileSync(world.bundle.inRoot('secret/below/file'), 'secret')
  writeFileSync(world.bundle.inRoot('file'), 'secret')
}

const inConfig = (world: World, list: 'maskedPaths' | 'readonlyPaths', ...paths: string[]): void => {
  world.bundle.config.linux[list] = paths
}

const masked: readonly Case[] = [
  defineCase(MASKED, 'a masked file reads as empty and keeps what is written to itself', world => {
    furnish(world)
    inConfig(world, 'maskedPaths', '/file', '/proc/version')
    assert.equal(world.output('cat /file /proc/version; echo more >/file; cat /file; test -f /etc; echo $?'), '1\n')
    assert.equal(world.bundle.readRoot('file'), 'secret')
  }),

  defineCase(MASKED, 'a masked directory is empty and cannot be filled', world => {
    furnish(world)
    inConfig(world, 'maskedPaths', '/secret', '/proc/sys')
    const said = world.output('ls -A /secret /proc/sys | grep -v :; (echo >/secret/new) 2>/dev/null || echo refused')
    assert.equal(said.trim(), 'refused')
    assert.deepEqual(readdirSync(world.bundle.inRoot('secret')), ['below'])
  }),

  defineCase(MASKED, 'many directories are each masked, below each other, and twice', world => {
    furnish(world)
    const many = Array.from({ length: 30 }, (_, n) => `/many/${n}`)
    for (const path of many) {
      mkdirSync(world.bundle.inRoot(path), { recursive: true })
      writeFileSync(world.bundle.inRoot(join(path, 'file')), '')
    }
    inConfig(world, 'maskedPaths', '/secret/below', '/secret', '/secret', ...many)
    assert.equal(world.output('find /secret /many -name file -o -name below'), '')
  }),

  defineCase(MASKED, 'a masked path that is not there is ignored', world => {
    inConfig(world, 'maskedPaths', '/nonexistent', '/etc/nonexistent/below')
    assert.equal(world.output('ls -d /nonexistent /etc/nonexistent 2>/dev/null; echo fine'), 'fine\n')
    assert.ok(!existsSync(world.bundle.inRoot('nonexistent')))
  }),

  defineCase(MASKED, 'a masked path that is relative is an error', world => {
    inConfig(world, 'maskedPaths', 'proc/kcore')
    world.refused()
  }),

  defineCase(MASKED, 'a masked path that is a link leads to what it means inside, never out', world => {
    furnish(world)
    const outside = join(world.directory, 'outside')
    writeFileSync(outside, 'kept')
    symlinkSync('secret', world.bundle.inRoot('link'))
    symlinkSync(outside, world.bundle.inRoot('out'))
    symlinkSync('nowhere', world.bundle.inRoot('dangling'))
    inConfig(world, 'maskedPaths', '/link', '/out', '/dangling', '/../../../file')
    assert.equal(world.output('ls -A /link/; cat /file; echo end'), 'end\n')
    assert.equal(readFileSync(outside, 'utf8'), 'kept')
  }),

  defineCase(MASKED, 'names with newlines and of many bytes are masked as well', world => {
    const names = ['new\nline', ' space ', '%s\\n', `${'d'.repeat(250)}/${'e'.repeat(250)}`]
    for (const name of names) {
      mkdirSync(world.bundle.inRoot(`x/${name}`), { recursive: true })
      writeFileSync(world.bundle.inRoot(`x/${name}/secret`), '')
    }
    inConfig(world, 'maskedPaths', ...names.map(name => `/x/${name}`))
    assert.equal(world.output('find /x -name secret'), '')
  }),
]

const readonly: readonly Case[] = [
  defineCase(READONLY, 'a read-only path can be read and not written to', world => {
    furnish(world)
    inConfig(world, 'readonlyPaths', '/secret', '/file', '/proc/sys')
    const tries = ['/file', '/secret/new', '/secret/below/file', '/proc/sys/kernel/domainname', '/etc/new']
    const said = world.output(`cat /file; ${tries.map(path => `(echo x >>${path}) 2>&1 || true`).join('; ')}`)
    assert.equal(said.match(/Read-only file system/g)?.length, 4)
    assert.match(said, /^secret/)
    assert.equal(world.bundle.readRoot('etc/new'), 'x\n')
    assert.equal(world.bundle.readRoot('file'), 'secret')
  }),

  defineCase(MASKED, 'a masked path below a file is ignored', world => {
    inConfig(world, 'maskedPaths', '/bin/busybox/below')
    assert.equal(world.output('echo fine'), 'fine\n')
  }),

  defineCase(READONLY, 'a read-only path that is not there is ignored', world => {
    inConfig(world, 'readonlyPaths', '/nonexistent', '/etc/nonexistent/below')
    assert.equal(world.output('echo fine'), 'fine\n')
  }),

  defineCase(READONLY, 'a read-only path that is relative is an error', world => {
    inConfig(world, 'readonlyPaths', 'etc')
    world.refused()
  }),

  defineCase(READONLY, 'a read-only path that is a link leads to what it means inside, never out', world => {
    furnish(world)
    const outside = join(world.directory, 'outside')
    writeFileSync(outside, '')
    symlinkSync('/secret', world.bundle.inRoot('link'))
    symlinkSync(outside, world.bundle.inRoot('out'))
    inConfig(world, 'readonlyPaths', '/link', '/out')
    assert.equal(world.output('(echo >/secret/new) 2>/dev/null || echo refused'), 'refused\n')
    writeFileSync(outside, 'writable')
  }),

  defineCase(READONLY, 'flags that the mount had before stay', world => {
    world.bundle.config.mounts.push({
      destination: '/tmp',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'noexec', 'nodev'],
    })
    inConfig(world, 'readonlyPaths', '/tmp')
    assert.match(world.output("grep ' /tmp ' /proc/mounts | tail -1"), /ro,.*nosuid,nodev,noexec/)
  }),
]

export const filesystemCases: readonly Case[] = [
  defineCase('config-linux.md default-filesystems', 'those that a usual config asks for are there', world => {
    const { mounts } = world.bundle.config
    mounts.push(
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
      { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['mode=1777'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] },
    )
    const types = world.output("awk '{print $2, $3}' /proc/mounts").split('\n')
    for (const line of ['/proc proc', '/sys sysfs', '/dev/pts devpts', '/dev/shm tmpfs'])
      assert.ok(types.includes(line), `${line} of ${types.join(', ')}`)
  }),

  defineCase(
    'config-linux.md default-devices',
    'the default devices are there, for everybody, and they work',
    world => {
      const names = Object.keys(DEVICES)
      world.bundle.config.process.user = { uid: 1000, gid: 1000 }
      const look = names.map(name => `stat -c '%n %F %t:%T %a' /dev/${name}`).join('; ')
      const use = 'echo x >/dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; cat /dev/null'
      const said = world.output(`${look}; ${use}; (echo >/dev/full) 2>/dev/null || echo full`).split('\n')
      for (const [name, number] of Object.entries(DEVICES))
        assert.ok(said.includes(`/dev/${name} character special file ${number} 666`), `${name}: ${said.join('; ')}`)
      assert.deepEqual(said.slice(names.length), ['3', '3', 'full', ''])
    },
  ),

  defineCase('config-linux.md default-devices', '/dev/ptmx is that of the container', world => {
    world.bundle.config.mounts.push({
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
    })
    const said = world.output('readlink /dev/ptmx; test -c /dev/ptmx && echo device; exec 3<>/dev/ptmx; ls /dev/pts')
    assert.match(said, /^(\/dev\/)?pts\/ptmx\ndevice\n0\nptmx\n$|^device\n0\nptmx\n$/)
  }),

  defineCase('config-linux.md default-devices', 'without a terminal there is no /dev/console', world => {
    assert.equal(world.output('test -e /dev/console; echo $?'), '1\n')
  }),

  defineCase('runtime-linux.md dev-symbolic-links', 'the links to the descriptors are there and work', world => {
    const look = Object.keys(LINKS).map(name => `readlink /dev/${name}`)
    const said = world.output(`${look.join('; ')}; echo in | cat /dev/stdin; echo through >>/dev/stdout`)
    assert.deepEqual(said.split('\n'), [...Object.values(LINKS), 'in', 'through', ''])
  }),

  defineCase(
    'config-linux.md default-devices',
    'devices are made in the rootfs where nothing is mounted on /dev',
    world => {
      world.bundle.config.mounts = world.bundle.config.mounts.filter(({ destination }) => destination !== '/dev')
      assert.equal(world.output('test -c /dev/null && test -c /dev/tty && echo there'), 'there\n')
      assert.ok(
        statSync(world.bundle.inRoot('dev/null')).isCharacterDevice() || !existsSync(world.bundle.inRoot('dev/null')),
      )
    },
  ),

  ...masked,
  ...readonly,
]
