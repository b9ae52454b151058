// More than anybody needs: each is either right or refused in words, and leaves nothing. Thousands of hooks and a
// megabyte of environment: hooks.ts.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, defineCase } from '../case.ts'
import type { World } from '../world.ts'

const SECTION = 'hardening: extremes'

/** include/uapi/linux/limits.h, binfmts.h: bytes of a name, of a path, of one argument. */
const NAME_MAX = 255
const PATH_MAX = 4096
const MAX_ARG_STRLEN = 131_072

const numbered = <Item>(count: number, make: (number: number) => Item): Item[] =>
  Array.from({ length: count }, (_, number) => make(number))

/** A path of so many bytes, of the longest names. */
function longPath(bytes: number, root = '/tmp'): string {
  let path = root
  while (path.length < bytes) path += `/${'n'.repeat(Math.min(NAME_MAX, bytes - path.length - 1))}`
  return path
}

/** Right, with this output, or refused with a reason; nothing is left in any case. */
function rightOrRefused(world: World, script: string, expected: RegExp): void {
  world.bundle.script(script).write()
  const { status, stdout, stderr } = world.runtime.run(['run', '--bundle', world.bundle.path, world.id])
  if (status === 0) assert.match(stdout, expected)
  else assert.notEqual(stderr, '')
  world.nothingLeft()
}

const tmpfs = (destination: string) => ({ destination, type: 'tmpfs', source: 'tmpfs', options: ['size=64k'] })

export const extremeCases: readonly Case[] = [
  defineCase(SECTION, '10,000 mounts', world => {
    world.bundle.config.mounts.push(tmpfs('/tmp'), ...numbered(10_000, n => tmpfs(`/tmp/m/${n}`)))
    assert.equal(world.output('grep -c " /tmp/m/" /proc/self/mountinfo'), '10000\n')
    world.nothingLeft()
  }),

  defineCase(SECTION, '10,000 binds of one file, more mounts than it has a name for', world => {
    const source = join(world.directory, 'source')
    writeFileSync(source, '')
    const bind = (n: number) => ({ destination: `/tmp/m/${n}`, source, options: ['bind', 'ro', 'nosuid'] })
    world.bundle.config.mounts.push({ ...tmpfs('/tmp'), options: [] }, ...numbered(10_000, bind))
    // a source may take a descriptor, and their number has a hard limit
    rightOrRefused(world, 'grep -c " /tmp/m/.* ro,nosuid" /proc/self/mountinfo', /^10000\n$/)
  }),

  defineCase(SECTION, '5,000 masked and 5,000 read-only paths', world => {
    for (const n of numbered(5000, n => n)) mkdirSync(world.bundle.inRoot(`many/${n}/below`), { recursive: true })
    world.bundle.config.linux.maskedPaths = numbered(5000, n => `/many/${n}/below`)
    world.bundle.config.linux.readonlyPaths = numbered(5000, n => `/many/${n}`)
    assert.equal(world.output('cd /many; rmdir */below 2>/dev/null; ls | wc -l; ls -d */below | wc -l'), '5000\n5000\n')
    world.nothingLeft()
  }),

  defineCase(SECTION, 'a variable and an argument as long as the kernel takes, and longer', world => {
    const { process } = world.bundle.config
    process.env.push(`LONG=${'x'.repeat(MAX_ARG_STRLEN - 'LONG='.length - 1)}`)
    assert.equal(world.output('echo "$LONG" | wc -c'), `${MAX_ARG_STRLEN - 'LONG='.length}\n`)
    process.env.push(`LONGER=${'x'.repeat(MAX_ARG_STRLEN)}`)
    rightOrRefused(world, 'true', /never/)
    process.env = ['PATH=/bin']
    process.args = ['echo', 'x'.repeat(MAX_ARG_STRLEN)]
    world.bundle.write()
    assert.notEqual(world.runtime.run(['run', '--bundle', world.bundle.path, world.id]).status, 0)
    world.nothingLeft()
  }),

  defineCase(SECTION, '20,000 arguments, empty ones and ones with line feeds among them', world => {
    world.bundle.config.process.args = ['sh', '-c', 'echo $#', 'sh', ...numbered(20_000, n => (n % 2 ? '' : 'a\nb'))]
    world.bundle.write()
    assert.equal(world.ok('run', '--bundle', world.bundle.path, world.id).stdout, '20000\n')
    world.nothingLeft()
  }),

  defineCase(SECTION, 'paths of every property around the limit of the kernel are right or refused', world => {
    const long = [PATH_MAX - 300, PATH_MAX - 1, PATH_MAX, 5 * PATH_MAX].map(bytes => longPath(bytes))
    const good = structuredClone(world.bundle.config)
    for (const path of long) {
      const changes: readonly ((config: typeof good) => void)[] = [
        config => config.mounts.push(tmpfs('/tmp'), tmpfs(path)),
        config => config.mounts.push({ destination: '/tmp', source: path, options: ['bind'] }),
        config => {
          config.process.cwd = path
        },
        config => {
          config.process.args[0] = path
        },
        config => {
          config.linux.maskedPaths = [path]
        },
        config => {
          config.linux.readonlyPaths = [path]
        },
        config => {
          config.linux.namespaces = [...config.linux.namespaces, { type: 'cgroup', path }]
        },
        config => {
          config.hooks = { createRuntime: [{ path }] }
        },
      ]
      for (const change of changes) {
        Object.assign(world.bundle.config, structuredClone(good))
        delete world.bundle.config.hooks
        change(world.bundle.config)
        world.bundle.write()
        const { status, stderr } = world.runtime.run(['create', '--bundle', world.bundle.path, world.id])
        assert.notEqual(status, null, 'hung or killed')
        if (status !== 0) assert.notEqual(stderr, '')
        else world.ok('delete', '--force', world.id)
        world.nothingLeft()
      }
    }
  }),

  defineCase(SECTION, 'names with line feeds, quotes and bytes of control wherever a name may be', world => {
    const name = 'a\n"b\'\t\\\u0001\u007f é'
    const { config } = world.bundle
    mkdirSync(world.bundle.inRoot(`etc/${name}`))
    config.mounts.push(tmpfs('/tmp'), tmpfs(`/tmp/${name}`))
    config.process.cwd = `/tmp/${name}`
    config.process.env.push(`NAME=${name}`)
    config.linux.maskedPaths = [`/etc/${name}`]
    config.linux.devices = [{ path: `/dev/${name}`, type: 'c', major: 1, minor: 3 }]
    config.annotations = { [name]: name }
    const hooks = [{ path: '/bin/sh', args: [name, '-c', 'true', name], env: [`A=${name}`] }]
    config.hooks = { createRuntime: hooks }
    const said = world.output('pwd; echo "$NAME"; test -c "/dev/$NAME" && echo device')
    assert.equal(said, `/tmp/${name}\n${name}\ndevice\n`)
    world.nothingLeft()
  }),

  defineCase(SECTION, 'a config.json of some megabytes', world => {
    world.bundle.config.annotations = Object.fromEntries(numbered(4000, n => [`com.example.${n}`, 'x'.repeat(1000)]))
    world.create()
    assert.equal(Object.keys(world.state().annotations ?? {}).length, 4000)
  }),
]
