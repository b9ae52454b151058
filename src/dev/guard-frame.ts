// What the guard's code has around it: the few instructions that machine.ts has no words for, and the texts it points to.
import type { Architecture } from '../abi/architecture.ts'

/** Bytes. */
export const WORD = 8

/** What machine.ts has no words for. */
export interface Frame {
  /** record = stack pointer */
  readonly prologue: Uint8Array
  /** stack pointer = number, then a jump to arg2 */
  readonly epilogue: Uint8Array
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  values.forEach((value, i) => {
    new DataView(bytes.buffer).setUint32(4 * i, value >>> 0, true)
  })
  return bytes
}

export const FRAMES: Record<Architecture, Frame> = {
  x86_64: {
    prologue: Uint8Array.of(0x48, 0x89, 0xe3), // mov rbx, rsp
    epilogue: Uint8Array.of(0x48, 0x89, 0xc4, 0xff, 0xe2), // mov rsp, rax · jmp rdx
  },
  aarch64: {
    prologue: words(0xd503245f, 0x910003f3), // bti c, should branches be checked · mov x19, sp
    epilogue: words(0x9100011f, 0xd61f0040), // mov sp, x8 · br x2
  },
}

/** Strings ended by zeros, and other data, at addresses known as soon as they are added. */
export class Texts {
  readonly #address: number
  #bytes = Buffer.alloc(0)

  constructor(address: number) {
    this.#address = address
  }

  add(text: string): number {
    const at = this.#address + this.#bytes.length
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(`${text}\0`)])
    return at
  }

  /** At a multiple of WORD. */
  addBytes(bytes: Uint8Array): number {
    this.#bytes = Buffer.concat([this.finish(), bytes])
    return this.#address + this.#bytes.length - bytes.length
  }

  /** Padded, so that instructions may follow. */
  finish(): Buffer {
    return Buffer.concat([this.#bytes, Buffer.alloc(-this.#bytes.length & (WORD - 1))])
  }
}
