// How long filters are: long ones that jump far, too long ones, and the profile of an engine: its steps and its time.
import t from 'tap'
import { SpecError } from '../../errors.ts'
import type { Seccomp, SyscallRule } from '../../spec/gen/types.ts'
import { compileSeccomp } from './compile.ts'
import { run } from './fixtures/interpreter.ts'
import { ABIS, Profile } from './fixtures/meaning.ts'
import { usualProfile } from './fixtures/usual.ts'

/** That many conditions, no two of them alike. */
const many = (count: number): SyscallRule => ({
  names: ['ioctl', 'fcntl'],
  action: 'SCMP_ACT_ALLOW',
  args: Array.from({ length: count }, (_, value) => ({ index: 1, op: 'SCMP_CMP_EQ', value: 2 ** 33 + value * 3 })),
})

t.test('long filters jump far, and too long ones are refused', t => {
  const seccomp: Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [many(1000), { names: ['read', 'write', 'execve', 'prctl', 'mseal'], action: 'SCMP_ACT_ALLOW' }],
  }
  const filter = compileSeccomp(seccomp, 'x86_64')
  t.ok(filter.length > 4000 && filter.length <= 4096, `${filter.length} instructions`)
  const meaning = new Profile(seccomp)
  for (const arch of [ABIS.x86_64.audit, ABIS.x86.audit])
    for (let nr = 0; nr < 500; nr++)
      for (const value of [2n ** 33n, 2n ** 33n + 1n, 2n ** 33n + 2997n, 2n ** 33n + 3000n]) {
        const call = { arch, nr, args: [0n, value] }
        const expected = meaning.of('x86_64', call).value
        const { value: found } = run(filter.program, call)
        if (found !== expected) t.equal(found, expected, `${arch.toString(16)} ${nr} ${value}`)
      }
  try {
    compileSeccomp({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [many(1100)] }, 'x86_64')
    t.fail('a filter that is too long')
  } catch (error) {
    t.match(error instanceof SpecError && error.problems[0], {
      pointer: '/linux/seccomp/syscalls',
      message: /^takes a filter of 4\d{3} instructions; the kernel has room for 4096$/,
    })
  }
  t.end()
})

t.test('the profile of an engine: few steps a call, compiled soon, and once', t => {
  const seccomp = usualProfile()
  const filter = compileSeccomp(seccomp, 'x86_64')
  t.ok(filter.length < 400, `${filter.length} instructions`)
  for (const abi of [ABIS.x86_64, ABIS.x32, ABIS.x86]) {
    const steps = [...abi.numbers.keys()].map(nr => run(filter.program, { arch: abi.audit, nr, args: [] }).steps)
    const mean = steps.reduce((sum, count) => sum + count, 0) / steps.length
    t.ok(mean < 14, `${abi.name}: ${mean.toFixed(1)} steps on average`)
  }
  t.equal(compileSeccomp(usualProfile(), 'x86_64'), filter, 'the content counts, not the object')
  t.not(compileSeccomp(seccomp, 'aarch64'), filter)
  // Other content each time, so that nothing is known.
  const times = Array.from({ length: 40 }, (_, errno) => {
    const changed = { ...seccomp, defaultErrnoRet: 2 + errno }
    const start = performance.now()
    compileSeccomp(changed, 'x86_64')
    return performance.now() - start
  })
  const median = times.sort((a, b) => a - b)[20] ?? Number.NaN
  t.ok(median < 2, `${median.toFixed(2)} ms`)
  t.end()
})
