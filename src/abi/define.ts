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

/** A C struct with natural alignment, little endian (both architectures are). */
export function defineStruct<Name extends string>(source: string, fields: Record<Name, FieldType>): Struct<Name> {
  const names = Object.keys(fields) as Name[]
  const offsets = new Map<Name, number>()
  let end = 0
  let align = 1
  for (const name of names) {
    const width = WIDTH[fields[name]]
    end = Math.ceil(end / width) * width
    offsets.set(name, end)
    end += width
    align = Math.max(align, width)
  }
  const size = Math.ceil(end / align) * align
  const offset = (name: Name): number => {
    const found = offsets.get(name)
    if (found === undefined) throw new RangeError(`${source} has no field ${name}`)
    return found
  }
  return {
    kind: 'struct',
    source,
    size,
    fields,
    offset,
    encode(values) {
      const bytes = new Uint8Array(size)
      for (const name of names) {
        const value = values[name]
        if (value !== undefined) put(bytes, offset(name), fields[name], BigInt(value), `${source}: ${name}`)
      }
      return bytes
    },
    decode(bytes) {
      if (bytes.length < size) throw new RangeError(`${source}: ${bytes.length} bytes, needs ${size}`)
      const entries = names.map(name => [name, take(bytes, offset(name), fields[name])] as const)
      return Object.fromEntries(entries) as Record<Name, bigint> // fromEntries forgets the names
    },
  }
}

function put(bytes: Uint8Array, at: number, type: FieldType, value: bigint, what: string): void {
  const bits = WIDTH[type] * 8
  const fits = type.startsWith('i') ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)
  if (fits !== value) throw new RangeError(`${what}: ${value} does not fit ${type}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, WIDTH[type])
  if (bits === 64) view.setBigUint64(0, value, true)
  else if (bits === 32) view.setUint32(0, Number(value), true)
  else if (bits === 16) view.setUint16(0, Number(value), true)
  else view.setUint8(0, Number(value))
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
