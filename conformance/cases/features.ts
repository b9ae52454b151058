// What the features document promises is accepted: features.md and features-linux.md.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Hook } from '../bundle.ts'
import { type Case, defineCase, Skip } from '../case.ts'
import type { World } from '../world.ts'

interface Features {
  ociVersionMin: string
  ociVersionMax: string
  hooks?: string[]
  mountOptions?: string[]
  annotations?: Record<string, string>
  // biome-ignore lint/suspicious/noExplicitAny: each case asks for a part of it, which may be absent
  linux?: any
}

function features(world: World): Features {
  const { status, stdout, stderr } = world.runtime.run(['features'])
  if (status !== 0) throw new Skip(`has no features command: ${stderr.trim()}`)
  return JSON.parse(stdout)
}

/** Makes a container of the config as it is, and removes it. */
function accepted(world: World): void {
  world.create()
  world.ok('delete', '--force', world.id)
}

/** Options that mean nothing alone, on a bind mount: their cases are those of mounts. */
const NOT_ALONE = /^(r?bind|remount|r?idmap|tmpcopyup|copy-symlink|src-nofollow|dest-nofollow)$/
/** No filter can hold both kinds: libseccomp refuses them together. */
const OTHER_ENDIAN = /_(MIPS(64)?(N32)?|PPC(64)?|S390X?|PARISC(64)?|M68K|SHEB)$/
const COMPARE = (one: string, other: string) => one.localeCompare(other, 'en', { numeric: true })

export const featureCases: readonly Case[] = [
  defineCase('features.md specification-version', 'both ends of the range of versions are accepted', world => {
    const { ociVersionMin, ociVersionMax } = features(world)
    assert.ok(COMPARE(ociVersionMin, ociVersionMax) <= 0)
    for (const version of [ociVersionMin, ociVersionMax]) {
      world.bundle.config.ociVersion = version
      accepted(world)
    }
  }),

  defineCase('features.md hooks', 'each kind of hook is accepted', world => {
    const hooks = features(world).hooks ?? []
    assert.ok(hooks.length > 0)
    const hook: Hook = { path: '/bin/true' }
    world.bundle.config.hooks = Object.fromEntries(hooks.map(kind => [kind, [hook]]))
    accepted(world)
  }),

  defineCase('features.md mount-options', 'each mount option is accepted', world => {
    const options = (features(world).mountOptions ?? []).filter(option => !NOT_ALONE.test(option))
    assert.ok(options.length > 40)
    const source = join(world.directory, 'source')
    mkdirSync(source)
    for (const option of options)
      world.bundle.config.mounts.push({ destination: `/tmp/${option}`, source, options: ['bind', option] })
    accepted(world)
  }),

  defineCase('features.md annotations', 'annotations are texts with names', world => {
    for (const [key, value] of Object.entries(features(world).annotations ?? {})) {
      assert.notEqual(key, '')
      assert.equal(typeof value, 'string', key)
    }
  }),

  defineCase('features-linux.md namespaces', 'each type of namespace is accepted', world => {
    const { linux } = world.bundle.config
    linux.namespaces = features(world).linux.namespaces.map((type: string) => ({ type }))
    linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
    linux.gidMappings = linux.uidMappings
    accepted(world)
  }),

  defineCase('features-linux.md capabilities', 'each capability is accepted', world => {
    const bounding = features(world).linux.capabilities
    assert.ok(bounding.length > 30)
    world.bundle.config.process.capabilities = { bounding }
    accepted(world)
  }),

  defineCase(
    'features-linux.md seccomp',
    'each action, operator, architecture and flag of seccomp is accepted',
    world => {
      const { seccomp } = features(world).linux
      if (!seccomp?.enabled) throw new Skip('says that it has no seccomp')
      const { actions: all = [], operators = [], archs = [], supportedFlags = [] } = seccomp
      const actions: string[] = all.filter((action: string) => action !== 'SCMP_ACT_NOTIFY')
      const args = operators.map((op: string, index: number) => [{ index: index % 6, value: 1, valueTwo: 1, op }])
      world.bundle.config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: archs.filter((arch: string) => !OTHER_ENDIAN.test(arch)),
        flags: supportedFlags,
        syscalls: [
          ...actions.map((action, index) => ({ names: [UNUSED[index % UNUSED.length]], action })),
          ...args.map((args: unknown) => ({ names: ['acct'], action: 'SCMP_ACT_ERRNO', args })),
        ],
      }
      accepted(world)
    },
  ),

  defineCase('features-linux.md memorypolicy', 'each mode and flag of memory policies is known by name', world => {
    const policy = features(world).linux.memoryPolicy
    if (policy === undefined) throw new Skip('says nothing of memory policies')
    for (const mode of policy.modes) {
      const nodes = /DEFAULT|LOCAL/.test(mode) ? {} : { nodes: '0' }
      world.bundle.config.linux.memoryPolicy = { mode, ...nodes }
      world.bundle.write()
      const { status, stderr } = world.runtime.run(['create', '--bundle', world.bundle.path, world.id])
      if (/function not implemented/i.test(stderr)) throw new Skip('the kernel has no memory policies')
      assert.equal(status, 0, stderr)
      world.ok('delete', '--force', world.id)
    }
  }),
]

/** System calls that the set-up of no container makes. */
const UNUSED = [
  'swapon',
  'swapoff',
  'kexec_load',
  'init_module',
  'delete_module',
  'quotactl',
  'lookup_dcookie',
  'vhangup',
]
