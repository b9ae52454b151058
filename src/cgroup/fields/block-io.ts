// linux.resources.blockIO: blkio of v1, io of v2. Weights belong to the BFQ scheduler, or in v2 to io.cost.
// Documents: Documentation/admin-guide/cgroup-v1/blkio-controller.rst, block/bfq-iosched.rst, cgroup-v2.rst "IO".
import type { Resources, ThrottleDevice, WeightDevice } from '../../spec/gen/types.ts'
import { ioWeight } from '../conversions.ts'
import type { Write } from '../write.ts'
import { each, inRange, isEmpty, isZero, type Maker, onlyV1, type Row, refused, row } from './row.ts'

const needs = 'the BFQ I/O scheduler in the kernel'
const THROTTLING = 'a kernel with CONFIG_BLK_DEV_THROTTLING'
const WEIGHTS = [10, 1000] as const
const LEAF_WEIGHTS = onlyV1('leaf weights')

const device = (of: { readonly major: number; readonly minor: number }): string => `${of.major}:${of.minor}`

function write(name: string, value: string, pointer: string): Write {
  const otherwise = { file: `blkio.bfq.${name}`, value }
  return { controller: 'blkio', file: `blkio.${name}`, value, pointer, needs, otherwise }
}
const weightV1 =
  (name: string): Maker<number> =>
  (value, pointer) => [write(name, String(value), pointer)]

const weightV2: Maker<number> = (value, pointer) => {
  const otherwise = { file: 'io.weight', value: `default ${ioWeight(value)}` }
  return [{ controller: 'io', file: 'io.bfq.weight', value: String(value), pointer, needs, otherwise }]
}

const deviceWeightV1 = each<WeightDevice>((item, pointer) => {
  const writes: Write[] = []
  const add = (name: string, weight: number | undefined, at: string): void => {
    if (!weight) return
    inRange(weight, WEIGHTS, at)
    writes.push(write(name, `${device(item)} ${weight}`, at))
  }
  add('weight_device', item.weight, `${pointer}/weight`)
  add('leaf_weight_device', item.leafWeight, `${pointer}/leafWeight`)
  return writes
})

const deviceWeightV2 = each<WeightDevice>((item, pointer) => {
  if (item.leafWeight) throw refused(LEAF_WEIGHTS.refused, `${pointer}/leafWeight`)
  if (!item.weight) return []
  const at = `${pointer}/weight`
  inRange(item.weight, WEIGHTS, at)
  const value = `${device(item)} ${item.weight}`
  const otherwise = { file: 'io.weight', value: `${device(item)} ${ioWeight(item.weight)}` }
  return [{ controller: 'io', file: 'io.bfq.weight', value, pointer: at, needs, otherwise }]
})

function throttle(
  name: 'throttleReadBpsDevice' | 'throttleWriteBpsDevice' | 'throttleReadIOPSDevice' | 'throttleWriteIOPSDevice',
  v1: string,
  v2: string,
): Row {
  const value = (r: Resources): readonly ThrottleDevice[] | undefined => r.blockIO?.[name]
  const line = (
    controller: string,
    file: string,
    text: (item: ThrottleDevice) => string,
  ): Maker<readonly ThrottleDevice[]> =>
    each((item, pointer) => [{ controller, file, value: `${device(item)} ${text(item)}`, pointer, needs: THROTTLING }])
  return row(
    [`blockIO/${name}`, 'blkio', value],
    { unset: isEmpty },
    line('blkio', `blkio.throttle.${v1}_device`, item => String(item.rate)),
    // 0 lifts a limit in v1 and is out of range in v2
    line('io', 'io.max', item => `${v2}=${isZero(item.rate) ? 'max' : item.rate}`),
  )
}

export const BLOCK_IO: readonly Row[] = [
  row(
    ['blockIO/weight', 'blkio', r => r.blockIO?.weight],
    { unset: isZero, range: WEIGHTS },
    weightV1('weight'),
    weightV2,
  ),
  row(
    ['blockIO/leafWeight', 'blkio', r => r.blockIO?.leafWeight],
    { unset: isZero, range: WEIGHTS },
    weightV1('leaf_weight'),
    LEAF_WEIGHTS,
  ),
  row(
    ['blockIO/weightDevice', 'blkio', r => r.blockIO?.weightDevice],
    { unset: isEmpty },
    deviceWeightV1,
    deviceWeightV2,
  ),
  throttle('throttleReadBpsDevice', 'read_bps', 'rbps'),
  throttle('throttleWriteBpsDevice', 'write_bps', 'wbps'),
  throttle('throttleReadIOPSDevice', 'read_iops', 'riops'),
  throttle('throttleWriteIOPSDevice', 'write_iops', 'wiops'),
]
