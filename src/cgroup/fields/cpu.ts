// linux.resources.cpu: the controllers cpu and cpuset. A group of v1 in cpuset gets its parent's CPUs and nodes when
// it is made (v1.ts); here are those that config.json asks for.
// Documents: Documentation/scheduler/sched-bwc.rst, sched-rt-group.rst, cgroup-v1/cpusets.rst, cgroup-v2.rst "CPU".
import { cpuWeight } from '../conversions.ts'
import { file, type Integer, isEmpty, isZero, type Maker, onlyV1, type Row, row } from './row.ts'

const IDLE = { needs: 'Linux 5.15' }
/** Each bounds the others, so which to write first depends on what is there. */
const BANDWIDTH = { together: 'cpu', needs: 'a kernel with CONFIG_CFS_BANDWIDTH' }
const BURST = { together: 'cpu', needs: 'Linux 5.14' }
const REALTIME = { together: 'realtime', needs: 'a kernel with CONFIG_RT_GROUP_SCHED' }
const DEFAULT_PERIOD = 100_000

/** An idle group has no weight, and the kernel refuses to set one. */
const unlessIdle =
  (make: Maker<Integer>): Maker<Integer> =>
  (value, pointer, resources) =>
    Number(resources.cpu?.idle ?? 0) === 1 ? [] : make(value, pointer, resources)

/** v2 has quota and period in one file. */
const maxV2: Maker<Integer> = (_, pointer, { cpu }) => {
  const quota = BigInt(cpu?.quota ?? 0)
  const value = `${quota > 0n ? quota : 'max'} ${cpu?.period || DEFAULT_PERIOD}`
  return [{ controller: 'cpu', file: 'cpu.max', value, pointer, ...BANDWIDTH }]
}
/** The row of the quota writes both, if it writes at all. */
const periodV2: Maker<Integer> = (value, pointer, resources) =>
  isZero(resources.cpu?.quota ?? 0) ? maxV2(value, pointer, resources) : []

const weightV2 = file<Integer>('cpu', 'cpu.weight', {}, shares => String(cpuWeight(BigInt(shares))))
const cpus = file<string>('cpuset', 'cpuset.cpus')
const mems = file<string>('cpuset', 'cpuset.mems')
const idle = file<Integer>('cpu', 'cpu.idle', IDLE)
const unset = isZero

export const CPU: readonly Row[] = [
  row(['cpu/idle', 'cpu', r => r.cpu?.idle], { range: [0, 1] }, idle, idle),
  row(
    ['cpu/shares', 'cpu', r => r.cpu?.shares],
    { unset },
    unlessIdle(file('cpu', 'cpu.shares', { readBack: true })),
    unlessIdle(weightV2),
  ),
  row(['cpu/period', 'cpu', r => r.cpu?.period], { unset }, file('cpu', 'cpu.cfs_period_us', BANDWIDTH), periodV2),
  row(['cpu/quota', 'cpu', r => r.cpu?.quota], { unset }, file('cpu', 'cpu.cfs_quota_us', BANDWIDTH), maxV2),
  row(
    ['cpu/burst', 'cpu', r => r.cpu?.burst],
    {},
    file('cpu', 'cpu.cfs_burst_us', BURST),
    file('cpu', 'cpu.max.burst', BURST),
  ),
  row(
    ['cpu/realtimePeriod', 'cpu', r => r.cpu?.realtimePeriod],
    { unset },
    file('cpu', 'cpu.rt_period_us', REALTIME),
    onlyV1('realtime period'),
  ),
  row(
    ['cpu/realtimeRuntime', 'cpu', r => r.cpu?.realtimeRuntime],
    { unset },
    file('cpu', 'cpu.rt_runtime_us', REALTIME),
    onlyV1('realtime runtime'),
  ),
  row(['cpu/cpus', 'cpuset', r => r.cpu?.cpus], { unset: isEmpty }, cpus, cpus),
  row(['cpu/mems', 'cpuset', r => r.cpu?.mems], { unset: isEmpty }, mems, mems),
]
