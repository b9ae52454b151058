// What a snapshot is made of: the memory, the registers and the descriptors of a process that stands still, so that
// another process can go on as it. freeze.ts reads them, segment.ts lays them out in the executable.

export interface Area {
  readonly address: bigint
  /** Bytes; whole pages, as the address is one's. */
  readonly length: bigint
  /** PROT bits of mmap(2). */
  readonly protection: bigint
}

/** What is not zero of an area. */
export interface Content extends Area {
  readonly bytes: Uint8Array
}

/** What a system call leaves alone; rip is where the process goes on. */
export const REGISTERS = ['rbx', 'rbp', 'r12', 'r13', 'r14', 'r15', 'rsp', 'rip', 'fs_base'] as const
export type Registers = Readonly<Record<(typeof REGISTERS)[number], bigint>>

/** The event loop's: an epoll instance that watches an eventfd. */
export interface EventLoop {
  readonly epoll: number
  readonly eventfd: number
  /** Of epoll_event. */
  readonly events: number
  readonly data: bigint
}

export interface Frozen {
  readonly registers: Registers
  readonly areas: readonly Area[]
  readonly contents: readonly Content[]
  readonly eventLoop: EventLoop
}
