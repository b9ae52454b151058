import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SyscallError, TsruncError } from '../errors.ts'
import type { Resources } from '../spec/gen/types.ts'
import { waitingChild } from './fixtures/child.ts'
import { directoryOf, isV1, restoreControllers, skip, testGroup, thrown } from './fixtures/host.ts'
import { newCgroup } from './new-cgroup.ts'

// On whatever this host has; v2.test.ts runs the same again where the host has v1.
restoreControllers(t)

const MIB = 1024 * 1024

t.test('limits stand in the files, can be raised and lowered, and bad ones are named', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const memory = directoryOf(cgroup.saved, isV1 ? 'memory' : '')
  const read = (v1: string, v2: string) => readFileSync(`${memory}/${isV1 ? v1 : v2}`, 'utf8').trim()
  const reason = noLimits(() => cgroup.set({ memory: { limit: 64 * MIB } }, 'early'))
  if (reason !== undefined) return void t.pass('not here', { skip: reason })
  for (const [limit, swap] of [
    [64, 128],
    [256, 512],
    [16, 16],
  ] as const) {
    cgroup.set({ memory: { limit: limit * MIB, swap: swap * MIB, reservation: 8 * MIB } }, 'update')
    t.equal(read('memory.limit_in_bytes', 'memory.max'), `${limit * MIB}`)
    t.equal(read('memory.soft_limit_in_bytes', 'memory.low'), `${8 * MIB}`)
  }
  cgroup.set({ memory: { limit: -1 } }, 'update')
  t.match(read('memory.limit_in_bytes', 'memory.max'), /^(9223372036854771712|max)$/)
  const child = waitingChild('sleep 100')
  cgroup.join(child.pid)
  const tooLow: Resources = { memory: { limit: 1, checkBeforeUpdate: true } }
  child.process.stdin?.write('\n')
  while (read('memory.usage_in_bytes', 'memory.current') === '0') await new Promise(resolve => setTimeout(resolve, 5))
  t.match(
    thrown(() => cgroup.set(tooLow, 'update')),
    { message: /current usage/, where: '/linux/resources/memory/limit' },
  )
})

t.test('cpu limits', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const cpu = directoryOf(cgroup.saved, isV1 ? 'cpu' : '')
  const read = (name: string) => readFileSync(`${cpu}/${name}`, 'utf8').trim()
  const shown = () =>
    isV1
      ? [read('cpu.shares'), `${read('cpu.cfs_quota_us')} ${read('cpu.cfs_period_us')}`]
      : [read('cpu.weight'), read('cpu.max')]
  const limits: Resources = { cpu: { shares: 2048, quota: 50_000, period: 200_000, burst: 1000 } }
  const reason = noLimits(() => cgroup.set(limits, 'early'))
  if (reason !== undefined) return void t.pass('not here', { skip: reason })
  t.same(shown(), [isV1 ? '2048' : '174', '50000 200000'])
  t.equal(read(isV1 ? 'cpu.cfs_burst_us' : 'cpu.max.burst'), '1000')
  cgroup.set({ cpu: { quota: 20_000, period: 20_000, burst: 20_000 } }, 'update')
  t.equal(shown()[1], '20000 20000')
  cgroup.set({ cpu: { quota: -1, burst: 0 } }, 'update')
  t.match(shown()[1], isV1 ? /^-1 / : /^max /)
  const error = thrown(() => cgroup.set({ cpu: { quota: 1 } }, 'update'))
  t.ok(error instanceof SyscallError)
  t.match(error, { errnoName: 'EINVAL', where: '/linux/resources/cpu/quota', origin: { intent: /^set cpu\..* to 1/ } })
  if (isV1)
    t.match(
      thrown(() => cgroup.set({ cpu: { shares: 1 } })),
      { message: /the minimum allowed cpu-shares is 2/ },
    )
})

t.test('CPUs and memory nodes, in a group below new ones', skip, async t => {
  const cgroup = testGroup(t, '/a/b')
  cgroup.create()
  const reason = noLimits(() => cgroup.set({ cpu: { cpus: '0', mems: '0' } }, 'early'))
  if (reason !== undefined) return void t.pass('not here', { skip: reason })
  const child = waitingChild('grep -E "^(Cpus|Mems)_allowed_list" /proc/self/status')
  cgroup.join(child.pid)
  t.equal(await child.go(), 'Cpus_allowed_list:\t0\nMems_allowed_list:\t0')
})

t.test('weights and throttles of block devices', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const io = directoryOf(cgroup.saved, isV1 ? 'blkio' : '')
  const files = ['io.weight', 'io.bfq.weight', 'blkio.weight', 'blkio.bfq.weight']
  const weight = files.find(name => existsSync(`${io}/${name}`))
  if (weight !== undefined) {
    cgroup.set({ blockIO: { weight: 500 } }, 'early')
    t.match(readFileSync(`${io}/${weight}`, 'utf8'), weight === 'io.weight' ? /^default 4950$/m : /500/)
  }
  const disk = readFileSync('/proc/partitions', 'utf8').match(/^ *(\d+) +(\d+) +\d+ [a-z]+$/m)
  const throttle = `${io}/${isV1 ? 'blkio.throttle.read_bps_device' : 'io.max'}`
  if (disk === null || !existsSync(throttle)) return void t.pass('not here', { skip: 'no disk or no throttling' })
  const device = { major: Number(disk[1]), minor: Number(disk[2]) }
  const limits = (rate: number): Resources => ({ blockIO: { throttleReadBpsDevice: [{ ...device, rate }] } })
  cgroup.set(limits(1_048_576), 'early')
  t.match(readFileSync(throttle, 'utf8'), `${device.major}:${device.minor} ${isV1 ? '' : 'rbps='}1048576`)
  cgroup.set(limits(0), 'update')
  t.notMatch(readFileSync(throttle, 'utf8'), '1048576')
})

t.test('a limit of 0 processes is kept, and set late it lets the container start', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const pids = directoryOf(cgroup.saved, isV1 ? 'pids' : '')
  const resources: Resources = { pids: { limit: 0 } }
  const reason = noLimits(() => cgroup.set({ pids: { limit: 5 } }, 'late'))
  if (reason !== undefined) return void t.pass('not here', { skip: reason })
  cgroup.set({ pids: { limit: -1 } }, 'late')
  t.equal(readFileSync(`${pids}/pids.max`, 'utf8'), 'max\n')
  cgroup.set(resources, 'early')
  t.equal(readFileSync(`${pids}/pids.max`, 'utf8'), 'max\n', 'not early')
  const child = waitingChild('/bin/true & wait')
  cgroup.join(child.pid)
  cgroup.set(resources, 'late')
  t.equal(readFileSync(`${pids}/pids.max`, 'utf8'), '0\n')
  t.match(await child.go(), /fork/i)
})

const DEVICES_COMMAND =
  'for f in /dev/null /dev/kmsg; do if (: < $f) 2>/dev/null; then echo yes; else echo no; fi; done'

t.test('device rules decide what can be opened', skip, async t => {
  for (const [asked, expected] of [
    [undefined, 'yes no'],
    [[{ allow: false, access: 'rwm' }], 'yes no'],
    [[{ allow: true, access: 'rwm' }], 'yes yes'],
    [
      [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 1, minor: 11, access: 'r' },
      ],
      'yes yes',
    ],
    [[{ allow: true }, { allow: false, type: 'c', major: 1, minor: 11, access: 'r' }], 'yes no'],
  ] as const) {
    const cgroup = testGroup(t)
    cgroup.create()
    const child = waitingChild(DEVICES_COMMAND)
    cgroup.join(child.pid)
    const resources = asked === undefined ? undefined : { devices: asked.map(rule => ({ ...rule })) }
    cgroup.set(resources, 'early')
    cgroup.set(resources, 'late')
    t.equal((await child.go()).split('\n').join(' '), expected, JSON.stringify(asked))
  }
})

t.test('device rules can be replaced', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  cgroup.set({ devices: [{ allow: true }] })
  cgroup.set(undefined, 'update')
  const open = waitingChild(DEVICES_COMMAND)
  cgroup.join(open.pid)
  t.equal(await open.go(), 'yes\nyes', 'an update without rules leaves them')
  cgroup.set({ devices: [{ allow: false, access: 'rwm' }] }, 'update')
  const closed = waitingChild(DEVICES_COMMAND)
  cgroup.join(closed.pid)
  t.equal(await closed.go(), 'yes\nno')
})

t.test('where the kernel denies device rules, whoever is rootless does without', skip, async t => {
  const script = fileURLToPath(new URL('./fixtures/rootless.js', import.meta.url))
  const run = (how: string) => {
    const path = `/tsrunc-test-${process.pid}-rootless`
    return spawnSync('unshare', ['-U', '-r', process.execPath, script, path, how], { encoding: 'utf8' })
  }
  if (run('').error) return void t.pass('not here', { skip: 'needs unshare(1)' })
  const strict = run('strict')
  t.equal(strict.stdout, 'denied\n', strict.stderr)
  const optional = run('optional')
  t.equal(optional.stdout, 'done\n', optional.stderr)
})

t.test('realtime is given to new parents too', skip, async t => {
  const cgroup = testGroup(t, '/a/b')
  cgroup.create()
  const cpu = directoryOf(cgroup.saved, 'cpu')
  if (!isV1 || !existsSync(`${cpu}/cpu.rt_runtime_us`))
    return void t.pass('not here', { skip: 'no realtime groups here' })
  cgroup.set({ cpu: { realtimeRuntime: 2000, realtimePeriod: 500_000 } }, 'early')
  for (const directory of [cpu, `${cpu}/..`]) {
    t.equal(readFileSync(`${directory}/cpu.rt_runtime_us`, 'utf8'), '2000\n')
    t.equal(readFileSync(`${directory}/cpu.rt_period_us`, 'utf8'), '500000\n')
  }
})

t.test('check finds what set would refuse, and touches nothing', skip, async t => {
  using cgroup = newCgroup({ cgroupsPath: `/tsrunc-test-${process.pid}-check`, id: 'x' })
  const memory = { limit: 5, swap: isV1 ? 0 : 4, swappiness: isV1 ? 101 : 0 }
  t.throws(() => cgroup.check({ memory }), { name: 'SpecError' })
  cgroup.check({ memory: { limit: 5 }, devices: [{ allow: true }] })
  for (const { directory } of cgroup.saved.directories) t.notOk(existsSync(directory))
})

t.test('v2: a parent with processes can not hand on controllers, and the error says so', skip, async t => {
  const parent = testGroup(t)
  const tree = parent.facts().v2
  if (isV1 || tree === undefined) return void t.pass('not here', { skip: 'v1 has no delegation' })
  parent.create()
  const child = waitingChild()
  parent.join(child.pid)
  using below = newCgroup({ cgroupsPath: `${tree.path}/below`, id: 'x' })
  below.create()
  const available = readFileSync(`${tree.mountpoint}/cgroup.controllers`, 'utf8').trim().split(' ')
  const resources = available.includes('memory')
    ? { memory: { limit: MIB } }
    : { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] }
  const error = thrown(() => below.set(resources, 'early'))
  t.match(error, { name: 'UnsupportedError', message: /can not be enabled in .*: that group holds processes itself/ })
  below.remove()
  await child.go()
})

t.test('what the kernel lacks is named with its place', skip, async t => {
  const cgroup = testGroup(t)
  cgroup.create()
  const cases: [Resources, string, RegExp][] = [
    [{ hugepageLimits: [{ pageSize: '3MB', limit: 1 }] }, 'hugepageLimits/0', /hugetlb/],
    [{ rdma: { nodev: { hcaHandles: 1 } } }, 'rdma/nodev', /rdma/],
  ]
  const blkio = directoryOf(cgroup.saved, 'blkio')
  if (blkio !== undefined && !existsSync(`${blkio}/blkio.weight`) && !existsSync(`${blkio}/blkio.bfq.weight`))
    cases.push([{ blockIO: { weight: 10 } }, 'blockIO/weight', /no blkio.weight or blkio.bfq.weight: it needs the BFQ/])
  if (isV1) cases.push([{ unified: { 'memory.high': '1' } }, 'unified', /cgroup v2/])
  else cases.push([{ unified: { 'memory.nonsense': '1' } }, 'unified/memory.nonsense', /memory.nonsense/])
  for (const [resources, field, message] of cases) {
    const error = thrown(() => cgroup.set(resources, 'early'))
    t.ok(error instanceof TsruncError, field)
    t.match(error, { where: `/linux/resources/${field}`, message })
    // a kernel with the controller says so itself: there is no such device
    if (!(error instanceof SyscallError && error.errnoName === 'ENODEV'))
      t.equal((error as Error).name, 'UnsupportedError')
  }
})

/** On a view of v2 whose controllers v1 holds there is nothing to limit; then the error must say so. */
function noLimits(work: () => void): string | undefined {
  const error = thrown(work)
  if (error === undefined) return undefined
  if (!isV1 && error instanceof TsruncError && /is not available: cgroup.controllers/.test(error.message))
    return `v2 has no such controller here (${error.message.slice(0, 80)})`
  throw error
}
