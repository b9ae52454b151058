// Memory for the arguments of one call that hold pointers (msghdr, argv, bpf_attr): a typed array may move or be
// collected between two calls, so such structures are laid out in memory of our own, given back when the call is done.
import { allocate, free, type NativeMemory } from './native.ts'

const ARENA = 64 * 1024
const ALIGN = 16
const utf8 = new TextEncoder()

export interface Memory {
  /** Zeroed memory. */
  reserve(size: number): NativeMemory
  /** A copy of the bytes; its address. */
  put(bytes: Uint8Array): bigint
  /** A NUL-terminated copy of the text; its address. */
  string(text: string): bigint
  /** A NULL-terminated array of NUL-terminated strings; its address. */
  strings(texts: readonly string[]): bigint
}

let arena: NativeMemory | undefined
let used = 0

/** Runs `work` with memory that is valid until it returns; calls may nest. Copy what is to outlive it. */
export function withMemory<T>(work: (memory: Memory) => T): T {
  const start = used
  const large: NativeMemory[] = []
  try {
    return work(memory(large))
  } finally {
    used = start
    for (const block of large) free(block)
  }
}

function memory(large: NativeMemory[]): Memory {
  const reserve = (size: number): NativeMemory => {
    arena ??= allocate(ARENA)
    const at = used
    const end = at + Math.ceil(Math.max(size, 1) / ALIGN) * ALIGN
    if (end > ARENA) {
      const block = allocate(Math.max(size, 1))
      large.push(block)
      block.bytes.fill(0)
      return block
    }
    used = end
    return { address: arena.address + BigInt(at), bytes: arena.bytes.subarray(at, at + size).fill(0) }
  }
  const put = (bytes: Uint8Array): bigint => {
    const block = reserve(bytes.length)
    block.bytes.set(bytes)
    return block.address
  }
  const string = (text: string): bigint => put(terminated(text))
  const strings = (texts: readonly string[]): bigint => {
    const block = reserve((texts.length + 1) * 8)
    const view = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.bytes.length)
    for (const [i, text] of texts.entries()) view.setBigUint64(i * 8, string(text), true)
    return block.address
  }
  return { reserve, put, string, strings }
}

/** UTF-8 with a final NUL. A NUL inside would silently cut the text, so it is refused. */
export function terminated(text: string): Uint8Array {
  if (text.includes('\0')) throw new RangeError(`a string for the kernel holds a NUL byte: ${JSON.stringify(text)}`)
  return utf8.encode(`${text}\0`)
}
