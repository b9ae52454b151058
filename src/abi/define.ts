// Makers of the tables in this folder: flag words, enumerations and struct layouts. The only logic in abi/.
// Numbers stand in the tables as in their header; a flag word or a 64-bit field is a bigint, anything else a number.

export interface Flags<Name extends string> {
  readonly kind: 'flags'
  readonly source: string
  /** The value of each flag. */
  readonly bits: Readonly<Record<Name, bigint>>
  /** 0x1042n → "MS_NOSUID|MS_BIND|0x40"; 0n → "0". */
  format(value: bigint): string
}

export function defineFlags<Name extends string>(source: string, bits: Record<Name, bigint>): Flags<Name> {
  let names: FlagNames<Name> | undefined
  return {
    kind: 'flags',
    source,
    bits: Object.freeze(bits),
    format(value) {
      names ??= flagNames(bits) // only then: most tables are loaded without anything ever being printed
      let rest = BigInt.asUintN(64, value)
      const found = new Set<Name>()
      for (const [name, bit] of names.widest)
        if ((rest & bit) === bit) {
          found.add(name)
          rest &= ~bit
        }
      const words: string[] = names.order.filter(name => found.has(name))
      if (rest !== 0n || words.length === 0) words.push(rest === 0n ? '0' : `0x${rest.toString(16)}`)
      return words.join('|')
    },
  }
}

interface FlagNames<Name> {
  readonly order: readonly Name[]
  /** Those of several bits first, so that a combination is named before its parts. */
  readonly widest: readonly (readonly [Name, bigint])[]
}

function flagNames<Name extends string>(bits: Record<Name, bigint>): FlagNames<Name> {
  const entries = (Object.entries(bits) as [Name, bigint][]).filter(([, bit]) => bit !== 0n)
  const weight = (value: bigint): number => value.toString(2).replaceAll('0', '').length
  const widest = [...entries].sort(([, a], [, b]) => weight(b) - weight(a))
  return { order: entries.map(([name]) => name), widest }
}

export interface Enumeration<Name extends string> {
  readonly kind: 'enum'
  readonly source: string
  readonly values: Readonly<Record<Name, bigint>>
  /** 24n → "PR_CAPBSET_DROP"; an unknown value in decimal. */
  format(value: bigint): string
}

export function defineEnum<Name extends string>(source: string, values: Record<Name, bigint>): Enumeration<Name> {
  let names: Map<bigint, string> | undefined
  return {
    kind: 'enum',
    source,
    values: Object.freeze(values),
    format(value) {
      names ??= valueNames(values)
      return names.get(value) ?? value.toString()
    },
  }
}

/** Of names with the same value the first. */
function valueNames(values: Record<string, bigint>): Map<bigint, string> {
  const names = new Map<bigint, string>()
  for (const [name, value] of Object.entries(values)) if (!names.has(value)) names.set(value, name)
  return names
}

const WIDTH = { u8: 1, u16: 2, u32: 4, u64: 8, i32: 4, i64: 8 } as const
export type FieldType = keyof typeof WIDTH

export interface Struct<Name extends string> {
  readonly kind: 'struct'
  readonly source: string
  readonly size: number
  readonly fields: Readonly<Record<Name, FieldType>>
  /** The offset of a field in bytes. */
  offset(name: Name): number
  /** Missing fields are 0. Throws RangeError for a value that the field cannot hold. */
  encode(values: Partial<Record<Name, bigint | number>>): Uint8Array
  decode(bytes: Uint8Array): Record<Name, bigint>
}

interface Layout<Name extends string> {
  readonly size: number
  readonly offsets: Readonly<Record<Name, number>>
}

/** A C struct with natural alignment, little endian (both architectures are). Laid out when it is used first. */
export function defineStruct<Name extends string>(source: string, fields: Record<Name, FieldType>): Struct<Name> {
  let known: Layout<Name> | undefined
  const layout = (): Layout<Name> => {
    known ??= layOut(fields)
    return known
  }
  return {
    kind: 'struct',
    source,
    fields,
    get size() {
      return layout().size
    },
    offset(name) {
      const found: number | undefined = layout().offsets[name]
      if (found === undefined) throw new RangeError(`${source} has no field ${name}`)
      return found
    },
    encode(values) {
      const { size, offsets } = layout()
      const view = new DataView(new ArrayBuffer(size))
      for (const name in values) {
        const value = values[name]
        if (value !== undefined && !put(view, offsets[name], fields[name], value))
          throw new RangeError(`${source}: ${name}: ${value} does not fit ${fields[name]}`)
      }
      return new Uint8Array(view.buffer)
    },
    decode(bytes) {
      const { size, offsets } = layout()
      if (bytes.length < size) throw new RangeError(`${source}: ${bytes.length} bytes, needs ${size}`)
      const values = {} as Record<Name, bigint> // gets every field at once
      for (const name in fields) values[name] = take(bytes, offsets[name], fields[name])
      return values
    },
  }
}

function layOut<Name extends string>(fields: Record<Name, FieldType>): Layout<Name> {
  const offsets = {} as Record<Name, number> // gets every field at once
  let end = 0
  let align = 1
  for (const name in fields) {
    const width = WIDTH[fields[name]]
    offsets[name] = Math.ceil(end / width) * width
    end = offsets[name] + width
    if (width > align) align = width
  }
  return { size: Math.ceil(end / align) * align, offsets }
}

/** False when the field cannot hold the value. */
function put(view: DataView, at: number, type: FieldType, value: bigint | number): boolean {
  const width = WIDTH[type]
  if (width === 8) return putWord(view, at, type, BigInt(value))
  const number = Number(value)
  const least = type === 'i32' ? -0x8000_0000 : 0
  if (!Number.isInteger(number) || number < least || number >= least + 256 ** width) return false
  if (width === 4) view.setUint32(at, number, true)
  else if (width === 2) view.setUint16(at, number, true)
  else view.setUint8(at, number)
  return true
}

function putWord(view: DataView, at: number, type: FieldType, value: bigint): boolean {
  if ((type === 'i64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) !== value) return false
  view.setBigUint64(at, value, true)
  return true
}

function take(bytes: Uint8Array, at: number, type: FieldType): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, WIDTH[type])
  switch (type) {
    case 'u8':
      return BigInt(view.getUint8(0))
    case 'u16':
      return BigInt(view.getUint16(0, true))
    case 'u32':
      return BigInt(view.getUint32(0, true))
    case 'i32':
      return BigInt(view.getInt32(0, true))
    case 'u64':
      return view.getBigUint64(0, true)
    case 'i64':
      return view.getBigInt64(0, true)
    default:
      return type satisfies never
  }
}
