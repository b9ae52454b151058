// What config.md says of the document as a whole and of its small properties: version, root, names of the host,
// sections of other platforms, unknown properties, values that are not valid, annotations.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, symlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import { refuses, set } from '../changes.ts'
import { namespacePath, neighbour } from '../neighbour.ts'

const VERSION = 'config.md specification-version'
const ROOT = 'config.md root'
const EXTENSIBILITY = 'config.md extensibility'
const VALID = 'config.md valid-values'
const ANNOTATIONS = 'config.md annotations'

const LONGEST_NAME = 64
const NO_VERSIONS = ['', '1', '1.0', 'v1.0.2', '01.0.0', '1.0.0.0', '1.0.x', 'latest', '1.0.2 ', '1.0.2-']

const versionCases: readonly Case[] = [
  defineCase(VERSION, 'an ociVersion that is missing or no version is an error', world => {
    refuses(world, [{ ociVersion: undefined }, ...NO_VERSIONS.map(ociVersion => ({ ociVersion }))])
  }),

  defineCase(VERSION, 'a major version of the specification that nobody knows is an error', world => {
    refuses(world, [{ ociVersion: '2.0.0' }, { ociVersion: '0.9.0' }])
  }),
]

const rootCases: readonly Case[] = [
  defineCase(ROOT, 'a config without root, or with an empty path, is an error', world => {
    refuses(world, [{ root: undefined }, { root: {} }, { 'root/path': '' }, { 'root/path': 7 }])
  }),

  defineCase(ROOT, 'a read-only root cannot be written to, mounts in it can', world => {
    set(world, { 'root/readonly': true })
    world.bundle.config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' })
    const tries = ['/new', '/etc/new', '/bin/busybox', '/tmp/new', '/dev/shm-new']
    const said = world.output(`${tries.map(path => `(echo >>${path}) 2>/dev/null && echo ${path}`).join('; ')}; true`)
    assert.equal(said, '/tmp/new\n/dev/shm-new\n')
    assert.equal(world.bundle.readRoot('new'), undefined)
  }),

  defineCase(ROOT, 'a root is writable when nothing else is said', world => {
    world.output('echo kept >/new')
    assert.equal(world.bundle.readRoot('new'), 'kept\n')
    set(world, { 'root/readonly': false })
    world.output('echo more >>/new')
    assert.equal(world.bundle.readRoot('new'), 'kept\nmore\n')
  }),

  defineCase(ROOT, 'a relative path is looked up in the bundle, by whatever way', world => {
    mkdirSync(join(world.bundle.path, 'deep/er'), { recursive: true })
    renameSync(world.bundle.inRoot('.'), join(world.bundle.path, 'deep/er/root fs\n'))
    set(world, { 'root/path': './deep/../deep/er//root fs\n/' })
    assert.equal(world.output('echo there'), 'there\n')
  }),

  defineCase(ROOT, 'the program sees nothing above the root', world => {
    assert.equal(world.output('cd ../../..; pwd; ls -d /rootfs 2>/dev/null; ls -id / /.. | wc -l'), '/\n2\n')
  }),

  defineCase(ROOT, 'a root path of more than 4096 bytes, or a dangling link, is an error', world => {
    symlinkSync('nowhere', join(world.bundle.path, 'dangling'))
    refuses(world, [{ 'root/path': 'r/'.repeat(3000) }, { 'root/path': 'dangling' }, { 'root/path': 'a\0b' }])
  }),
]

const nameCase = (property: 'hostname' | 'domainname', command: string, file: string): readonly Case[] => {
  const section = `config.md ${property}`
  const ofHost = () => execFileSync('cat', [file], { encoding: 'utf8' })
  return [
    defineCase(section, `the ${property} is seen inside, and the host keeps its own`, world => {
      const before = ofHost()
      for (const name of ['some.name', 'n'.repeat(LONGEST_NAME)]) {
        set(world, { [property]: name })
        assert.equal(world.output(`cat ${file}`), `${name}\n`)
        if (name.length < LONGEST_NAME) assert.equal(world.output(command), `${name}\n`)
      }
      assert.equal(ofHost(), before)
    }),

    defineCase(section, `a ${property} without a uts namespace is an error`, world => {
      const before = ofHost()
      const { linux } = world.bundle.config
      linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'uts')
      set(world, { hostname: undefined, [property]: 'name' })
      world.refused()
      assert.equal(ofHost(), before)
    }),

    defineCase(section, `a ${property} of more than ${LONGEST_NAME} bytes is an error`, world => {
      refuses(world, [{ [property]: 'n'.repeat(LONGEST_NAME + 1) }])
    }),

    defineCase(section, `without a ${property} the container has that of the runtime`, world => {
      set(world, { [property]: undefined })
      assert.equal(world.output(`cat ${file}`), ofHost())
    }),

    defineCase(section, `the ${property} is set in a uts namespace that is joined`, world => {
      const pid = neighbour(world, '--uts')
      const path = namespacePath(pid, 'uts')
      const { linux } = world.bundle.config
      linux.namespaces = linux.namespaces.map(each => (each.type === 'uts' ? { type: 'uts', path } : each))
      set(world, { [property]: 'joined' })
      world.output('true')
      const there = execFileSync('nsenter', ['--uts', '--target', String(pid), 'cat', file], { encoding: 'utf8' })
      assert.equal(there, 'joined\n')
    }),
  ]
}

const openCases: readonly Case[] = [
  defineCase('config.md platform-specific-configuration', 'sections of other platforms are ignored', world => {
    set(world, {
      windows: { layerFolders: ['C:\\layers'] },
      solaris: { limitpriv: 'default' },
      vm: { kernel: { path: '/nonexistent' } },
      zos: { namespaces: [] },
      freebsd: { jail: {} },
      'process/commandLine': 'cmd.exe',
      'process/user/username': 'ContainerUser',
    })
    assert.equal(world.output('echo fine'), 'fine\n')
  }),

  defineCase(EXTENSIBILITY, 'unknown properties are ignored at every level, whatever they hold', world => {
    const unknown = { 'x-unknown': { deep: [null, 1.5, { '': true }] } }
    const { config } = world.bundle
    Object.assign(config, unknown)
    for (const holder of [config.root, config.process, config.process.user, config.linux])
      Object.assign(holder, unknown)
    for (const holder of [...config.mounts, ...config.linux.namespaces]) Object.assign(holder, unknown)
    config.linux.resources = { ...unknown, pids: { limit: 100, ...unknown } }
    config.hooks = { ...unknown, poststop: [{ path: '/bin/true', ...unknown }] } as typeof config.hooks
    assert.equal(world.output('echo fine'), 'fine\n')
  }),

  defineCase(VALID, 'values of the wrong type are errors', world => {
    refuses(world, [
      { process: [] },
      { 'process/args': 'sh' },
      { 'process/args': [7] },
      { 'process/env': { PATH: '/bin' } },
      { 'process/cwd': 7 },
      { 'process/user': 'root' },
      { 'process/user/uid': 'root' },
      { 'process/user/additionalGids': ['wheel'] },
      { 'process/terminal': 'no' },
      { 'root/readonly': 'yes' },
      { hostname: 5 },
      { mounts: {} },
      { mounts: [{ destination: '/tmp', options: 'ro' }] },
      { linux: [] },
      { 'linux/namespaces': { pid: true } },
      { 'linux/maskedPaths': '/proc/kcore' },
      { 'linux/sysctl': { 'net.ipv4.ip_forward': 1 } },
      { hooks: [] },
      { annotations: [] },
    ])
  }),

  defineCase(VALID, 'numbers that do not fit are errors', world => {
    refuses(world, [
      { 'process/user/uid': -1 },
      { 'process/user/uid': 2 ** 32 },
      { 'process/user/uid': 1.5 },
      { 'process/user/umask': -1 },
      { 'process/oomScoreAdj': 'low' },
      { 'process/rlimits': [{ type: 'RLIMIT_CORE', soft: -1, hard: 0 }] },
      { 'process/rlimits': [{ type: 'RLIMIT_CORE', soft: 0, hard: 2 ** 65 }] },
    ])
  }),

  defineCase(VALID, 'an oomScoreAdj beyond what the kernel takes is an error', world => {
    refuses(world, [{ 'process/oomScoreAdj': 1001 }, { 'process/oomScoreAdj': -1001 }])
  }),

  defineCase(VALID, 'names out of no list are errors', world => {
    refuses(world, [
      { 'process/rlimits': [{ type: 'RLIMIT_DREAMS', soft: 1, hard: 1 }] },
      { 'linux/rootfsPropagation': 'sideways' },
      { 'linux/devices': [{ path: '/dev/x', type: 'x', major: 1, minor: 1 }] },
      { 'linux/namespaces': [{ type: 'pids' }] },
      { mounts: [{ destination: '/tmp', type: 'nosuchfs', source: 'none' }] },
    ])
  }),

  defineCase(VALID, 'required properties that are missing are errors', world => {
    refuses(world, [
      { 'process/cwd': undefined },
      { 'process/cwd': '' },
      { 'process/args': undefined },
      { mounts: [{ type: 'tmpfs', source: 'tmpfs' }] },
      { 'linux/namespaces': [{ path: '/proc/self/ns/net' }] },
    ])
  }),

  defineCase(VALID, 'required properties of lists that are missing are errors', world => {
    refuses(world, [
      { hooks: { poststop: [{ args: ['x'] }] } },
      { 'process/rlimits': [{ type: 'RLIMIT_CORE' }] },
      { 'process/rlimits': [{ soft: 1, hard: 1 }] },
      { 'linux/devices': [{ path: '/dev/x', type: 'c' }] },
      { 'linux/devices': [{ type: 'c', major: 1, minor: 3 }] },
    ])
  }),
]

const annotationCases: readonly Case[] = [
  defineCase(ANNOTATIONS, 'any text is kept, of whatever key', world => {
    const annotations = {
      'org.opencontainers.image.os': 'linux',
      'org.opencontainers.image.unheard-of': 'x',
      'com.example.empty': '',
      'with space and "quotes"': 'line\nline\ttab',
      ünicode: '☃ 🚀',
      __proto: 'constructor',
      constructor: '__proto__',
      long: 'x'.repeat(100_000),
    }
    set(world, { annotations })
    world.create()
    assert.deepEqual(world.state().annotations, annotations)
    world.start()
    assert.deepEqual(world.state().annotations, annotations)
  }),

  defineCase(ANNOTATIONS, 'without annotations the state has none', world => {
    for (const annotations of [undefined, {}]) {
      set(world, { annotations })
      world.create()
      assert.deepEqual(world.state().annotations ?? {}, {})
      world.ok('delete', '--force', world.id)
    }
  }),

  defineCase(ANNOTATIONS, 'an empty key is an error', world => {
    refuses(world, [{ annotations: { '': 'value' } }])
  }),

  defineCase(ANNOTATIONS, 'a value that is no text is an error', world => {
    refuses(
      world,
      [7, true, {}, ['x']].map(value => ({ annotations: { 'com.example': value } })),
    )
  }),
]

export const configCases: readonly Case[] = [
  ...versionCases,
  ...rootCases,
  ...nameCase('hostname', 'hostname', '/proc/sys/kernel/hostname'),
  ...nameCase('domainname', 'cat /proc/sys/kernel/domainname', '/proc/sys/kernel/domainname'),
  ...openCases,
  ...annotationCases,

  defineCase('config.md hostname', 'the name of the host is what it was before all this', () => {
    assert.equal(execFileSync('hostname', { encoding: 'utf8' }).trim(), hostname())
  }),
]
