// Lines of a schemata file of resctrl, "L3:0=7ff;1=7ff". The kernel pads what it prints, and a line that is written may
// leave out caches, so lines are compared value by value. Document: Documentation/filesystems/resctrl.rst.

/** Those resources whose values are decimal; all others are bit masks in hexadecimal. */
const DECIMAL = ['MB', 'SMBA']

interface Line {
  readonly resource: string
  /** Cache → value. */
  readonly values: ReadonlyMap<string, string>
}

function parse(text: string): Line {
  const [resource = '', values = ''] = text.split(/:(.*)/s)
  const name = resource.trim()
  const pairs = values.split(';').map(pair => pair.split(/=(.*)/s).map(part => part.trim()))
  return { resource: name, values: new Map(pairs.map(([cache = '', value = '']) => [cache, normal(name, value)])) }
}

/** Without leading zeros; what is no number stays as it is. */
function normal(resource: string, value: string): string {
  const isDecimal = DECIMAL.includes(resource)
  if (!(isDecimal ? /^\d+$/ : /^[0-9a-fA-F]+$/).test(value)) return value
  return isDecimal ? BigInt(value).toString() : BigInt(`0x${value}`).toString(16)
}

/** How the file differs from a line that is asked for, in words. */
export function differences(asked: string, file: string): string[] {
  const { resource, values } = parse(asked)
  const found = file
    .split('\n')
    .map(parse)
    .find(line => line.resource === resource)
  if (found === undefined) return [`it has no ${resource}`]
  return [...values]
    .filter(([cache, value]) => found.values.get(cache) !== value)
    .map(([cache]) => {
      const value = found.values.get(cache)
      return value === undefined ? `${resource} has no ${cache}` : `${resource}:${cache} is ${value}`
    })
}
