import t from 'tap'
import { bpfInsn } from '../abi/bpf.ts'
import { loadDeviceProgram } from '../host/bpf.ts'
import { isErrno } from '../host/errno.ts'
import type { DeviceRule } from '../spec/gen/types.ts'
import { deviceProgram } from './device-program.ts'
import { ALL_ACCESS, type CheckedRule, deviceRules } from './devices.ts'
import { assemble, listing } from './ebpf.ts'
import { everyAccess, isAllowed, randomRules } from './fixtures/rules.ts'

const rule = (rest: Partial<CheckedRule>): CheckedRule => ({
  allow: true,
  type: 'c',
  major: undefined,
  minor: undefined,
  access: ALL_ACCESS,
  pointer: undefined,
  ...rest,
})

t.test('golden: allowed devices, then one kind of access, then a denial of another', async t => {
  const rules = [
    rule({ allow: true, type: undefined }), // forgotten: the next decides everything
    rule({ allow: false, type: undefined }),
    rule({ major: 1, minor: 3 }),
    rule({ type: 'b', major: 8, access: 2 }),
    rule({ allow: false, type: undefined, minor: 7, access: 4 }),
  ]
  t.equal(
    listing(deviceProgram(rules)),
    `  r2 = u32 r1[0]
  r3 = r2
  r3 &= 0xffff
  r2 >>= 16
  r4 = u32 r1[4]
  r5 = u32 r1[8]
  if r5 != 7 goto before 4
  r0 = r2
  r0 &= 0x4
  if r0 == 0 goto before 4
  r0 = 0
  exit
before 4:
  if r3 != 1 goto before 3
  if r4 != 8 goto before 3
  r2 &= 0x5
  if r2 != 0 goto before 3
  r0 = 1
  exit
before 3:
  if r3 != 2 goto before 2
  if r4 != 1 goto before 2
  if r5 != 3 goto before 2
  r0 = 1
  exit
before 2:
  r0 = 0
  exit`,
  )
})

t.test('golden bytes', async t => {
  const bytes = Buffer.from(assemble(deviceProgram([rule({ major: 4294967295 })])))
  t.equal(bytes.length % bpfInsn.size, 0)
  const instructions = bytes.toString('hex').match(/.{16}/g)
  t.same(instructions, [
    '6112000000000000', // r2 = *(u32 *)(r1 + 0)
    'bf23000000000000', // r3 = r2
    '54030000ffff0000', // w3 &= 0xffff
    '7402000010000000', // w2 >>= 16
    '6114040000000000', // r4 = *(u32 *)(r1 + 4)
    '6115080000000000', // r5 = *(u32 *)(r1 + 8)
    '5603030002000000', // if w3 != 2 goto +3
    '56040200ffffffff', // if w4 != -1 goto +2
    'b400000001000000', // w0 = 1
    '9500000000000000', // exit
    'b400000000000000', // w0 = 0
    '9500000000000000', // exit
  ])
})

t.test('labels', async t => {
  const jump = (label: string) => ({ kind: 'jump', when: '==', left: 0, right: 0, label }) as const
  t.throws(() => assemble([jump('x')]), { message: /label x .* not defined/ })
  t.throws(
    () =>
      assemble([
        { kind: 'label', name: 'x' },
        { kind: 'label', name: 'x' },
      ]),
    { message: /twice/ },
  )
  t.throws(() => assemble([{ kind: 'label', name: 'x' }, jump('x')]), { message: /-1 instructions/ })
  const far = Array.from({ length: 40_000 }, () => ({ kind: 'exit' }) as const)
  t.throws(() => assemble([jump('x'), ...far, { kind: 'label', name: 'x' }]), { message: /40000 instructions/ })
})

/** Runs the encoded program on a context, by the instruction set's document and not by our assembler. */
function run(bytes: Uint8Array, context: readonly [number, number, number]): number {
  const registers = [0n, 0n, 0n, 0n, 0n, 0n]
  const low = (register: number): bigint => BigInt.asUintN(32, registers[register] ?? 0n)
  for (let at = 0; ; at++) {
    const raw = bytes.subarray(at * bpfInsn.size)
    const code = raw[0] ?? 0
    const to = (raw[1] ?? 0) & 15
    const from = (raw[1] ?? 0) >> 4
    const view = new DataView(raw.buffer, raw.byteOffset, bpfInsn.size)
    const off = view.getInt16(2, true)
    const imm = BigInt.asUintN(32, BigInt(view.getInt32(4, true)))
    if (code === 0x61) registers[to] = BigInt(context[off / 4] ?? 0)
    else if (code === 0xbf) registers[to] = registers[from] ?? 0n
    else if (code === 0xb4) registers[to] = imm
    else if (code === 0x54) registers[to] = low(to) & imm
    else if (code === 0x74) registers[to] = low(to) >> imm
    else if (code === 0x56) at += low(to) !== imm ? off : 0
    else if (code === 0x16) at += low(to) === imm ? off : 0
    else if (code === 0x95) return Number(registers[0])
    else throw new Error(`instruction ${at} has opcode 0x${code.toString(16)}`)
  }
}

const TYPES = { b: 1, c: 2 } as const

/** The accesses that the program decides otherwise than the rules. */
function differences(asked: DeviceRule[] | undefined): string[] {
  const rules = deviceRules(asked)
  const program = assemble(deviceProgram(rules))
  const found: string[] = []
  for (const access of everyAccess()) {
    const [type, major, minor, kinds] = access
    const answer = run(program, [(kinds << 16) | TYPES[type], major, minor])
    if (answer !== Number(isAllowed(rules, access))) found.push(`${JSON.stringify(asked)}: ${access} gives ${answer}`)
  }
  return found
}

t.test('the program decides as the rules do', async t => {
  t.same(differences(undefined), [])
  t.same(differences([{ allow: true }]), [])
  t.same(differences([{ allow: true }, { allow: false, type: 'c', major: 1 }]), [])
  t.same([...randomRules(600)].flatMap(differences).slice(0, 3), [])
})

t.test("the kernel's verifier takes every program", process.getuid?.() === 0 ? {} : { skip: 'needs root' }, async t => {
  const loads = (asked: readonly DeviceRule[]): boolean => {
    loadDeviceProgram(assemble(deviceProgram(deviceRules(asked)))).close()
    return true
  }
  try {
    loads([])
  } catch (error) {
    if (!isErrno(error, 'EPERM', 'ENOSYS')) throw error
    return void t.pass('not here', { skip: 'bpf(2) is forbidden here' })
  }
  for (const asked of randomRules(60)) loads(asked)
  // rules for single kinds of access end no path, so that the verifier has the more paths to follow
  const kinds = ['r', 'w', 'rw', 'm']
  const many = Array.from({ length: 300 }, (_, i) => ({ allow: i % 3 > 0, major: i % 40, access: kinds[i % 4] ?? 'r' }))
  t.ok(loads(many))
})
