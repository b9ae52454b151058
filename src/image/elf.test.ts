import t from 'tap'
import { ELF_IDENT, elfHeader, PF, PT, programHeader } from '../abi/elf.ts'
import { address, cell, int, str, syscall } from '../program/op.ts'
import { buildImage } from './build.ts'
import { codePlace, dataPlace, MEMORY } from './elf.ts'

const origin = { intent: 'test' }
const ops = [
  syscall('getpid', [address(cell('big', 100_000)), str('a text')], origin),
  syscall('exit_group', [int(0)], origin),
]
const PAGE = 0x10000n
const pageOf = (address: bigint): bigint => address / PAGE

for (const [architecture, machine] of [
  ['x86_64', 62n],
  ['aarch64', 183n],
] as const)
  t.test(`the headers for ${architecture} read back`, t => {
    const image = buildImage(ops, architecture, 3)
    const header = elfHeader.decode(image)
    t.equal(Buffer.from(image.subarray(0, 4)).toString('latin1'), '\x7fELF')
    t.match(header, { e_ident: ELF_IDENT, e_type: 2n, e_machine: machine, e_phnum: 4n, e_phentsize: 56n })

    const segments = [0, 1, 2, 3].map(i => programHeader.decode(image.subarray(64 + i * programHeader.size)))
    const { PF_R, PF_W, PF_X } = PF.bits
    t.same(
      segments.map(segment => segment.p_type),
      [...Array(3).fill(PT.values.PT_LOAD), PT.values.PT_GNU_STACK],
    )
    t.same(
      segments.map(segment => segment.p_flags),
      [PF_R | PF_W, PF_R, PF_R | PF_X, PF_R | PF_W],
    )
    const loaded = segments.slice(0, 3)
    for (const { p_offset, p_vaddr } of loaded) t.equal(p_offset % PAGE, p_vaddr % PAGE)
    const ends = loaded.map(({ p_vaddr, p_memsz }) => pageOf(p_vaddr + p_memsz - 1n))
    const starts = loaded.map(({ p_vaddr }) => pageOf(p_vaddr))
    t.ok(
      starts.slice(1).every((start, i) => start > (ends[i] ?? start)),
      'no page with two rights',
    )

    const [memory, , code] = loaded
    t.ok((memory?.p_memsz ?? 0n) > 100_000n && image.length < 10_000, 'memory that is zero is not in the file')
    t.equal((code?.p_offset ?? 0n) + (code?.p_filesz ?? 0n), BigInt(image.length), 'the code is the end of the file')
    const entry = header.e_entry - (code?.p_vaddr ?? 0n)
    t.equal(entry, 2n * 64n, 'behind the records')
    t.end()
  })

t.test('areas do not overlap, whatever their sizes', t => {
  for (const [initial, memory, bytes] of [
    [24, 24, 0],
    [24, 70_000, 1],
    [65_000, 65_536, 65_535],
    [70_000, 70_000, 70_000],
  ] as const) {
    const data = dataPlace(initial, memory)
    const code = codePlace(data, bytes)
    t.ok(data.offset >= MEMORY.offset + initial && code.offset >= data.offset + bytes, 'in the file')
    t.ok(data.address >= MEMORY.address + memory && code.address >= data.address + bytes, 'in memory')
    for (const { offset, address } of [data, code]) t.equal(offset % 0x10000, address % 0x10000)
  }
  t.end()
})
