import t from 'tap'
import { cpuWeight, ioWeight, orMax, swapMax } from './conversions.ts'

t.test('cpu.shares become cpu.weight', async t => {
  const golden: [bigint, bigint][] = [
    [0n, 1n],
    [1n, 1n],
    [2n, 1n],
    [3n, 2n],
    [10n, 4n],
    [100n, 17n],
    [512n, 59n],
    [1000n, 99n],
    [1024n, 100n],
    [2048n, 174n],
    [4096n, 303n],
    [65536n, 3023n],
    [262143n, 10000n],
    [262144n, 10000n],
    [2n ** 64n - 1n, 10000n],
  ]
  for (const [shares, weight] of golden) t.equal(cpuWeight(shares), weight, String(shares))
  let before = 0n
  for (let shares = 2n; shares <= 262144n; shares += 97n) {
    const weight = cpuWeight(shares)
    if (weight < before || weight < 1n || weight > 10000n) t.fail(`weight ${weight} of ${shares} shares`)
    before = weight
  }
})

t.test('blkio.weight becomes io.weight', async t => {
  for (const [from, to] of [
    [10, 1],
    [100, 910],
    [500, 4950],
    [1000, 10000],
  ] as const)
    t.equal(ioWeight(from), to)
})

t.test('the limit of memory and swap becomes one of swap', async t => {
  t.equal(swapMax(100n, 300n), 200n)
  t.equal(swapMax(100n, 100n), 0n)
  t.equal(swapMax(100n, -1n), -1n)
  t.equal(swapMax(0n, -1n), -1n)
  t.equal(swapMax(100n, 0n), undefined)
  t.equal(swapMax(-1n, 0n), -1n, 'unlimited memory is unlimited swap')
  t.equal(swapMax(0n, 5n), 'needs a memory limit')
  t.equal(swapMax(-1n, 5n), 'needs a memory limit')
  t.equal(swapMax(6n, 5n), 'is below the memory limit')
  t.equal(orMax(-1n), 'max')
  t.equal(orMax(2n ** 63n - 1n), '9223372036854775807')
})
