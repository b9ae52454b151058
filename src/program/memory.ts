// Where the things that ops point at lie in the image: writable cells, constant data, and texts, each text once. Each
// area has an address of its own, far from the others, so that a thing has its address from the first mention on.
import { type Cell, type DataOperand, type Part, wordsOf } from './op.ts'

/** Where the areas of an image begin, all of it below 4 GiB. */
export interface Layout {
  /** Writable memory that has contents from the start; a multiple of 8, as all of these. */
  readonly initialized: number
  /** Writable memory that is zero at the start. */
  readonly zeroed: number
  readonly constants: number
  readonly records: number
}

export class Memory {
  readonly #layout: Layout
  readonly #cells = new Map<Cell, number>()
  readonly #data = new Map<DataOperand, number>()
  readonly #texts = new Map<string, number>()
  readonly #initialized = new Bytes(512)
  readonly #constants = new Bytes(8192)
  #zeroed = 0

  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** Address of a place in a cell, with `width` bytes to be used there. */
  cellAddress(cell: Cell, offset: number, width: number): number {
    if (offset < 0 || offset + width > cell.size)
      throw new RangeError(`${width} bytes at ${offset} of cell ${wordsOf(cell.name)}, which has ${cell.size}`)
    return (this.#cells.get(cell) ?? this.#addCell(cell)) + offset
  }

  /** Address of constant data. */
  dataAddress(data: DataOperand): number {
    return this.#data.get(data) ?? this.#addData(data)
  }

  /** Address of a text with a NUL behind it. */
  textAddress(text: string): number {
    return this.#texts.get(text) ?? this.#addText(text)
  }

  /** Everything that has been given an address so far. */
  get initialized(): Uint8Array {
    return this.#initialized.contents
  }
  get constants(): Uint8Array {
    return this.#constants.contents
  }
  get zeroedBytes(): number {
    return this.#zeroed
  }

  #addCell(cell: Cell): number {
    if (cell.init !== undefined) return this.#addInitialized(cell, cell.init)
    const address = this.#layout.zeroed + this.#zeroed
    this.#zeroed = align8(this.#zeroed + cell.size)
    this.#cells.set(cell, address)
    return address
  }

  #addInitialized(cell: Cell, init: readonly Part[]): number {
    const bytes = sizeOf(init)
    if (bytes > cell.size)
      throw new RangeError(`cell ${wordsOf(cell.name)} has ${cell.size} bytes, its contents ${bytes}`)
    const at = this.#initialized.reserve(align8(cell.size))
    const address = this.#layout.initialized + at
    this.#cells.set(cell, address)
    this.#write(init, this.#initialized, at)
    return address
  }

  #addData(data: DataOperand): number {
    this.#constants.align() // structs and arrays are whole words; texts do not care
    const at = this.#constants.reserve(sizeOf(data.parts))
    const address = this.#layout.constants + at
    this.#data.set(data, address)
    this.#write(data.parts, this.#constants, at)
    return address
  }

  #addText(text: string): number {
    if (text.includes('\0')) throw new RangeError(`a text for the kernel holds a NUL: ${JSON.stringify(text)}`)
    const address = this.#layout.constants + this.#constants.addText(text)
    this.#texts.set(text, address)
    return address
  }

  #write(parts: readonly Part[], bytes: Bytes, start: number): void {
    let at = start
    for (const part of parts)
      if (part instanceof Uint8Array) {
        bytes.contents.set(part, at)
        at += part.length
      } else {
        const address = this.#address(part) // may move the bytes
        new DataView(bytes.contents.buffer).setUint32(at, address, true)
        at += POINTER
      }
  }

  #address(part: Exclude<Part, Uint8Array>): number {
    if (typeof part === 'string') return this.textAddress(part)
    return part.kind === 'data' ? this.dataAddress(part) : this.cellAddress(part.cell, part.offset, 0)
  }
}

const POINTER = 8

function sizeOf(parts: readonly Part[]): number {
  let bytes = 0
  for (const part of parts) bytes += part instanceof Uint8Array ? part.length : POINTER
  return bytes
}

const align8 = (value: number): number => (value + 7) & ~7

const utf8 = new TextEncoder()

/** Bytes that grow at their end. */
class Bytes {
  #buffer: Uint8Array
  #length = 0

  constructor(capacity: number) {
    this.#buffer = new Uint8Array(capacity)
  }

  get contents(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  align(): void {
    this.#length = align8(this.#length)
  }

  /** The offset of so many zeros. */
  reserve(bytes: number): number {
    const at = this.#length
    this.#grow(at + bytes)
    this.#length = at + bytes
    return at
  }

  /** The offset of the text; a zero follows it. */
  addText(text: string): number {
    const at = this.#length
    this.#grow(at + 3 * text.length + 1) // more than three bytes no unit of UTF-16 has
    this.#length = at + utf8.encodeInto(text, this.#buffer.subarray(at)).written + 1
    return at
  }

  #grow(length: number): void {
    if (length <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(length, 2 * this.#buffer.length))
    grown.set(this.#buffer)
    this.#buffer = grown
  }
}
