// The dynamic loader, ld.so(8), brought in by the guard as the kernel does it for other programs: it costs half a
// millisecond, and where the guard goes on from a snapshot nobody needs it. It finds the program by the auxiliary vector
// alone, and what the environment tells it (LD_PRELOAD, …) has been dropped by then.
import type { Architecture } from '../abi/architecture.ts'
import { ELF_IDENT, EM, ET, elfHeader, PF, PT, programHeader } from '../abi/elf.ts'
import { MAP, PROT } from '../abi/mman.ts'
import type { Machine, Width } from '../image/machine.ts'
import { caller, endWith, LARGEST_ERROR, openFile } from './guard-calls.ts'
import { type Texts, WORD } from './guard-frame.ts'

/** Memory below the stack for one page of the file; its first words, which are read once, keep what registers cannot. */
const SCRATCH = 4096
const NAME = WORD

const PAGE: Readonly<Record<Architecture, number>> = { x86_64: 0x1000, aarch64: 0x10000 }

/**
 * arg0 = where the loader is, arg2 = where it starts; record and arg4 stay, all else is lost. A loader that is missing
 * or of another kind ends the process with a message.
 */
export function loadInterpreter(machine: Machine, architecture: Architecture, path: string, texts: Texts): void {
  const call = caller(machine, architecture)
  const add = (
    to: 'arg0' | 'arg1' | 'arg2' | 'arg5',
    other: 'loads' | 'arg5' | 'arg0',
    by: 'arg1' | 'arg3' | 'arg0',
  ): void => {
    machine.negate(by, other)
    machine.subtract(to, by)
  }
  const scratch = (register: 'arg1' | 'temp'): void => {
    machine.move(register, 'record')
    machine.constant('value', SCRATCH)
    machine.subtract(register, 'value')
  }
  const segments = (what: string, each: () => void): void => {
    scratch('temp')
    machine.load(2, 'value', 'temp', elfHeader.offset('e_phnum'))
    machine.increase('temp', elfHeader.size)
    machine.label(`${what} segment`)
    machine.load(4, 'arg0', 'temp', programHeader.offset('p_type'))
    machine.jumpIf('arg0', 'ne', Number(PT.values.PT_LOAD), `next to ${what}`)
    each()
    machine.label(`next to ${what}`)
    machine.increase('temp', programHeader.size)
    machine.constant('arg0', 1)
    machine.subtract('value', 'arg0')
    machine.jumpIf('value', 'ne', 0, `${what} segment`)
  }

  machine.move('loads', 'arg4')
  openFile(machine, architecture, texts.add(path), 'no loader')
  machine.move('arg4', 'result')
  machine.move('arg0', 'result')
  scratch('arg1')
  machine.constant('arg2', SCRATCH)
  machine.constant('arg3', 0)
  call('pread64')
  machine.jumpIf('result', 'lt', elfHeader.size, 'no loader')
  machine.jumpIf('result', 'ge', LARGEST_ERROR, 'no loader')
  scratch('arg1')
  for (const [width, offset, value] of kind(architecture)) {
    machine.load(width, 'temp', 'arg1', offset)
    machine.constant('arg0', value)
    machine.jumpIf('temp', 'ne', 'arg0', 'no loader')
  }
  machine.load(2, 'temp', 'arg1', elfHeader.offset('e_phnum'))
  machine.jumpIf('temp', 'eq', 0, 'no loader')
  machine.store(8, 'loads', 'arg1', NAME)

  // all of it in one place: where the last segment ends
  machine.constant('arg1', 0)
  segments('measure', () => {
    machine.load(8, 'arg1', 'temp', programHeader.offset('p_vaddr'))
    machine.load(8, 'arg0', 'temp', programHeader.offset('p_memsz'))
    machine.negate('arg0', 'arg0')
    machine.subtract('arg1', 'arg0')
  })
  machine.constant('arg0', 0)
  machine.constant('arg2', 0)
  machine.constant('arg3', Number(MAP.bits.MAP_PRIVATE | MAP.bits.MAP_ANONYMOUS))
  machine.constant('arg5', 0)
  call('mmap')
  machine.jumpIf('result', 'ge', LARGEST_ERROR, 'no loader')
  machine.move('loads', 'result')

  segments('map', () => {
    machine.load(8, 'arg0', 'temp', programHeader.offset('p_vaddr'))
    machine.move('arg5', 'arg0')
    machine.constant('arg1', PAGE[architecture] - 1)
    machine.and('arg5', 'arg1')
    machine.subtract('arg0', 'arg5') // a page's beginning, arg5 bytes before the segment
    add('arg0', 'loads', 'arg1')
    machine.load(4, 'arg3', 'temp', programHeader.offset('p_flags'))
    machine.jumpIfBitClear('arg3', bitOf(PF.bits.PF_W), 'only read')

    // zeros follow what the file has
    machine.load(8, 'arg1', 'temp', programHeader.offset('p_memsz'))
    add('arg1', 'arg5', 'arg3')
    machine.constant('arg2', Number(PROT.bits.PROT_READ | PROT.bits.PROT_WRITE))
    machine.constant('arg3', Number(MAP.bits.MAP_PRIVATE | MAP.bits.MAP_ANONYMOUS | MAP.bits.MAP_FIXED))
    machine.constant('arg5', 0)
    call('mmap')
    machine.jumpIf('result', 'ge', LARGEST_ERROR, 'no loader')
    machine.load(8, 'arg1', 'temp', programHeader.offset('p_vaddr'))
    machine.negate('arg3', 'loads')
    machine.subtract('arg1', 'arg3')
    machine.load(8, 'arg2', 'temp', programHeader.offset('p_filesz'))
    machine.load(8, 'arg3', 'temp', programHeader.offset('p_offset'))
    machine.move('arg0', 'arg4')
    call('pread64')
    machine.jumpIf('result', 'ne', 'arg2', 'no loader')
    machine.jump('mapped')

    machine.label('only read')
    machine.constant('arg2', 0)
    for (const [bit, value] of PROTECTIONS) {
      machine.jumpIfBitClear('arg3', bit, `without ${bit}`)
      machine.increase('arg2', value)
      machine.label(`without ${bit}`)
    }
    machine.load(8, 'arg1', 'temp', programHeader.offset('p_filesz'))
    add('arg1', 'arg5', 'arg3')
    machine.load(8, 'arg3', 'temp', programHeader.offset('p_offset'))
    machine.subtract('arg3', 'arg5')
    machine.move('arg5', 'arg3')
    machine.constant('arg3', Number(MAP.bits.MAP_PRIVATE | MAP.bits.MAP_FIXED))
    call('mmap')
    machine.jumpIf('result', 'ge', LARGEST_ERROR, 'no loader')
    machine.label('mapped')
  })

  machine.move('arg0', 'arg4')
  call('close')
  scratch('arg1')
  machine.load(8, 'arg2', 'arg1', elfHeader.offset('e_entry'))
  machine.load(8, 'arg4', 'arg1', NAME)
  machine.negate('arg3', 'loads')
  machine.subtract('arg2', 'arg3')
  machine.move('arg0', 'loads')
  machine.jump('loader is there')

  machine.label('no loader')
  endWith(machine, architecture, `tsrunc: ${path} cannot be loaded\n`, texts)
  machine.label('loader is there')
}

/** What a loader's header has to say; of its identification all but the system, of which there are several. */
function kind(architecture: Architecture): readonly (readonly [width: Width, offset: number, value: number])[] {
  const machine = architecture === 'x86_64' ? EM.values.EM_X86_64 : EM.values.EM_AARCH64
  return [
    [4, 0, Number(BigInt.asUintN(32, ELF_IDENT))],
    [2, 4, Number(BigInt.asUintN(16, ELF_IDENT >> 32n))],
    [2, elfHeader.offset('e_type'), Number(ET.values.ET_DYN)],
    [2, elfHeader.offset('e_machine'), Number(machine)],
    [8, elfHeader.offset('e_phoff'), elfHeader.size],
  ]
}

/** Bits of p_flags, and what mmap(2) calls them. */
const PROTECTIONS = [
  [bitOf(PF.bits.PF_R), Number(PROT.bits.PROT_READ)],
  [bitOf(PF.bits.PF_X), Number(PROT.bits.PROT_EXEC)],
] as const

function bitOf(flag: bigint): number {
  return Math.log2(Number(flag))
}
