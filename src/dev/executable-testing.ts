// For the tests of the executable: one built in a directory of its own, and what they ask of the machine.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { build } from './executable.ts'

export const dist = fileURLToPath(new URL('../..', import.meta.url))

/** Below dist/, since /tmp is one of the things that go missing. */
export const home = mkdtempSync(join(dist, '.executable-test-'))
t.teardown(() => rmSync(home, { recursive: true, force: true }))
export const TSRUNC = join(home, 'tsrunc')
await build(home)

export const needsRoot = process.geteuid?.() === 0 ? false : 'needs root'
/** A reason to skip, where a program is not there. */
export function without(...programs: string[]): string | false {
  const missing = programs.filter(name => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0)
  return missing.length > 0 ? `no ${missing.join(', ')}` : false
}

/** A directory of its own. */
export const place = (): string => mkdtempSync(join(home, 'place-'))

export interface Surroundings {
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly argv0?: string
}
export const run = (
  program: string,
  args: readonly string[],
  { env = {}, cwd = '/', argv0 }: Surroundings = {},
): SpawnSyncReturns<string> =>
  spawnSync(program, args, { env, cwd, encoding: 'utf8', timeout: 20_000, ...(argv0 === undefined ? {} : { argv0 }) })

export const needsBusybox = needsRoot || (existsSync('/bin/busybox') ? false : 'no busybox')

/** Without its types: tests also write what must be refused. */
// biome-ignore lint/suspicious/noExplicitAny: see above
type Draft = any

/** A bundle whose program is an applet of busybox, without a terminal; `change` may change config.json. */
export function containerBundle(args: readonly string[], change: (config: Draft) => void = () => {}): string {
  const directory = place()
  const bin = join(directory, 'rootfs/bin')
  mkdirSync(bin, { recursive: true })
  copyFileSync('/bin/busybox', join(bin, 'busybox'))
  symlinkSync('busybox', join(bin, 'sh'))
  run(TSRUNC, ['spec', '--bundle', directory])
  const file = join(directory, 'config.json')
  const config: Draft = JSON.parse(readFileSync(file, 'utf8'))
  config.process.terminal = false
  config.process.args = ['/bin/busybox', ...args]
  change(config)
  writeFileSync(file, JSON.stringify(config))
  return directory
}

/** Enough of a bundle for `plan`. */
function bundle(): string {
  const directory = place()
  mkdirSync(join(directory, 'rootfs'))
  run(TSRUNC, ['spec', '--bundle', directory])
  return directory
}

/** A command that calls into libc, and so needs koffi: it looks into the rootfs by openat2. */
export const CALLING = ['plan', '--bundle', bundle()]
