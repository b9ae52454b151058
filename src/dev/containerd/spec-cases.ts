// Containers by a config.json of ours, for what ctr has no flags: hooks, a user namespace. (Its --uidmap makes it forget
// which runtime was asked for.)
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Spec } from '../../spec/gen/types.ts'
import { sampleSpec } from '../../spec/sample.ts'
import { BUSYBOX } from './archive.ts'
import type { Case } from './case.ts'
import type { Client } from './client.ts'
import type { Ended } from './launched.ts'

/** Runs it in a directory that is gone afterwards; `look` is told what the directory is. */
async function withSpec<T>(
  client: Client,
  spec: (directory: string) => Partial<Spec>,
  look: (directory: string, ended: Ended) => T,
): Promise<T> {
  const directory = client.path('bundle')
  const rootfs = join(directory, 'rootfs')
  mkdirSync(join(rootfs, 'bin'), { recursive: true })
  // a root that is mapped to nobody could not make them
  for (const name of ['dev', 'proc', 'sys']) mkdirSync(join(rootfs, name))
  for (const name of ['busybox', 'sh', 'cat']) copyFileSync(BUSYBOX, join(rootfs, 'bin', name))
  // the version that Debian's runc knows
  const config = { ...sampleSpec(), ociVersion: '1.0.2', ...spec(directory), root: { path: rootfs } }
  const file = join(directory, 'config.json')
  writeFileSync(file, JSON.stringify(config))
  const ended = await client.start(client.id(), ['--rm', '--config', file], []).ended
  const seen = look(directory, ended)
  rmSync(directory, { recursive: true })
  return seen
}

const program = (...args: string[]) => ({ ...sampleSpec().process, cwd: '/', terminal: false, args })

const HOOKS = ['prestart', 'createRuntime', 'poststart', 'poststop'] as const

export const SPEC_CASES: readonly Case[] = [
  {
    name: '--config: hooks',
    expected: { status: 7, before: ['creating true', 'creating true'], poststop: 'stopped false' },
    run: client =>
      withSpec(
        client,
        directory => {
          const hook = (name: string) => [{ path: '/bin/sh', args: ['sh', '-c', `cat >${directory}/${name}`] }]
          return {
            process: program('sh', '-c', 'exit 7'),
            hooks: Object.fromEntries(HOOKS.map(name => [name, hook(name)])),
          }
        },
        (directory, { status, stderr }) => {
          const [prestart, createRuntime, text, poststop] = HOOKS.map(name => {
            const state = JSON.parse(readFileSync(join(directory, name), 'utf8'))
            return `${state.status} ${state.pid > 0}`
          })
          // runc has called a container "created" in poststart for long
          return { status, stderr, before: [prestart, createRuntime], text, poststop }
        },
      ),
  },
  {
    name: '--config: a user namespace',
    basic: true,
    expected: { status: 0, stdout: /^ +0 +100000 +65536\n$/ },
    run: client =>
      withSpec(
        client,
        () => {
          const { linux } = sampleSpec()
          const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
          const namespaces = [...(linux?.namespaces ?? []), { type: 'user' as const }]
          return {
            process: program('cat', '/proc/self/uid_map'),
            linux: { ...linux, namespaces, uidMappings: mappings, gidMappings: mappings },
          }
        },
        (_, ended) => ({ ...ended }),
      ),
  },
]
