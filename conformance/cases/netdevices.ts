// linux.netDevices: config-linux.md "Network Devices". The runtime runs in a network namespace that stands for the
// host's, with veth pairs in it; the machine's own network is never touched.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { type Case, defineCase, Skip } from '../case.ts'
import { namespacePath, neighbour } from '../neighbour.ts'
import { mapUsers } from '../users.ts'
import type { World } from '../world.ts'

const SECTION = 'config-linux.md network-devices'

/** Commands of ip(8) in the network of the "host"; what they print. */
type Host = (...commands: string[]) => string

function host(world: World): Host {
  const pid = neighbour(world, '--net')
  const enter = ['nsenter', `--net=${namespacePath(pid, 'network')}`]
  world.runtime.launcher = enter
  world.atEnd(() => {
    world.runtime.launcher = []
  })
  return (...commands) => {
    const { status, stdout, stderr, error } = spawnSync('nsenter', [...enter.slice(1), 'ip', '-batch', '-'], {
      input: commands.join('\n'),
      encoding: 'utf8',
    })
    if (error || /Unknown device type|Operation not supported/.test(stderr))
      throw new Skip('needs ip(8) and veth devices')
    assert.equal(status, 0, stderr)
    return stdout
  }
}

const move = (world: World, devices: object): void => {
  world.bundle.config.linux.netDevices = devices
}

const names = (said: string): string[] =>
  said
    .split('\n')
    .flatMap(line => /^\d+: ([^:@ ]+)/.exec(line)?.[1] ?? [])
    .filter(name => name !== 'lo')
    .sort()

const addresses = (said: string): string[] =>
  said
    .split('\n')
    .flatMap(line => (/scope global/.test(line) ? (/inet6? (\S+)/.exec(line)?.[1] ?? []) : []))
    .sort()

export const netDeviceCases: readonly Case[] = [
  defineCase(SECTION, 'a device moves into the container, under its name or another, and is up', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb', 'link add vc type veth peer name vd')
    move(world, { va: {}, vc: { name: 'lan0' } })
    const said = world.output('ip -o link')
    assert.deepEqual(names(said), ['lan0', 'va'])
    for (const line of said.split('\n').filter(line => /(lan0|va)/.test(line))) assert.match(line, /[<,]UP[,>]/)
  }),

  defineCase(SECTION, 'lasting addresses of global scope come along, of either family, others do not', world => {
    const ip = host(world)
    ip(
      'link add va type veth peer name vb',
      'addr add 10.9.0.1/24 dev va',
      'addr add 10.9.1.1/32 dev va',
      'addr add fd00::1/64 dev va nodad',
      'addr add 10.9.2.1/24 dev va valid_lft 1000 preferred_lft 1000',
      'addr add 10.9.3.1/24 scope link dev va',
    )
    move(world, { va: { name: 'eth0' } })
    assert.deepEqual(addresses(world.output('ip -o addr show dev eth0')), ['10.9.0.1/24', '10.9.1.1/32', 'fd00::1/64'])
  }),

  defineCase(SECTION, 'what else there is to a device stays as it is', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb', 'link set va mtu 1300 address 02:00:00:00:00:07')
    move(world, { va: { name: 'eth0' } })
    const said = world.output('ip -o link show dev eth0')
    assert.match(said, /mtu 1300/)
    assert.match(said, /02:00:00:00:00:07/)
  }),

  defineCase(SECTION, 'the device is not with the host any more, and it is there when hooks run', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb')
    move(world, { va: { name: 'eth0' } })
    const seen = `${world.directory}/seen`
    const args = ['sh', '-c', `nsenter --net=/proc/$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')/ns/net ip -o link >${seen}`]
    world.bundle.config.hooks = {
      createRuntime: [{ path: '/bin/sh', args, env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] }],
    }
    world.create()
    assert.deepEqual(names(ip('link')), ['vb'])
    assert.deepEqual(names(spawnSync('cat', [seen], { encoding: 'utf8' }).stdout), ['eth0'])
  }),

  defineCase(SECTION, 'a device that is not there is an error, and no other moves', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb')
    move(world, { va: {}, nothing: {} })
    world.refused(/nothing/)
    assert.deepEqual(names(ip('link')), ['va', 'vb'])
  }),

  defineCase(SECTION, 'a name that is taken inside is an error', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb')
    move(world, { va: { name: 'lo' } })
    world.refused(/lo/)
    move(world, { va: { name: 'x' }, vb: { name: 'x' } })
    world.refused()
  }),

  defineCase(SECTION, 'for %d in a name the kernel puts a number', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb', 'addr add 10.9.0.1/24 dev vb')
    move(world, { va: { name: 'net%d' }, vb: { name: 'net%d' } })
    const said = world.output('ip -o link; ip -o addr show dev net1')
    assert.deepEqual([...new Set(names(said))], ['net0', 'net1'])
    assert.deepEqual(addresses(said), ['10.9.0.1/24'])
  }),

  defineCase(SECTION, 'names that no device can have are errors', world => {
    host(world)('link add va type veth peer name vb')
    for (const name of ['a/b', 'a b', '.', '..', 'sixteen-letters!', 'a:b', 'a%s', 'a\nb']) {
      move(world, { va: { name } })
      world.refused()
    }
    move(world, { 'v/a': {} })
    world.refused()
  }),

  defineCase(SECTION, 'a device needs a network namespace of the container', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb')
    move(world, { va: {} })
    const { linux } = world.bundle.config
    linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'network')
    world.refused()
    linux.namespaces.push({ type: 'network', path: (world.runtime.launcher[1] ?? '').replace('--net=', '') })
    world.refused()
    assert.deepEqual(names(ip('link')), ['va', 'vb'])
  }),

  defineCase(SECTION, 'a device moves into a namespace that is joined, and stays there', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb')
    const path = namespacePath(neighbour(world, '--net'), 'network')
    const { linux } = world.bundle.config
    linux.namespaces = linux.namespaces.map(each => (each.type === 'network' ? { ...each, path } : each))
    move(world, { va: { name: 'joined' } })
    world.create()
    world.ok('delete', '--force', world.id)
    const said = spawnSync('nsenter', [`--net=${path}`, 'ip', '-o', 'link'], { encoding: 'utf8' }).stdout
    assert.deepEqual(names(said), ['joined'])
  }),

  defineCase(SECTION, 'in a user namespace the device moves, too', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb', 'addr add 10.9.0.1/24 dev va')
    mapUsers(world)
    move(world, { va: { name: 'eth0' } })
    assert.deepEqual(addresses(world.output('ip -o addr')), ['10.9.0.1/24'])
  }),

  defineCase(SECTION, 'virtual devices go with the namespace; the runtime moves nothing back', world => {
    const ip = host(world)
    ip('link add va type veth peer name vb')
    move(world, { va: {} })
    world.create()
    world.ok('delete', '--force', world.id)
    world.until('the kernel has removed the pair', () => names(ip('link')).length === 0)
  }),
]
