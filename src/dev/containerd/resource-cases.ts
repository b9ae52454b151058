// Limits and cgroups, as the kernel has them; namespaces.
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './case.ts'

/** Lines of /proc/PID/cgroup: hierarchy:controllers:path */
const cgroups = (pid: number): string[][] =>
  readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split(':'))

/** A limit as the kernel has it, whichever version of cgroups has the controller. */
function limit(pid: number, controller: string, v1: string, v2: string): string {
  const lines = cgroups(pid)
  const own = lines.find(([, controllers]) => controllers?.split(',').includes(controller))
  if (own) return readFileSync(join('/sys/fs/cgroup', controller, own[2] ?? '', v1), 'utf8').trim()
  const unified = lines.find(([number]) => number === '0')
  const mountpoint = existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup'
  return readFileSync(join(mountpoint, unified?.[2] ?? '', v2), 'utf8').trim()
}

const MIB = 1 << 20

const limits: readonly Case[] = [
  {
    name: '--memory-limit and --cpus',
    basic: true,
    expected: { memory: String(64 * MIB), cpu: /^50000( 100000)?$/ },
    async run(client) {
      const { pid } = await client.background(['--memory-limit', String(64 * MIB), '--cpus', '0.5'])
      return {
        memory: limit(pid, 'memory', 'memory.limit_in_bytes', 'memory.max'),
        cpu: limit(pid, 'cpu', 'cpu.cfs_quota_us', 'cpu.max'),
      }
    },
  },
  {
    name: '--cpu-shares, --cpu-quota, --cpu-period',
    expected: { quota: /^20000( 80000)?$/ },
    async run(client) {
      const flags = ['--cpu-shares', '512', '--cpu-quota', '20000', '--cpu-period', '80000']
      const { pid } = await client.background(flags)
      return {
        shares: limit(pid, 'cpu', 'cpu.shares', 'cpu.weight'),
        quota: limit(pid, 'cpu', 'cpu.cfs_quota_us', 'cpu.max'),
        period: limit(pid, 'cpu', 'cpu.cfs_period_us', 'cpu.max'),
      }
    },
  },
  {
    name: 'more memory than the limit',
    expected: { status: 137 },
    run: async client => ({ ...(await client.run(['--memory-limit', String(16 * MIB)], ['tail', '/dev/zero'])) }),
  },
  {
    name: '--cgroup',
    expected: { everywhere: true },
    async run(client) {
      const id = client.id()
      const path = `/${client.namespace}-other/deep/${id}`
      const { status, stderr } = await client.start(id, ['--detach', '--cgroup', path], ['sleep', '1000']).ended
      const lines = cgroups(await client.running(id))
      return { status, stderr, everywhere: lines.every(([, , found]) => found === path) }
    },
  },
  {
    name: '--cgroup with a relative path',
    expected: { status: 0 },
    async run(client) {
      const id = client.id()
      const { status, stderr } = await client.start(id, ['--detach', '--cgroup', id], ['sleep', '1000']).ended
      const lines = cgroups(await client.running(id))
      return { status, stderr, paths: lines.map(line => line.join(':').replaceAll(id, 'ID')).sort() }
    },
  },
]

const namespace = (pid: number, type: string): string => readlinkSync(`/proc/${pid}/ns/${type}`)

const namespaces: readonly Case[] = [
  {
    name: 'namespaces of its own',
    expected: { own: ['ipc', 'mnt', 'net', 'pid', 'uts'] },
    async run(client) {
      const { pid } = await client.background([])
      const types = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']
      return { own: types.filter(type => namespace(pid, type) !== namespace(process.pid, type)) }
    },
  },
  {
    name: '--with-ns: those of another container',
    basic: true,
    expected: { same: ['network', 'ipc', 'uts', 'pid'], rm: 0, still: true },
    async run(client) {
      const first = await client.background([])
      const types = { network: 'net', ipc: 'ipc', uts: 'uts', pid: 'pid' }
      const flags = Object.entries(types).flatMap(([name, file]) => [
        '--with-ns',
        `${name}:/proc/${first.pid}/ns/${file}`,
      ])
      const second = await client.background(flags)
      const same = Object.entries(types)
        .filter(([, file]) => namespace(first.pid, file) === namespace(second.pid, file))
        .map(([name]) => name)
      const rm = await client.ctr('task', 'rm', '--force', second.id)
      return { same, rm: rm.status, still: (await client.task(first.id))?.status === 'RUNNING' }
    },
  },
  {
    name: '--net-host',
    expected: { same: true },
    async run(client) {
      const { pid } = await client.background(['--net-host'])
      return { same: namespace(pid, 'net') === namespace(process.pid, 'net') }
    },
  },
]

export const RESOURCE_CASES: readonly Case[] = [...limits, ...namespaces]
