// The engine's allocator gives pages back by MADV_DONTNEED and takes it that they are zero from then on. In a process
// that goes on from a snapshot they are pages of the executable, which would come back as they were in the snapshot: so
// the engine's madvise is bound to code of ours, as a dynamic loader would bind it, that puts new memory there. Other
// advice goes to libc. madvise(2), mmap(2), elf(5).
import { MADV, MAP, PROT } from '../../abi/mman.ts'
import { SYSCALLS } from '../../abi/syscalls.ts'
import { X64 } from '../../image/x64.ts'
import type { Elf } from '../elf-file.ts'
import type { Content, Frozen } from './frozen.ts'

/** Where nothing else of the snapshot is. */
const ADDRESS = 0xb000_0000n
const PAGE = 4096
const EXECUTABLE = PROT.bits.PROT_READ | PROT.bits.PROT_EXEC

export function withDiscard(elf: Elf, frozen: Frozen): Frozen {
  const slots = elf.slots('madvise')
  const [first] = slots
  if (first === undefined) throw new Error('the engine does not import madvise')
  const original = wordAt(frozen.contents, first)
  const bytes = new Uint8Array(PAGE)
  bytes.set(discard(original))
  const area = { address: ADDRESS, length: BigInt(PAGE), protection: EXECUTABLE }
  const contents = slots.reduce<readonly Content[]>((all, slot) => withWord(all, slot, ADDRESS), frozen.contents)
  return { ...frozen, areas: [...frozen.areas, area], contents: [...contents, { ...area, bytes }] }
}

/** int madvise(void *, size_t, int): arg0, arg1, arg2; registers that a caller keeps something in are left alone. */
export function discard(original: bigint): Uint8Array {
  const machine = new X64()
  machine.constant('arg3', 0xffffffff)
  machine.and('arg2', 'arg3')
  for (const advice of [MADV.values.MADV_DONTNEED, MADV.values.MADV_FREE])
    machine.jumpIf('arg2', 'eq', Number(advice), 'discard')
  machine.instructions([0x48, 0xb8, ...word(original), 0xff, 0xe0]) // mov rax, original · jmp rax

  machine.label('discard')
  const { MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE } = MAP.bits
  machine.constant('arg2', Number(PROT.bits.PROT_READ | PROT.bits.PROT_WRITE))
  machine.constant('arg3', Number(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE))
  machine.constant('arg4', 0xffffffff)
  machine.constant('arg5', 0)
  machine.constant('number', SYSCALLS.mmap[0])
  machine.syscall()
  machine.jumpIf('result', 'eq', 'arg0', 'done')
  machine.instructions([0x48, 0x89, 0xf1, 0x31, 0xc0, 0xf3, 0xaa]) // mov rcx, rsi · xor eax, eax · rep stosb: zeros
  machine.label('done')
  machine.instructions([0x31, 0xc0, 0xc3]) // xor eax, eax · ret
  return machine.finish()
}

const word = (value: bigint): number[] => [...new Uint8Array(BigUint64Array.of(value).buffer)]

function holder(contents: readonly Content[], address: bigint): Content {
  const found = contents.find(content => address >= content.address && address < content.address + content.length)
  if (found === undefined) throw new Error(`the snapshot has nothing at 0x${address.toString(16)}`)
  return found
}

function wordAt(contents: readonly Content[], address: bigint): bigint {
  const { bytes, address: from } = holder(contents, address)
  return Buffer.from(bytes).readBigUInt64LE(Number(address - from))
}

function withWord(contents: readonly Content[], address: bigint, value: bigint): readonly Content[] {
  const changed = holder(contents, address)
  const bytes = Uint8Array.from(changed.bytes)
  bytes.set(word(value), Number(address - changed.address))
  return contents.map(content => (content === changed ? { ...content, bytes } : content))
}
