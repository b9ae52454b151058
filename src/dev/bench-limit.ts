// Builds bench-limit.c, the static C program that is the limit of what a runtime could reach. The lists that it works
// through are written from the benchmark's config.json, so that it does what the runtimes are asked for.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MS } from '../abi/mount.ts'
import { currentLayout } from '../cgroup/places.ts'
import type { Spec } from '../index.ts'
import { parseMountOptions } from '../plan/mount-options.ts'
import type { Mount } from '../spec/gen/types.ts'

const SOURCE = fileURLToPath(new URL('../../../src/dev/bench-limit.c', import.meta.url))

const NAMESPACE: Readonly<Record<string, string>> = {
  pid: 'CLONE_NEWPID',
  network: 'CLONE_NEWNET',
  ipc: 'CLONE_NEWIPC',
  uts: 'CLONE_NEWUTS',
  mount: 'CLONE_NEWNS',
  cgroup: 'CLONE_NEWCGROUP',
}

const DEVICES = { null: [1, 3], zero: [1, 5], full: [1, 7], random: [1, 8], urandom: [1, 9], tty: [5, 0] }
const LINKS = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  ptmx: 'pts/ptmx',
}

interface Place {
  readonly source: string
  readonly target: string
  readonly type: string
  readonly flags: bigint
  readonly data?: string
}

const quoted = (text: string): string => JSON.stringify(text) // C reads it the same way: these are plain ASCII
/** Below the directory that becomes the root. */
const inside = (path: string): string => quoted(path.replace(/^\//, ''))

function placesOf({ destination, type = '', source = '', options = [] }: Mount): Place[] {
  const { flags, data } = parseMountOptions(options)
  const target = destination
  if (type !== 'cgroup') return [{ source, target, type, flags, data: data.join(',') }]
  const { mode, hierarchies } = currentLayout()
  if (mode === 'v2') return [{ source, target, type: 'cgroup2', flags }]
  const { MS_BIND, MS_RDONLY, MS_REMOUNT } = MS.bits
  const binds = hierarchies.map(({ mountpoint }) => {
    return { source: mountpoint, target: join(target, basename(mountpoint)), type: '', flags: flags | MS_BIND }
  })
  const tmpfs = { source: 'tmpfs', target, type: 'tmpfs', data: 'mode=755' }
  return [{ ...tmpfs, flags: flags & ~MS_RDONLY }, ...binds, { ...tmpfs, flags: flags | MS_REMOUNT }]
}

function header(config: Spec): string {
  const { namespaces = [], maskedPaths = [], readonlyPaths = [] } = config.linux ?? {}
  const places = (config.mounts ?? []).flatMap(placesOf).map(({ source, target, type, flags, data }) => {
    return `{${quoted(source)}, ${inside(target)}, ${quoted(type)}, ${flags}ul, ${data ? quoted(data) : 0}}`
  })
  const nodes = Object.entries(DEVICES).map(([name, numbers]) => `{"dev/${name}", ${numbers.join(', ')}}`)
  const links = Object.entries(LINKS).map(([name, to]) => `{"dev/${name}", "${to}"}`)
  const list = (name: string, rows: readonly string[], end: string): string =>
    `static const ${name}[] = {\n  ${[...rows, end].join(',\n  ')}};\n`
  return [
    `#define NAMESPACES (${namespaces.map(({ type }) => NAMESPACE[type] ?? 0).join(' | ')})\n`,
    list('struct place mounts', places, '{0}'),
    list('struct node nodes', nodes, '{0}'),
    list('struct link links', links, '{0}'),
    list('char *const masked', maskedPaths.map(inside), '0'),
    list('char *const readonly', readonlyPaths.map(inside), '0'),
  ].join('')
}

/** Its path, or why there is none. */
export function buildLimit(directory: string, config: Spec): { path: string } | { missing: string } {
  const path = join(directory, 'limit')
  writeFileSync(join(directory, 'config.h'), header(config))
  const argv = ['-O2', '-static', '-Wall', '-I', directory, '-o', path, SOURCE]
  const { error, status, stderr } = spawnSync('cc', argv, { encoding: 'utf8' })
  if (error) return { missing: `no C compiler (${error.message})` }
  return status === 0 ? { path } : { missing: `cc: ${stderr.trim().split('\n').slice(0, 5).join('; ')}` }
}
