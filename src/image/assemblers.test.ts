// Each instruction of machine.ts against its known encoding, and the encodings, where the tools are installed,
// against a disassembler that is not ours.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Arm64 } from './arm64.ts'
import type { Machine } from './machine.ts'
import { X64 } from './x64.ts'

interface Row {
  readonly emit: (machine: Machine) => void
  /** Bytes and text, for each architecture. */
  readonly x64: readonly [bytes: string, text: string]
  readonly arm64: readonly [bytes: string, text: string]
}

const HERE = 'here'
const ROWS: readonly Row[] = [
  {
    emit: m => m.load(8, 'arg3', 'record', 40),
    x64: ['4c 8b 53 28', 'mov r10,QWORD PTR [rbx+0x28]'],
    arm64: ['63 16 40 f9', 'ldr x3, [x19, #40]'],
  },
  {
    emit: m => m.load(4, 'temp', 'record', 8),
    x64: ['40 8b 6b 08', 'rex mov ebp,DWORD PTR [rbx+0x8]'],
    arm64: ['69 0a 40 b9', 'ldr w9, [x19, #8]'],
  },
  {
    emit: m => m.load(2, 'number', 'record', 2),
    x64: ['40 0f b7 43 02', 'rex movzx eax,WORD PTR [rbx+0x2]'],
    arm64: ['68 06 40 79', 'ldrh w8, [x19, #2]'],
  },
  {
    emit: m => m.load(1, 'loads', 'record', 1),
    x64: ['44 0f b6 6b 01', 'movzx r13d,BYTE PTR [rbx+0x1]'],
    arm64: ['6a 06 40 39', 'ldrb w10, [x19, #1]'],
  },
  {
    emit: m => m.load(8, 'arg5', 'arg5', 0),
    x64: ['4d 8b 49 00', 'mov r9,QWORD PTR [r9+0x0]'],
    arm64: ['a5 00 40 f9', 'ldr x5, [x5]'],
  },
  {
    emit: m => m.store(8, 'value', 'arg1', 8),
    x64: ['4c 89 66 08', 'mov QWORD PTR [rsi+0x8],r12'],
    arm64: ['2b 04 00 f9', 'str x11, [x1, #8]'],
  },
  {
    emit: m => m.store(4, 'record', 'arg1', 4),
    x64: ['40 89 5e 04', 'rex mov DWORD PTR [rsi+0x4],ebx'],
    arm64: ['33 04 00 b9', 'str w19, [x1, #4]'],
  },
  {
    emit: m => m.constant('number', 93),
    x64: ['b8 5d 00 00 00', 'mov eax,0x5d'],
    arm64: ['a8 0b 80 d2', 'mov x8, #93'],
  },
  {
    emit: m => m.constant('arg3', 0x40),
    x64: ['41 ba 40 00 00 00', 'mov r10d,0x40'],
    arm64: ['03 08 80 d2', 'mov x3, #64'],
  },
  {
    emit: m => m.move('value', 'arg0'),
    x64: ['49 89 fc', 'mov r12,rdi'],
    arm64: ['eb 03 00 aa', 'mov x11, x0'],
  },
  {
    emit: m => m.increase('record', 64),
    x64: ['48 83 c3 40', 'add rbx,0x40'],
    arm64: ['73 02 01 91', 'add x19, x19, #64'],
  },
  {
    emit: m => m.subtract('record', 'temp'),
    x64: ['48 29 eb', 'sub rbx,rbp'],
    arm64: ['73 02 09 cb', 'sub x19, x19, x9'],
  },
  {
    emit: m => m.and('arg0', 'arg1'),
    x64: ['48 21 f7', 'and rdi,rsi'],
    arm64: ['00 00 01 8a', 'and x0, x0, x1'],
  },
  {
    emit: m => m.shiftRight('record', 6),
    x64: ['48 c1 eb 06', 'shr rbx,0x6'],
    arm64: ['73 fe 46 d3', 'lsr x19, x19, #6'],
  },
  { emit: m => m.syscall(), x64: ['0f 05', 'syscall'], arm64: ['01 00 00 d4', 'svc #0'] },
]

/** Instructions that differ in number: only the bytes are compared, the texts stand in the comments. */
const SEQUENCES: readonly (Pick<Row, 'emit'> & { readonly x64: string; readonly arm64: string })[] = [
  // mov r12, rax; neg r12 — neg x11, x0
  { emit: m => m.negate('value', 'result'), x64: '49 89 c4 49 f7 dc', arm64: 'eb 03 00 cb' },
  // mov esi, 0x400108 — movz x1, 0x108; movk x1, 0x40, lsl 16
  { emit: m => m.constant('arg1', 0x400108), x64: 'be 08 01 40 00', arm64: '01 21 80 d2 01 08 a0 f2' },
  // jmp . — b .
  { emit: m => m.jump(HERE), x64: 'e9 fb ff ff ff', arm64: '00 00 00 14' },
  // cmp rax, -4095; jae — cmn x0, 4095; b.hs
  {
    emit: m => m.jumpIf('result', 'ge', -4095, HERE),
    x64: '48 81 f8 01 f0 ff ff 0f 83 f3 ff ff ff',
    arm64: '1f fc 3f b1 e2 ff ff 54',
  },
  // cmp rbp, 255; je — cmp x9, 255; b.eq
  {
    emit: m => m.jumpIf('temp', 'eq', 255, HERE),
    x64: '48 81 fd ff 00 00 00 0f 84 f3 ff ff ff',
    arm64: '3f fd 03 f1 e0 ff ff 54',
  },
  // cmp rdi, rdx; jb — cmp x0, x2; b.lo
  {
    emit: m => m.jumpIf('arg0', 'lt', 'arg2', HERE),
    x64: '48 39 d7 0f 82 f7 ff ff ff',
    arm64: '1f 00 02 eb e3 ff ff 54',
  },
  // bt r13, 3; jae — tbz w10, 3
  { emit: m => m.jumpIfBitClear('loads', 3, HERE), x64: '49 0f ba e5 03 0f 83 f5 ff ff ff', arm64: '0a 00 18 36' },
]

const bytesOf = (machine: Machine, emit: Row['emit']): Uint8Array => {
  machine.label(HERE)
  emit(machine)
  return machine.finish()
}
const hex = (bytes: Uint8Array): string => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ')

t.test('known encodings', t => {
  for (const { emit, x64, arm64 } of [
    ...ROWS.map(row => ({ ...row, x64: row.x64[0], arm64: row.arm64[0] })),
    ...SEQUENCES,
  ]) {
    t.equal(hex(bytesOf(new X64(), emit)), x64, emit.toString())
    t.equal(hex(bytesOf(new Arm64(), emit)), arm64, emit.toString())
  }
  t.end()
})

t.test('distances forward', t => {
  const forward = (machine: Machine): void => {
    machine.jumpIfBitClear('loads', 0, 'end')
    machine.syscall()
    machine.label('end')
  }
  t.equal(hex(bytesOf(new X64(), forward)).slice(15), '0f 83 02 00 00 00 0f 05')
  t.equal(hex(bytesOf(new Arm64(), forward)), '4a 00 00 36 01 00 00 d4')
  t.end()
})

t.test('what can not be encoded is refused', t => {
  for (const make of [() => new X64(), () => new Arm64()]) {
    t.throws(() => bytesOf(make(), m => m.jump('nowhere')), /label nowhere is not placed/)
    t.throws(() => bytesOf(make(), m => m.label(HERE)), /label here is placed twice/)
    t.throws(() => bytesOf(make(), m => m.increase('temp', 128)), RangeError)
    t.throws(() => bytesOf(make(), m => m.load(8, 'temp', 'record', -8)), RangeError)
  }
  t.throws(() => new X64().load(8, 'temp', 'value', 0), /can not be a base/)
  t.throws(() => new Arm64().load(8, 'temp', 'record', 12), /offset 12/)
  t.end()
})

const without = (tool: string): string | false => (spawnSync(tool, ['--version']).status === 0 ? false : `no ${tool}`)
const squeeze = (text: string): string => text.trim().replace(/\s+/g, ' ')

t.test(
  'x86_64 as objdump reads it',
  { skip: without('objdump') || (process.arch === 'x64' ? false : 'not x86_64') },
  t => {
    const directory = mkdtempSync(join(tmpdir(), 'tsrunc-image-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const file = join(directory, 'code')
    for (const { emit, x64 } of ROWS) {
      writeFileSync(file, bytesOf(new X64(), emit))
      const arguments_ = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--no-show-raw-insn', file]
      const line = execFileSync('objdump', arguments_, { encoding: 'utf8' }).trim().split('\n').at(-1) ?? ''
      t.equal(squeeze(line.slice(line.indexOf(':') + 1)), x64[1])
    }
    t.end()
  },
)

t.test('aarch64 as llvm-mc reads it', { skip: without('llvm-mc') }, t => {
  const input = ROWS.map(({ arm64: [bytes] }) =>
    bytes
      .split(' ')
      .map(byte => `0x${byte}`)
      .join(' '),
  ).join('\n')
  const output = execFileSync('llvm-mc', ['--disassemble', '-triple=aarch64'], { input, encoding: 'utf8' })
  const lines = output
    .split('\n')
    .map(squeeze)
    .filter(line => line !== '' && !line.startsWith('.'))
  t.same(
    lines,
    ROWS.map(row => row.arm64[1]),
  )
  t.end()
})
