// Where the things that ops point at lie in the image: writable cells, gathered in the order of their first use, and
// constant data, each content once. Two steps, since constants may hold addresses of cells: first all cells are
// found and given offsets, then, with the addresses of both areas known, the constants are laid out.
import type { AddressOperand, Cell, DataOperand, Op, Operand, Part, Slot } from './op.ts'

/** Calls back with everything of an op that lies, or points, somewhere in memory. */
export function eachPlace(op: Op, visit: (place: Operand | Slot) => void): void {
  switch (op.kind) {
    case 'label':
      return
    case 'syscall':
      for (const operand of op.args) visit(operand)
      if (op.result !== undefined) visit(op.result)
      return
    case 'jump':
      if (op.when !== undefined) visit(op.when.slot)
      return
    case 'set':
      visit(op.slot)
      visit(op.value)
      return
    case 'fail':
      visit(op.status)
      return
    default:
      op satisfies never
  }
}

export interface Cells {
  /** Bytes from the start of the area; cells with initial contents come first, the others are zero. */
  readonly offsets: ReadonlyMap<Cell, number>
  readonly initialized: readonly Cell[]
  /** Size of the part with initial contents, and of the whole. */
  readonly initialBytes: number
  readonly bytes: number
}

/** `first` have initial contents and lie at the start, in that order. */
export function gatherCells(ops: readonly Op[], first: readonly Cell[]): Cells {
  const found = new Set<Cell>(first)
  const seen = new Set<DataOperand>()
  const visitPart = (part: Part): void => {
    if (!(part instanceof Uint8Array)) visit(part)
  }
  const addCell = (cell: Cell): void => {
    if (found.has(cell)) return
    found.add(cell)
    cell.init?.forEach(visitPart)
  }
  const visit = (place: Operand | Slot): void => {
    if (place.kind === 'address' || place.kind === 'slot') addCell(place.cell)
    else if (place.kind === 'load') addCell(place.slot.cell)
    else if (place.kind === 'data' && !isPlain(place.parts) && !seen.has(place)) {
      seen.add(place)
      place.parts.forEach(visitPart)
    }
  }
  for (const cell of first) cell.init?.forEach(visitPart)
  for (const op of ops) eachPlace(op, visit)
  return layOut([...found], new Set(first))
}

/** Constant bytes and nothing else, as nearly all data is. */
const isPlain = (parts: readonly Part[]): boolean => parts.length === 1 && parts[0] instanceof Uint8Array

function layOut(cells: readonly Cell[], first: ReadonlySet<Cell>): Cells {
  const isInitialized = (cell: Cell): boolean => cell.init !== undefined || first.has(cell)
  const initialized = cells.filter(isInitialized)
  const offsets = new Map<Cell, number>()
  let end = 0
  const place = (cell: Cell): void => {
    offsets.set(cell, end)
    end = align8(end + cell.size)
  }
  initialized.forEach(place)
  const initialBytes = end
  for (const cell of cells) if (!isInitialized(cell)) place(cell)
  return { offsets, initialized, initialBytes, bytes: end }
}

const align8 = (value: number): number => (value + 7) & ~7

/** Constant data of one image and the addresses of everything, cells included. */
export class Memory {
  readonly #cells: Cells
  readonly #cellsAddress: number
  readonly #dataAddress: number
  readonly #known = new Map<DataOperand, number>()
  readonly #byContent = new Map<string, number>()
  #data = new Uint8Array(8192)
  #length = 0

  constructor(cells: Cells, cellsAddress: number, dataAddress: number) {
    this.#cells = cells
    this.#cellsAddress = cellsAddress
    this.#dataAddress = dataAddress
  }

  /** Address of a slot or of what an address operand names, with `width` bytes to be used there. */
  cellAddress({ cell, offset }: Slot | AddressOperand, width: number): number {
    const at = this.#cells.offsets.get(cell)
    if (at === undefined) throw new RangeError(`cell ${cell.name} was not gathered`)
    if (offset < 0 || offset + width > cell.size)
      throw new RangeError(`${width} bytes at ${offset} of cell ${cell.name}, which has ${cell.size}`)
    return this.#cellsAddress + at + offset
  }

  /** Address of constant data; equal data has one address. */
  dataAddress(operand: DataOperand): number {
    const known = this.#known.get(operand)
    if (known !== undefined) return known
    const address = this.#place(this.contents(operand.parts))
    this.#known.set(operand, address)
    return address
  }

  /** Parts as bytes: constants as they are, addresses as words. */
  contents(parts: readonly Part[]): Uint8Array {
    const [only] = parts
    if (parts.length === 1 && only instanceof Uint8Array) return only
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.length : 8), 0))
    const view = new DataView(bytes.buffer)
    let at = 0
    for (const part of parts)
      if (part instanceof Uint8Array) {
        bytes.set(part, at)
        at += part.length
      } else {
        const address = part.kind === 'data' ? this.dataAddress(part) : this.cellAddress(part, 0)
        view.setUint32(at, address, true) // all of the image lies below 4 GiB
        at += 8
      }
    return bytes
  }

  /** Everything that has been given an address so far. */
  get data(): Uint8Array {
    return this.#data.subarray(0, this.#length)
  }

  #place(bytes: Uint8Array): number {
    const key = bytes.join()
    const equal = this.#byContent.get(key)
    if (equal !== undefined) return equal
    // structs and arrays are whole words long and want to be aligned; strings do not care
    const at = bytes.length % 8 === 0 ? align8(this.#length) : this.#length
    this.#reserve(at + bytes.length)
    this.#data.set(bytes, at)
    this.#length = at + bytes.length
    this.#byContent.set(key, this.#dataAddress + at)
    return this.#dataAddress + at
  }

  #reserve(length: number): void {
    if (length <= this.#data.length) return
    const grown = new Uint8Array(Math.max(length, 2 * this.#data.length))
    grown.set(this.data)
    this.#data = grown
  }
}
