// Two processes with network namespaces of their own stand for the host and the container; the machine's own network
// is never touched. Devices are pairs of veth, made by ip(8).
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { O } from '../abi/fcntl.ts'
import { StateError, SyscallError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import { findLink, links } from '../host/links.ts'
import { inNetworkNamespace, Netlink } from '../host/netlink.ts'
import type { NetDevice } from '../spec/gen/types.ts'
import { create } from './create.ts'
import { moveDevices } from './net-devices.ts'
import { cannotRun, newId, thrown, World } from './testing.ts'
import { Undo } from './undo.ts'

interface Test {
  teardown(work: () => void): void
}

const ip = (pid: number, ...args: string[]): string =>
  execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...args], { encoding: 'utf8' })

/** A process that sleeps in a network namespace of its own. */
async function namespace(t: Test): Promise<number> {
  const child = spawn('unshare', ['--net', 'sleep', '1000'], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const pid = child.pid ?? 0
  const own = readlinkSync('/proc/self/ns/net')
  for (let tries = 0; tries < 500; tries++, await setTimeout(10))
    if (readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n' && readlinkSync(`/proc/${pid}/ns/net`) !== own)
      return pid
  throw new Error('unshare has made no namespace')
}

interface Pair {
  readonly host: number
  readonly inside: number
  move(devices: Record<string, NetDevice>): void
  /** As a create that fails later. */
  takeBack(): Error[]
}

async function pair(t: Test): Promise<Pair> {
  const [host, inside] = [await namespace(t), await namespace(t)]
  const undo = new Undo()
  t.teardown(() => undo[Symbol.dispose]())
  const move = (devices: Record<string, NetDevice>): void => on(host, () => moveDevices(inside, devices, undo))
  const takeBack = (): Error[] => {
    const failed = new StateError('failed')
    on(host, () => undo.run(failed))
    return failed.undoErrors
  }
  return { host, inside, move, takeBack }
}

/** Does something in the network of the process. */
function on<T>(pid: number, work: () => T): T {
  using there = Fd.open(`/proc/${pid}/ns/net`, O.bits.O_RDONLY)
  return inNetworkNamespace(there, work)
}

/** The names in the namespace without loopback, and its addresses of global scope. */
const devices = (pid: number): string[] =>
  ip(pid, '-o', 'link')
    .split('\n')
    .flatMap(line => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? [])
    .filter(name => name !== 'lo')
const addresses = (pid: number, name: string): string[] =>
  ip(pid, '-o', 'addr', 'show', 'dev', name, 'scope', 'global')
    .split('\n')
    .flatMap(line => /inet6? (\S+(?: peer \S+)?)/.exec(line)?.[1] ?? [])

const veth = (pid: number, name: string, peer: string): void => {
  ip(pid, 'link', 'add', name, 'type', 'veth', 'peer', 'name', peer)
}

function obstacle(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root'
  const made = spawnSync('unshare', [
    '--net',
    'ip',
    'link',
    'add',
    'tsrunc0',
    'type',
    'veth',
    'peer',
    'name',
    'tsrunc1',
  ])
  if (made.error || made.status !== 0) return 'needs unshare(1), ip(8) and veth devices'
  return undefined
}
const skip = obstacle() ?? false

t.test('a device moves with its lasting addresses of both families, gets its name and is up', { skip }, async t => {
  const { host, inside, move } = await pair(t)
  veth(host, 'va', 'vb')
  for (const address of ['10.9.0.1/24', 'fd00::1/64']) ip(host, 'addr', 'add', address, 'dev', 'va')
  ip(host, 'addr', 'add', '10.9.1.1', 'peer', '10.9.1.2', 'dev', 'va')
  ip(host, 'addr', 'add', '10.9.2.1/24', 'dev', 'va', 'valid_lft', '1000', 'preferred_lft', '1000')
  ip(host, 'addr', 'add', '10.9.3.1/24', 'scope', 'link', 'dev', 'va')
  ip(host, 'link', 'set', 'va', 'mtu', '1300', 'address', '02:00:00:00:00:07', 'up')
  move({ va: { name: 'lan0' } })
  t.same(devices(host), ['vb'])
  t.same(devices(inside), ['lan0'])
  t.same(addresses(inside, 'lan0').sort(), ['10.9.0.1/24', '10.9.1.1 peer 10.9.1.2/32', 'fd00::1/64'])
  const link = ip(inside, 'link', 'show', 'dev', 'lan0')
  t.match(link, /[<,]UP[,>]/)
  t.match(link, /mtu 1300/)
  t.match(link, /02:00:00:00:00:07/)
})

t.test('without a name it keeps its own; with %d the kernel puts a number', { skip }, async t => {
  const { host, inside, move } = await pair(t)
  veth(host, 'va', 'vb')
  veth(host, 'vc', 'vd')
  veth(inside, 'eth0', 'taken')
  ip(host, 'addr', 'add', '10.9.0.1/24', 'dev', 'vd')
  move({ va: {}, vc: { name: 'eth%d' }, vb: { name: '' }, vd: { name: 'eth%d' } })
  t.same(devices(inside).sort(), ['eth0', 'eth1', 'eth2', 'taken', 'va', 'vb'])
  t.same(addresses(inside, 'eth2'), ['10.9.0.1/24'])
  t.same(devices(host), [])
})

t.test('a device keeps its name inside also where another one has its number', { skip }, async t => {
  const { host, inside, move } = await pair(t)
  for (const number of [1, 2, 3]) veth(inside, `n${number}`, `p${number}`) // the kernel's numbers 2 to 7
  veth(host, 'va', 'vb')
  ip(host, 'addr', 'add', '10.9.0.1/24', 'dev', 'va')
  move({ va: { name: 'lan' } })
  t.same(addresses(inside, 'lan'), ['10.9.0.1/24'])
})

t.test('nothing moves when one of them can not', { skip }, async t => {
  const { host, inside, move } = await pair(t)
  veth(host, 'va', 'vb')
  veth(inside, 'eth0', 'eth1')
  const cases: [Record<string, NetDevice>, RegExp, string][] = [
    [{ va: {}, nothing: {} }, /the host has no network device nothing/, '/linux/netDevices/nothing'],
    [{ vb: {}, va: { name: 'eth0' } }, /has a device eth0 already/, '/linux/netDevices/va'],
    [{ va: { name: 'lo' } }, /has a device lo already/, '/linux/netDevices/va'],
  ]
  for (const [wish, message, where] of cases) {
    const error = thrown(() => move(wish))
    t.ok(error instanceof StateError)
    t.match(error, { message, where, isInConfig: true })
    t.same(devices(host).sort(), ['va', 'vb'])
  }
  t.same(devices(inside).sort(), ['eth0', 'eth1'])
})

t.test('what the kernel refuses names device, call and its own reason', { skip }, async t => {
  const { host, move } = await pair(t)
  const error = thrown(() => move({ lo: { name: 'lo2' } }))
  t.ok(error instanceof SyscallError)
  t.match(error, {
    where: '/linux/netDevices/lo',
    errnoName: 'EINVAL',
    message: /^move the network device lo into the container: netlink\(RTM_NEWLINK, "lo", IFLA_NET_NS_FD=/,
    hint: /^the kernel says: ./,
  })
  t.same(devices(host), [])
})

t.test('an address that the container can not have is an error', { skip }, async t => {
  const { host, inside, move } = await pair(t)
  veth(host, 'va', 'vb')
  ip(host, 'addr', 'add', 'fd00::1/64', 'dev', 'va')
  const off = [
    'nsenter',
    `--net=/proc/${inside}/ns/net`,
    'sh',
    '-c',
    'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6',
  ]
  if (spawnSync('env', off).status !== 0) return void t.pass('not here', { skip: 'IPv6 can not be switched off' })
  const error = thrown(() => move({ va: {} }))
  t.match(error, {
    where: '/linux/netDevices/va',
    errnoName: 'EACCES',
    message: /^keep the address fd00:0:0:0:0:0:0:1\/64 of va: /,
    hint: /IPv6/,
  })
})

t.test('what has moved can be taken back, as it was', { skip }, async t => {
  const { host, inside, move, takeBack } = await pair(t)
  veth(host, 'va', 'vb')
  veth(host, 'vc', 'vd')
  for (const address of ['10.9.0.1/24', 'fd00::1/64']) ip(host, 'addr', 'add', address, 'dev', 'va')
  ip(host, 'link', 'set', 'va', 'up')
  move({ va: { name: 'lan0' }, vc: { name: 'eth%d' } })
  t.same(devices(inside).sort(), ['eth0', 'lan0'])
  t.same(takeBack(), [])
  t.same(devices(inside), [])
  t.same(devices(host).sort(), ['va', 'vb', 'vc', 'vd'])
  t.same(addresses(host, 'va').sort(), ['10.9.0.1/24', 'fd00::1/64'])
  t.match(ip(host, 'link', 'show', 'dev', 'va'), /[<,]UP[,>]/)
  t.notMatch(ip(host, 'link', 'show', 'dev', 'vc'), /[<,]UP[,>]/)
})

t.test('what can not be taken back is told', { skip }, async t => {
  const { host, inside, move, takeBack } = await pair(t)
  for (const [name, peer] of [
    ['va', 'pa'],
    ['vb', 'pb'],
    ['vc', 'pc'],
  ] as const)
    veth(host, name, peer)
  move({ va: {}, vb: {}, vc: {} })
  ip(inside, 'link', 'delete', 'va')
  veth(host, 'vb', 'vb2')
  t.match(takeBack(), [
    { errnoName: 'EEXIST', message: /^move the network device vb back to the host: / },
    { message: /device va, va inside, is no longer there/ },
  ])
  t.same(devices(inside), ['vb'])
  t.same(devices(host).sort(), ['pb', 'pc', 'vb', 'vb2', 'vc'])
})

t.test('a create that fails leaves the device on the host', { skip: cannotRun ?? skip }, async t => {
  const { host, inside } = await pair(t)
  veth(host, 'va', 'vb')
  ip(host, 'addr', 'add', '10.9.0.1/24', 'dev', 'va')
  const world = new World(t)
  for (const path of [`/proc/${inside}/ns/net`, undefined])
    for (const [what, change] of [
      ['no program', { args: ['/no/such/program'] }],
      ['a failing hook', undefined],
    ] as const) {
      world.configure(config => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: string }) => type !== 'network')
        config.linux.namespaces.push({ type: 'network', ...(path && { path }) })
        config.linux.netDevices = { va: { name: 'lan0' } }
        Object.assign(config.process, change)
        if (change === undefined) config.hooks = { createContainer: [{ path: '/bin/false' }] }
      })
      const name = `${what}, ${path ? 'joined' : 'new'}`
      const error = on(host, () => thrown(() => create(world.runtime, newId(), { bundle: world.bundle })))
      t.match(error.message, change ? /no\/such\/program/ : /createContainer hook #0/, name)
      t.same((error as StateError).undoErrors, [], name)
      t.same(devices(host).sort(), ['va', 'vb'], name)
      t.same(addresses(host, 'va'), ['10.9.0.1/24'], name)
      t.same(devices(inside), [], name)
    }
  t.same(world.ids, [])
})

t.test('the network of the host is no container', { skip }, async t => {
  const host = await namespace(t)
  using undo = new Undo()
  const error = thrown(() => on(host, () => moveDevices(host, { va: {} }, undo)))
  t.match(error, { message: /is that of the host/, where: '/linux/netDevices', isInConfig: true })
})

t.test('this process stays where it is', { skip }, async t => {
  const host = await namespace(t)
  const before = readlinkSync('/proc/thread-self/ns/net')
  using there = Fd.open(`/proc/${host}/ns/net`, O.bits.O_RDONLY)
  thrown(() =>
    inNetworkNamespace(there, () => {
      throw new Error('for the test')
    }),
  )
  t.equal(readlinkSync('/proc/thread-self/ns/net'), before)
})

t.test('a list longer than one datagram is read to its end', { skip }, async t => {
  const host = await namespace(t)
  const batch = Array.from({ length: 60 }, (_, i) => `link add v${i} type veth peer name w${i}\n`).join('')
  execFileSync('nsenter', [`--net=/proc/${host}/ns/net`, 'ip', '-batch', '-'], { input: batch })
  using there = Fd.open(`/proc/${host}/ns/net`, O.bits.O_RDONLY)
  using netlink = inNetworkNamespace(there, () => new Netlink())
  t.equal(links(netlink).length, 121)
  t.equal(findLink(netlink, 'w59')?.name, 'w59')
  t.equal(findLink(netlink, 'w60'), undefined)
})
