import t from 'tap'
import { ELF_IDENT, elfHeader, PF, PT, programHeader } from '../abi/elf.ts'
import { address, cell, syscall } from '../program/op.ts'
import { buildImage } from './build.ts'
import { LAYOUT } from './elf.ts'

const origin = { intent: 'test' }
const ops = [syscall('getpid', [address(cell('big', 100_000)), 'a text'], origin), syscall('exit_group', [0], origin)]

for (const [architecture, machine, page] of [
  ['x86_64', 62n, 0x1000n],
  ['aarch64', 183n, 0x10000n],
] as const)
  t.test(`the headers for ${architecture} read back`, t => {
    const image = buildImage(ops, architecture, 3)
    const header = elfHeader.decode(image)
    t.equal(Buffer.from(image.subarray(0, 4)).toString('latin1'), '\x7fELF')
    t.match(header, { e_ident: ELF_IDENT, e_type: 2n, e_machine: machine, e_phnum: 5n, e_phentsize: 56n })

    const segments = [0, 1, 2, 3, 4].map(i => programHeader.decode(image.subarray(64 + i * programHeader.size)))
    const { PF_R, PF_W, PF_X } = PF.bits
    t.same(
      segments.map(segment => segment.p_type),
      [...Array(4).fill(PT.values.PT_LOAD), PT.values.PT_GNU_STACK],
    )
    t.same(
      segments.map(segment => segment.p_flags),
      [PF_R | PF_W, PF_R, PF_R | PF_X, PF_R | PF_W, PF_R | PF_W],
    )
    const loaded = segments.slice(0, 4)
    for (const { p_offset, p_vaddr, p_align } of loaded)
      t.same([p_align, p_offset % page, p_vaddr % page], [page, 0n, 0n])
    const ends = loaded.map(({ p_vaddr, p_memsz }) => p_vaddr + p_memsz)
    t.ok(
      loaded.slice(1).every(({ p_vaddr }, i) => p_vaddr >= (ends[i] ?? p_vaddr) + 0x10000n),
      'no page with two rights',
    )

    const [memory, , code, zeroed] = loaded
    t.same(
      [zeroed?.p_filesz, (zeroed?.p_memsz ?? 0n) >= 100_000n],
      [0n, true],
      'memory that is zero is not in the file',
    )
    t.equal((memory?.p_vaddr ?? 0n) + (memory?.p_memsz ?? 0n), BigInt(LAYOUT.initialized + 8 + 16))
    t.equal((code?.p_offset ?? 0n) + (code?.p_filesz ?? 0n), BigInt(image.length), 'the code is the end of the file')
    const entry = header.e_entry - (code?.p_vaddr ?? 0n)
    t.equal(entry, 2n * 64n, 'behind the records')
    t.end()
  })
