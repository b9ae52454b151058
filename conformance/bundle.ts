// A bundle with a busybox rootfs and a small config.json that a case may change before it is written.
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const BUSYBOX = '/bin/busybox'
const APPLETS =
  'awk cat chmod chown cut dd dnsdomainname echo env false find grep head hostname id ip kill ln ls mkdir mkfifo mknod ' +
  'mount nproc od printf ps pwd readlink rm rmdir sed sh sleep sort stat stty tail test touch tr true tty umount uname wc'
const DIRECTORIES = ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp']

export const hasBusybox = (): boolean => existsSync(BUSYBOX)

export interface Hook {
  path: string
  args?: string[]
  env?: string[]
  timeout?: number
}
export type HookKind = 'prestart' | 'createRuntime' | 'createContainer' | 'startContainer' | 'poststart' | 'poststop'

/** What no case has to be told the type of: many write what must be refused. */
// biome-ignore lint/suspicious/noExplicitAny: see above
type Anything = any

/** config.json: what every case has, with types, and whatever else a case puts there. */
export interface Config {
  ociVersion: string
  root: { path: string; readonly?: boolean }
  process: {
    args: string[]
    env: string[]
    cwd: string
    terminal?: boolean
    user: { uid: number; gid: number; [property: string]: Anything }
    [property: string]: Anything
  }
  hostname?: string
  mounts: { destination: string; type?: string; source?: string; options?: string[]; [property: string]: Anything }[]
  hooks?: Partial<Record<HookKind, Hook[]>>
  annotations?: Record<string, string>
  linux: { cgroupsPath: string; namespaces: { type: string; path?: string }[]; [property: string]: Anything }
  [property: string]: Anything
}

const baseConfig = (id: string): Config => ({
  ociVersion: '1.0.2',
  root: { path: 'rootfs' },
  process: {
    args: ['sleep', '100'],
    env: ['PATH=/bin'],
    cwd: '/',
    user: { uid: 0, gid: 0 },
  },
  hostname: 'conformance',
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
  ],
  linux: {
    cgroupsPath: `/${id}`,
    namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map(type => ({ type })),
  },
})

export class Bundle {
  readonly path: string
  readonly config: Config

  constructor(path: string, id: string) {
    this.path = path
    this.config = baseConfig(id)
    for (const name of DIRECTORIES) mkdirSync(this.inRoot(name), { recursive: true })
    try {
      linkSync(BUSYBOX, this.inRoot('bin/busybox'))
    } catch {
      copyFileSync(BUSYBOX, this.inRoot('bin/busybox')) // another file system
    }
    for (const applet of APPLETS.split(' ')) symlinkSync('busybox', this.inRoot(`bin/${applet}`))
  }

  inRoot(path: string): string {
    return join(this.path, 'rootfs', path)
  }

  /** What the container left in its rootfs; undefined if it did not. */
  readRoot(path: string): string | undefined {
    return existsSync(this.inRoot(path)) ? readFileSync(this.inRoot(path), 'utf8') : undefined
  }

  touch(path: string): void {
    writeFileSync(this.inRoot(path), '')
  }

  /** Makes the program a shell script. */
  script(text: string): this {
    this.config.process.args = ['sh', '-c', text]
    return this
  }

  write(): this {
    writeFileSync(join(this.path, 'config.json'), JSON.stringify(this.config, undefined, 2))
    return this
  }
}
