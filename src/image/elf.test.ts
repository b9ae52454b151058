import t from 'tap'
import { ELF_IDENT, elfHeader, PF, PT, programHeader } from '../abi/elf.ts'
import { address, cell, int, syscall } from '../program/op.ts'
import { buildImage } from './build.ts'
import { MEMORY_ADDRESS, placement } from './elf.ts'

const origin = { intent: 'test' }
const exit = syscall('exit_group', [int(0)], origin)

t.test('the header read back', t => {
  for (const [architecture, machine] of [
    ['x86_64', 62n],
    ['aarch64', 183n],
  ] as const) {
    const big = cell('big', 100_000)
    const image = buildImage([syscall('getpid', [address(big)], origin), exit], architecture, 3)
    const header = elfHeader.decode(image)
    t.equal(header.e_ident, ELF_IDENT)
    t.equal(Buffer.from(image.subarray(0, 4)).toString('latin1'), '\x7fELF')
    t.match(header, { e_type: 2n, e_machine: machine, e_phnum: 3n, e_phentsize: BigInt(programHeader.size) })

    const at = (i: number): number => Number(header.e_phoff) + i * programHeader.size
    const [memory, code, stack] = [0, 1, 2].map(i => programHeader.decode(image.subarray(at(i))))
    t.ok(memory !== undefined && code !== undefined && stack !== undefined)
    if (memory === undefined || code === undefined || stack === undefined) return
    t.same([memory.p_type, memory.p_flags], [PT.values.PT_LOAD, PF.bits.PF_R | PF.bits.PF_W])
    t.same([code.p_type, code.p_flags], [PT.values.PT_LOAD, PF.bits.PF_R | PF.bits.PF_X])
    t.same([stack.p_type, stack.p_flags], [PT.values.PT_GNU_STACK, PF.bits.PF_R | PF.bits.PF_W])
    for (const segment of [memory, code]) t.equal(segment.p_offset % 0x10000n, segment.p_vaddr % 0x10000n)
    t.ok(memory.p_vaddr + memory.p_memsz <= code.p_vaddr - (code.p_vaddr % 0x10000n), 'no page with both rights')
    t.equal(header.e_entry, code.p_vaddr)
    t.equal(code.p_offset + code.p_filesz, BigInt(image.length), 'the code is the end of the file')
    t.ok(image.length < 10_000, 'memory that is zero is not in the file')
    t.ok(code.p_vaddr + code.p_memsz < 2n ** 32n)
  }
  t.end()
})

t.test('code is never in a page of the writable memory', t => {
  for (const bytes of [0, 24, 65_000, 65_536, 70_000]) {
    const { codeAddress, codeOffset } = placement(bytes, bytes)
    t.ok(codeAddress - (codeAddress % 0x10000) >= MEMORY_ADDRESS + bytes, `${bytes} bytes`)
    t.equal(codeAddress % 0x10000, codeOffset % 0x10000)
  }
  t.end()
})
