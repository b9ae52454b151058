// linux.sysctl: config-linux.md#sysctl. Only what belongs to a namespace of the container may be set.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type Case, defineCase } from '../case.ts'
import { refuses, set } from '../changes.ts'
import { namespacePath, neighbour } from '../neighbour.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md sysctl'

const read = (path: string): string => readFileSync(`/proc/sys/${path}`, 'utf8').trim()

/** What the program finds at each of the paths. */
const seen = (world: World, ...paths: string[]): string[] =>
  world
    .output(`cat ${paths.map(path => `/proc/sys/${path}`).join(' ')}`)
    .trim()
    .split('\n')

function join(world: World, type: string, path: string): void {
  const { namespaces } = world.bundle.config.linux
  for (const namespace of namespaces) if (namespace.type === type) namespace.path = path
}

/** What the machine has already: a runtime that sets it nevertheless changes nothing. */
const ownValue = (name: string): string => read(name.replaceAll('.', '/'))

export const sysctlCases: readonly Case[] = [
  defineCase(SECTION, 'parameters of the container’s namespaces are set inside, and not on the host', world => {
    const paths = ['kernel/shmmni', 'kernel/msgmax', 'fs/mqueue/msg_max', 'net/ipv4/ip_forward', 'net/core/somaxconn']
    const before = paths.map(read)
    const sysctl = {
      'kernel.shmmni': '77',
      'kernel.msgmax': '4242',
      'fs.mqueue.msg_max': '33',
      'net.ipv4.ip_forward': before[3] === '1' ? '0' : '1',
      'net.core.somaxconn': '99',
    }
    set(world, { 'linux/sysctl': sysctl })
    assert.deepEqual(seen(world, ...paths), Object.values(sysctl))
    assert.deepEqual(paths.map(read), before)
  }),

  defineCase('runc: sysctl', 'a name may be written with slashes, and then have dots', world => {
    set(world, { 'linux/sysctl': { 'net/ipv4/conf/lo/forwarding': '1', 'kernel/sem': '1 2 3 4' } })
    assert.deepEqual(seen(world, 'net/ipv4/conf/lo/forwarding', 'kernel/sem'), ['1', '1\t2\t3\t4'])
  }),

  defineCase('runc: sysctl', 'parameters of the host are refused', world => {
    const names = [
      'vm.swappiness',
      'kernel.pid_max',
      'fs.file-max',
      'kernel.core_pattern',
      'kernel.hostname',
      'nope.nope',
    ]
    refuses(
      world,
      names.map(name => ({ 'linux/sysctl': { [name]: '1' } })),
    )
  }),

  defineCase('runc: sysctl', 'names that lead elsewhere are refused', world => {
    const names = ['net/../kernel/core_pattern', 'net.//kernel', '', '.', '/', 'net/ipv4/../../vm/swappiness', 'net.']
    refuses(
      world,
      names.map(name => ({ 'linux/sysctl': { [name]: '1' } })),
    )
  }),

  defineCase(SECTION, 'a parameter that does not exist, or a value that it does not take, is an error', world => {
    refuses(world, [
      { 'linux/sysctl': { 'net.ipv4.no_such_thing': '1' } },
      { 'linux/sysctl': { 'net.ipv4.ip_forward': 'maybe' } },
    ])
  }),

  defineCase('runc: sysctl', 'a parameter of a namespace that is the host’s is refused', world => {
    for (const [type, name] of [
      ['ipc', 'kernel.shmmni'],
      ['network', 'net.core.somaxconn'],
    ] as const) {
      const { linux } = world.bundle.config
      const all = structuredClone(linux.namespaces)
      set(world, { 'linux/sysctl': { [name]: ownValue(name) } })
      linux.namespaces = all.filter(namespace => namespace.type !== type)
      world.refused()
      linux.namespaces = all
    }
  }),

  defineCase('runc: sysctl', 'also when the host’s network namespace is joined by its path', world => {
    set(world, { 'linux/sysctl': { 'net.core.somaxconn': ownValue('net.core.somaxconn') } })
    join(world, 'network', namespacePath('self', 'network').replace('self', String(process.pid)))
    world.refused(/net\.core\.somaxconn/)
  }),

  defineCase(SECTION, 'a parameter is set in a network namespace that is joined', world => {
    set(world, { 'linux/sysctl': { 'net.core.somaxconn': '78' } })
    join(world, 'network', namespacePath(neighbour(world, '--net'), 'network'))
    assert.deepEqual(seen(world, 'net/core/somaxconn'), ['78'])
  }),
]
