// JSON text → values, after RFC 8259. What JSON.parse cannot do: integers beyond 2^53 keep their exact value (as
// bigint), an error says where it is and what was expected, and nesting is bounded. Knows nothing of config.json.

/** Deeper documents are refused, so that whoever walks one may use recursion. */
export const MAX_DEPTH = 128

export class JsonError extends Error {
  /** What to do about it, where that is plain. */
  readonly hint?: string

  constructor(message: string, hint?: string) {
    super(message)
    this.name = 'JsonError'
    if (hint !== undefined) this.hint = hint
  }
}

/** UTF-8 bytes → text. Throws JsonError on what a JSON file may not start with or hold. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second, third] = bytes
  if (first === undefined) throw new JsonError('the file is empty')
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new JsonError('the text is UTF-16', 'save it as UTF-8')
  }
  if (first === 0xef && second === 0xbb && third === 0xbf) {
    throw new JsonError('the text starts with a byte order mark', 'save it as UTF-8 without a byte order mark')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    const again = new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
    const offset = bytes.findIndex((byte, index) => byte !== again[index])
    const byte = (bytes[offset] ?? 0).toString(16).padStart(2, '0')
    throw new JsonError(`the file is not text: byte 0x${byte} at offset ${offset} is not UTF-8`)
  }
}

/** A double is exact up to here; a larger integer is given as bigint. */
const isExact = (value: number): boolean => !Number.isInteger(value) || Number.isSafeInteger(value)

/** What the engine's parser has made is right: no large integer, and not too deep. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return isExact(value)
  if (typeof value !== 'object' || value === null) return true
  if (depth >= MAX_DEPTH) return false
  for (const item of Object.values(value)) if (typeof item !== 'string' && !isPlain(item, depth + 1)) return false // most values are strings
  return true
}

export interface Document {
  readonly value: unknown
  /** There may be a bigint in it. */
  readonly hasBigints: boolean
}

/** The last of equal keys wins. Throws JsonError. */
export function parseDocument(text: string): Document {
  // The engine's parser is some ten times faster, and right for nearly every document.
  try {
    const value: unknown = JSON.parse(text)
    if (isPlain(value, 0)) return { value, hasBigints: false }
  } catch {
    // The reader below finds the same mistake and says where it is.
  }
  return { value: new Reader(text).document(), hasBigints: true }
}

/**
 * The value with doubles in the place of bigints, for a validator that knows no bigint. They are rounded down, so
 * that a comparison with a power of two, as in "exclusiveMaximum": 2^64, comes out as for the exact value.
 */
export function rounded(value: unknown): unknown {
  if (typeof value === 'bigint') return roundedDown(value)
  if (Array.isArray(value)) return value.map(rounded)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]))
}

function roundedDown(value: bigint): number {
  const near = Number(value)
  if (BigInt(near) <= value) return near
  const bits = new BigInt64Array(new Float64Array([near]).buffer)
  // The next double towards minus infinity; `near` is beyond 2^53 either way.
  bits[0] = (bits[0] ?? 0n) + (near > 0 ? -1n : 1n)
  return new Float64Array(bits.buffer)[0] ?? near
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y
/** More digits than any integer of ours has; bigint would be slow on a million of them. */
const MAX_DIGITS = 40

class Reader {
  private readonly text: string
  private offset = 0

  constructor(text: string) {
    this.text = text
  }

  document(): unknown {
    this.skipSpace()
    if (this.offset === this.text.length) throw new JsonError('the file is empty')
    const value = this.value(0)
    this.skipSpace()
    if (this.offset < this.text.length) this.fail('the end of the text')
    return value
  }

  private value(depth: number): unknown {
    this.skipSpace()
    const start = this.text[this.offset]
    if (depth >= MAX_DEPTH && (start === '{' || start === '[')) {
      throw new JsonError(`${this.place()}: nested more than ${MAX_DEPTH} levels deep`)
    }
    if (start === '{') return this.object(depth)
    if (start === '[') return this.array(depth)
    if (start === '"') return this.string('a value')
    if (start !== undefined && /[-0-9]/.test(start)) return this.number()
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (this.text.startsWith(word, this.offset) && !/\w/.test(this.text[this.offset + word.length] ?? '')) {
        this.offset += word.length
        return value
      }
    }
    return this.fail('a value')
  }

  private object(depth: number): unknown {
    const entries: [string, unknown][] = []
    const open = this.offset++
    if (!this.takes('}')) {
      do {
        this.skipSpace()
        const key = this.string('a name in double quotes', open)
        if (!this.takes(':')) this.fail("':'", open)
        entries.push([key, this.value(depth + 1)])
      } while (this.takes(','))
      if (!this.takes('}')) this.fail("',' or '}'", open)
    }
    // Unlike an assignment, this makes "__proto__" a name like any other.
    return Object.fromEntries(entries)
  }

  private array(depth: number): unknown {
    const items: unknown[] = []
    const open = this.offset++
    if (this.takes(']')) return items
    do items.push(this.value(depth + 1))
    while (this.takes(','))
    if (!this.takes(']')) this.fail("',' or ']'", open)
    return items
  }

  private string(expected: string, open?: number): string {
    if (this.text[this.offset] !== '"') this.fail(expected, open)
    const start = this.offset
    let end = start
    do {
      end = this.text.indexOf('"', end + 1)
      if (end < 0) throw new JsonError(`${this.place()}: the string that starts here is not closed`)
    } while (this.isEscaped(end))
    const raw = this.text.slice(start, end + 1)
    this.offset = end + 1
    try {
      return JSON.parse(raw)
    } catch {
      return this.badString(start, raw)
    }
  }

  /** An odd number of backslashes stands before it. */
  private isEscaped(offset: number): boolean {
    let first = offset
    while (this.text[first - 1] === '\\') first--
    return (offset - first) % 2 === 1
  }

  private badString(start: number, raw: string): never {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    const wrong = /[\u0000-\u001f]|\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(raw.replace(/\\\\/g, '..'))
    this.offset = start + (wrong?.index ?? 0)
    const what = wrong?.[0] === '\\' ? `the escape ${raw.slice(wrong.index, wrong.index + 2)}` : this.found()
    throw new JsonError(`${this.place()}: ${what} is not allowed in a string`)
  }

  private number(): number | bigint {
    NUMBER.lastIndex = this.offset
    const match = NUMBER.exec(this.text)
    const after = this.text[this.offset + (match?.[0].length ?? 0)] ?? ''
    if (match === null || /[\w.+-]/.test(after)) {
      const word = /^[\w.+-]*/.exec(this.text.slice(this.offset, this.offset + MAX_DIGITS))?.[0]
      throw new JsonError(`${this.place()}: ${word} is not a number in JSON`)
    }
    const [token, fraction, exponent] = match
    this.offset += token.length
    const value = Number(token)
    if (isExact(value) || token.length > MAX_DIGITS) return value
    return BigInt(fraction === undefined && exponent === undefined ? token : value)
  }

  private takes(char: string): boolean {
    this.skipSpace()
    if (this.text[this.offset] !== char) return false
    this.offset++
    return true
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.offset)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.offset++
    }
  }

  private place(offset = this.offset): string {
    const before = this.text.slice(0, offset)
    const line = before.split('\n').length
    return `line ${line}, column ${offset - before.lastIndexOf('\n')} (offset ${offset})`
  }

  private found(): string {
    const code = this.text.codePointAt(this.offset)
    if (code === undefined) return 'the end of the text'
    const char = String.fromCodePoint(code)
    const visible = code > 0x20 && code !== 0x7f && code !== 0xfffd
    return visible ? `'${char}'` : `the character U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  }

  private fail(expected: string, open?: number): never {
    const opened = open === undefined ? '' : ` of what opens at ${this.place(open)}`
    const message = `${this.place()}: found ${this.found()}, expected ${expected}${opened}`
    throw new JsonError(message, this.commonMistake())
  }

  private commonMistake(): string | undefined {
    const char = this.text[this.offset]
    if (char === undefined) return 'the file seems to be cut off'
    if (char === '/' || char === '#') return 'JSON has no comments'
    if (char === "'") return 'strings stand in double quotes'
    if ((char === '}' || char === ']') && this.text.slice(0, this.offset).trimEnd().endsWith(',')) {
      return 'remove the comma before it'
    }
    return undefined
  }
}
