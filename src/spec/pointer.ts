// JSON Pointers (RFC 6901): how errors, ops and listings name a place in config.json.

/** `pointer('linux', 'sysctl', 'net/a')` is `/linux/sysctl/net~1a`; no part at all is the whole document. */
export function pointer(...parts: readonly (string | number)[]): string {
  let text = ''
  for (const part of parts) text += `/${typeof part === 'number' ? part : escaped(part)}`
  return text
}

const escaped = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1')

/** The pointer's parts, unescaped. Throws RangeError when the text is no pointer. */
export function pointerParts(text: string): string[] {
  if (text === '') return []
  if (!text.startsWith('/') || /~(?![01])/.test(text)) throw new RangeError(`no JSON Pointer: ${JSON.stringify(text)}`)
  const parts = text.slice(1).split('/')
  return parts.map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The value at the pointer, or undefined when the document has none there. */
export function lookUp(document: unknown, text: string): unknown {
  let value = document
  for (const part of pointerParts(text)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}

/** How a pointer is shown to people: `config.json#/mounts/3`. */
export const printPointer = (text: string, file = 'config.json'): string => `${file}#${text}`
