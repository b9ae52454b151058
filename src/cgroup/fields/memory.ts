// linux.resources.memory. v1 limits memory, and memory and swap together; v2 limits memory, and swap alone.
// Documents: Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst "Memory".
import { orMax, swapMax } from '../conversions.ts'
import type { Write } from '../write.ts'
import { file, type Integer, invalid, isZero, type Maker, max, onlyV1, type Row, refused, row } from './row.ts'

const SWAP_ACCOUNTING = 'swap accounting (kernel parameter swapaccount=1)'
/**
 * Deprecated, and with v2 gone: what the kernel uses for a group counts as the group's memory. To leave the limit out
 * in silence, as runc does, would be to promise what is not kept; v2 refuses it, as the spec demands of what has no
 * counterpart there. -1 asks for nothing. A kernel of v1 may take the value of `kernel` without a word and without effect.
 */
const kernelMemory = (name: string): readonly [Maker<Integer>, Maker<Integer>] => [
  (value, pointer) => {
    const write: Write = { controller: 'memory', file: `memory.${name}.limit_in_bytes`, value: String(value), pointer }
    return [BigInt(value) < 0n ? { ...write, whenMissing: 'skip' } : write]
  },
  (value, pointer) => {
    if (BigInt(value) < 0n) return []
    throw refused('cgroup v2 has no limit for the memory of the kernel alone: it counts as memory', pointer)
  },
]

/** Unlimited memory without a word on swap means unlimited swap: the sum must never be limited below its part. */
const liftsSwap = (limit: bigint, swap: Integer | undefined): boolean => limit === -1n && isZero(swap ?? 0)

const together = 'memory' // neither limit may pass the other, so which to write first depends on what is there

const limitV1: Maker<Integer> = (value, pointer, { memory }) => {
  const limit = { controller: 'memory', file: 'memory.limit_in_bytes', value: String(value), pointer, together }
  const both = { ...limit, file: 'memory.memsw.limit_in_bytes', whenMissing: 'skip' as const }
  return liftsSwap(BigInt(value), memory?.swap) ? [limit, both] : [limit]
}

const limitV2: Maker<Integer> = (value, pointer, { memory }) => {
  const limit: Write = { controller: 'memory', file: 'memory.max', value: max(value), pointer }
  return liftsSwap(BigInt(value), memory?.swap) ? [swapWrite(-1n, pointer), limit] : [limit]
}

function swapWrite(value: bigint, pointer: string): Write {
  const write = { controller: 'memory', file: 'memory.swap.max', value: orMax(value), pointer, needs: SWAP_ACCOUNTING }
  // where no swap is counted, none is used beyond the limit of memory either
  return value <= 0n ? { ...write, whenMissing: 'skip' } : write
}

const swapV2: Maker<Integer> = (value, pointer, { memory }) => {
  const limit = BigInt(memory?.limit ?? 0)
  const swap = swapMax(limit, BigInt(value))
  if (swap === 'needs a memory limit') throw invalid(pointer, 'unable to set swap limit without memory limit')
  if (swap === 'is below the memory limit')
    throw invalid(pointer, `memory+swap limit should be >= memory limit: found ${value}, the memory limit is ${limit}`)
  return swap === undefined ? [] : [swapWrite(swap, pointer)]
}

const check = { elsewhere: 'compared with the present usage before the first write (apply.ts)' }
const unset = isZero

export const MEMORY: readonly Row[] = [
  row(['memory/limit', 'memory', r => r.memory?.limit], { unset }, limitV1, limitV2),
  row(
    ['memory/swap', 'memory', r => r.memory?.swap],
    { unset },
    file('memory', 'memory.memsw.limit_in_bytes', { together, needs: SWAP_ACCOUNTING }),
    swapV2,
  ),
  row(
    ['memory/reservation', 'memory', r => r.memory?.reservation],
    { unset },
    file('memory', 'memory.soft_limit_in_bytes'),
    file('memory', 'memory.low', {}, max),
  ),
  row(['memory/kernel', 'memory', r => r.memory?.kernel], { unset }, ...kernelMemory('kmem')),
  row(['memory/kernelTCP', 'memory', r => r.memory?.kernelTCP], { unset }, ...kernelMemory('kmem.tcp')),
  row(
    ['memory/swappiness', 'memory', r => r.memory?.swappiness],
    { range: [0, 100] },
    file('memory', 'memory.swappiness'),
    onlyV1('swappiness of a group'),
  ),
  row(
    ['memory/disableOOMKiller', 'memory', r => r.memory?.disableOOMKiller],
    { unset: value => !value },
    file('memory', 'memory.oom_control', {}, () => '1'),
    onlyV1('switch for the OOM killer'),
  ),
  row(
    ['memory/useHierarchy', 'memory', r => r.memory?.useHierarchy],
    {},
    { ignored: 'since Linux 5.11 memory is always counted hierarchically' },
    { ignored: 'memory is always counted hierarchically' },
  ),
  row(['memory/checkBeforeUpdate', 'memory', r => r.memory?.checkBeforeUpdate], {}, check, check),
]
