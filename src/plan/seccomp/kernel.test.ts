// Filters in the real kernel: it takes them, and does to calls what the profile means. Rules only fail calls here, each
// with an error number of its own, so that all calls can be made.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Architecture } from '../../abi/architecture.ts'
import type { Seccomp, SyscallRule } from '../../spec/gen/types.ts'
import { type CompiledFilter, compileSeccomp } from './compile.ts'
import { ABIS, type Abi, Profile } from './fixtures/meaning.ts'
import { argumentsFor, profile, type Random, random } from './fixtures/random.ts'
import { usualProfile } from './fixtures/usual.ts'

const SOURCE = fileURLToPath(new URL('../../../../src/plan/seccomp/fixtures/try-filter.c', import.meta.url))
const machine: Architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
const own = ABIS[machine]
const ENOSYS = 38

interface Call {
  readonly abi: Abi
  readonly nr: number
  readonly args: readonly bigint[]
}

function inputOf({ program, length, flags }: CompiledFilter, calls: readonly Call[]): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(Number(flags), 0)
  head.writeUInt32LE(length, 4)
  const count = Buffer.alloc(4)
  count.writeUInt32LE(calls.length)
  const all = calls.map(({ abi, nr, args }) => {
    const bytes = Buffer.alloc(56)
    bytes.writeUInt32LE(abi === ABIS.x86 ? 1 : 0, 0)
    bytes.writeUInt32LE(nr, 4)
    for (const [at, value] of args.entries()) bytes.writeBigUInt64LE(value, 8 + 8 * at)
    return bytes
  })
  return Buffer.concat([head, program, count, ...all])
}

const skip = spawnSync('cc', ['--version']).status === 0 ? false : 'no C compiler'
const directory = mkdtempSync(join(tmpdir(), 'tsrunc-seccomp-'))
t.teardown(() => rmSync(directory, { recursive: true }))
const binary = join(directory, 'try-filter')
if (skip === false) execFileSync('cc', ['-O1', '-w', '-o', binary, SOURCE])

/** The error number of each call behind a filter, or the end of the process. */
function tried(filter: CompiledFilter, calls: readonly Call[]): { errors?: number[]; status: number | string | null } {
  const { stdout, status, signal } = spawnSync(binary, { input: inputOf(filter, calls), maxBuffer: 1e8 })
  if (status !== 0) return { status: signal ?? status }
  return { errors: calls.map((_, at) => stdout.readInt32LE(4 * at)), status }
}

const PASSED: SyscallRule = { names: ['write', 'exit_group'], action: 'SCMP_ACT_ALLOW' }

/** The profile with an error number of its own for each rule, from 200 on; two rules are ever the same. */
function failing(seccomp: Seccomp): Seccomp {
  const rules = seccomp.syscalls?.map((rule, at) => ({
    ...rule,
    action: 'SCMP_ACT_ERRNO' as const,
    errnoRet: 201 + at,
  }))
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 200,
    architectures: seccomp.architectures ?? [],
    syscalls: [PASSED, ...(rules ?? [])],
  }
}

const LAST = 600
/** The kernel filters no call that its probes put into programs; one that comes from elsewhere is killed. */
const NOT_TRIED = [...PASSED.names, 'uprobe', 'uretprobe']

/** All that can be made without a way back being lost. */
function callsOf(seccomp: Seccomp, chance: Random): Call[] {
  const vectors = argumentsFor(chance, seccomp, 40)
  const calls: Call[] = []
  const named = (abi: Abi): boolean =>
    (seccomp.architectures as readonly string[]).includes(`SCMP_ARCH_${abi.name.toUpperCase()}`)
  const abis = [own, ...(machine === 'x86_64' ? [ABIS.x86, ABIS.x32].filter(named) : [])]
  for (const abi of abis)
    for (let nr = 0; nr < LAST; nr++) {
      const number = abi === ABIS.x32 ? nr + 0x40000000 : nr
      if (NOT_TRIED.includes(abi.numbers.get(number) ?? '')) continue
      for (let count = 0; count < 4; count++) {
        const args = vectors[(nr + count) % vectors.length] ?? []
        // The way of 32 bits has no place for a sixth.
        const narrow = args.map((value, at) => (at === 5 ? 0n : value & 0xffff_ffffn))
        calls.push({ abi, nr: number, args: abi === ABIS.x86 ? narrow : args })
      }
    }
  return calls
}

t.test('the kernel does what profiles mean', { skip }, t => {
  let compared = 0
  for (let seed = 1; seed <= 12; seed++) {
    const chance = random(seed)
    const seccomp = failing(profile(chance, { isWide: true, isPlain: true }))
    const calls = callsOf(seccomp, chance)
    const { errors, status } = tried(compileSeccomp(seccomp, machine), calls)
    if (errors === undefined) {
      t.fail(`seed ${seed}: ${status}`)
      continue
    }
    const meaning = new Profile(seccomp)
    const wrong = calls.flatMap(({ abi, nr, args }, at) => {
      const expected = meaning.of(machine, { arch: abi.audit, nr, args }).value & 0xffff
      return errors[at] === expected ? [] : [`${abi.name} ${nr} (${args}): ${errors[at]}, not ${expected}`]
    })
    compared += calls.length
    if (wrong.length > 0) t.fail(`seed ${seed}`, { wrong: wrong.slice(0, 5), count: wrong.length, seccomp })
  }
  t.ok(compared > 20_000, `${compared} calls`)
  t.end()
})

const call = (name: string, ...args: bigint[]): Call => {
  const [nr = -1] = [...own.numbers].find(([, known]) => known === name) ?? []
  return { abi: own, nr, args }
}

t.test('the profile of an engine is taken', { skip }, t => {
  const filter = compileSeccomp(usualProfile(), machine)
  const bad = 0xffff_ffff_ffff_0000n
  const calls = [
    call('getpid'),
    call('mount', bad, bad, bad),
    call('clone3', bad),
    call('socket', 40n, 1n),
    call('socket', 1n, 1n),
    call('personality', 4n),
    call('personality', 0n),
    { abi: own, nr: 999, args: [] },
  ]
  t.same(tried(filter, calls).errors, [0, 1, ENOSYS, 1, 0, 1, 0, ENOSYS])
  t.end()
})

t.test('other ends of a call', { skip }, t => {
  const rule = (action: SyscallRule['action']): CompiledFilter =>
    compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['getpid'], action }] }, machine)
  for (const action of ['SCMP_ACT_KILL', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP'] as const)
    t.equal(tried(rule(action), [call('getpid')]).status, 'SIGSYS', action)
  t.same(tried(rule('SCMP_ACT_TRACE'), [call('getpid')]).errors, [ENOSYS], 'SCMP_ACT_TRACE without a tracer')
  t.same(tried(rule('SCMP_ACT_LOG'), [call('getpid')]).errors, [0])
  if (machine === 'x86_64')
    t.equal(tried(rule('SCMP_ACT_LOG'), [{ abi: ABIS.x86, nr: 20, args: [] }]).status, 'SIGSYS', 'int 0x80')
  t.end()
})

t.test('the longest filter is taken', { skip }, t => {
  const args = Array.from({ length: 1016 }, (_, at) => ({ index: 0, op: 'SCMP_CMP_EQ', value: 2 ** 33 + at }) as const)
  const filter = compileSeccomp(
    { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['fcntl'], action: 'SCMP_ACT_ERRNO', errnoRet: 77, args }] },
    machine,
  )
  t.ok(filter.length > 4085 && filter.length <= 4096, `${filter.length} instructions`)
  t.same(tried(filter, [call('fcntl', 2n ** 33n + 1015n), call('fcntl', 2n ** 33n + 1016n)]).errors, [77, 9])
  t.end()
})
