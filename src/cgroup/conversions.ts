// Values of cgroup v1, in which config.json speaks, as those of v2.
// Documents: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst; the formula for shares is runc 1.5's.

/** cpu.shares 2..262144 → cpu.weight 1..10000, with the default 1024 → 100 and equal ratios nearby. */
export function cpuWeight(shares: bigint): bigint {
  if (shares <= 2n) return 1n
  if (shares >= 262144n) return 10000n
  const log = Math.log2(Number(shares))
  return BigInt(Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34)))
}

/** blkio.weight 10..1000 → io.weight 1..10000. */
export const ioWeight = (weight: number): number => 1 + Math.floor(((weight - 10) * 9999) / 990)

/** v2 says "max" where v1 says -1. */
export const orMax = (value: bigint): string => (value === -1n ? 'max' : String(value))

export type SwapProblem = 'needs a memory limit' | 'is below the memory limit'

/**
 * v1 limits memory and swap together, v2 swap alone; undefined leaves it as it is. 0 means "not set", as in runc.
 * Unlimited memory without a word on swap is unlimited swap: a v1 kernel would refuse anything else.
 */
export function swapMax(limit: bigint, swap: bigint): bigint | undefined | SwapProblem {
  if (swap === 0n) return limit === -1n ? -1n : undefined
  if (swap === -1n) return -1n
  if (limit === 0n || limit === -1n) return 'needs a memory limit'
  return swap < limit ? 'is below the memory limit' : swap - limit
}
