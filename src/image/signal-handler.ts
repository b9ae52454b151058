// Signal handlers in machine code: they hand the signal on, to a process by pidfd_send_signal(2) or to the main thread by
// tgkill(2), and return. They need no stack and no engine, so they may run on any thread at any time; the kernel puts all
// registers back behind them. So short that they are written down here: the assemblers need not be loaded.
import { type Architecture, column } from '../abi/architecture.ts'
import { SYSCALLS } from '../abi/syscalls.ts'

const word = (value: number): [number, number, number, number] => [
  value & 0xff,
  (value >>> 8) & 0xff,
  (value >>> 16) & 0xff,
  value >>> 24,
]

/** movz with 16 bits into x0 to x8, which clears the others. */
const movz = (register: number, value: number): number => (0xd2800000 | (value << 5) | register) >>> 0
/** movk with 16 bits into bits 16 to 31, the others stay. */
const movkHigh = (register: number, value: number): number => (0xf2a00000 | (value << 5) | register) >>> 0

type Code = (target: number, call: number) => number[]

const TO_PROCESS: Record<Architecture, Code> = {
  // biome-ignore format: an instruction a line
  x86_64: (pidfd, call) => [
    0xf3, 0x0f, 0x1e, 0xfa, // endbr64: indirect calls may land here
    0x89, 0xfe, // mov esi, edi: the signal
    0xbf, ...word(pidfd), // mov edi, pidfd
    0x31, 0xd2, // xor edx, edx
    0x45, 0x31, 0xd2, // xor r10d, r10d
    0xb8, ...word(call), // mov eax, call
    0x0f, 0x05, // syscall
    0xc3, // ret
  ],
  aarch64: (pidfd, call) =>
    [
      0xd503245f, // bti c: indirect calls may land here
      0xaa0003e1, // mov x1, x0: the signal
      movz(0, pidfd),
      movz(2, 0),
      movz(3, 0),
      movz(8, call),
      0xd4000001, // svc #0
      0xd65f03c0, // ret
    ].flatMap(word),
}

const TO_MAIN_THREAD: Record<Architecture, Code> = {
  // biome-ignore format: an instruction a line
  x86_64: (pid, call) => [
    0xf3, 0x0f, 0x1e, 0xfa, // endbr64
    0x89, 0xfa, // mov edx, edi: the signal
    0xbf, ...word(pid), // mov edi, pid
    0x89, 0xfe, // mov esi, edi: the main thread has its number
    0xb8, ...word(call), // mov eax, call
    0x0f, 0x05, // syscall
    0xc3, // ret
  ],
  aarch64: (pid, call) =>
    [
      0xd503245f, // bti c
      0xaa0003e2, // mov x2, x0: the signal
      movz(0, pid & 0xffff),
      movkHigh(0, pid >>> 16),
      0xaa0003e1, // mov x1, x0: the main thread has its number
      movz(8, call),
      0xd4000001, // svc #0
      0xd65f03c0, // ret
    ].flatMap(word),
}

const LARGEST = 0xffff

/** The handler for signals that are meant for the process behind this pidfd; undefined for a number that is too large. */
export function signalHandler(architecture: Architecture, pidfd: number): Uint8Array | undefined {
  const call = SYSCALLS.pidfd_send_signal[column(architecture)]
  return call === null || pidfd > LARGEST ? undefined : Uint8Array.from(TO_PROCESS[architecture](pidfd, call))
}

/** The handler, for the other threads of process `pid`, of signals that its main thread holds back. */
export const signalGatherer = (architecture: Architecture, pid: number): Uint8Array =>
  Uint8Array.from(TO_MAIN_THREAD[architecture](pid, SYSCALLS.tgkill[column(architecture)]))
