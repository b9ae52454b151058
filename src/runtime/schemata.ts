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

/** What the kernel makes of a bandwidth: the next multiple above. */
function rounded(resource: string, value: string, granularityOf: (resource: string) => bigint): string {
  if (!DECIMAL.includes(resource) || !/^\d+$/.test(value)) return value
  const granularity = granularityOf(resource)
  return String(((BigInt(value) + granularity - 1n) / granularity) * granularity)
}

/** How the file differs from a line that is asked for, in words; `granularity` tells that of a resource's bandwidth. */
export function differences(
  asked: string,
  file: string,
  granularity: (resource: string) => bigint = () => 1n,
): string[] {
  const { resource, values } = parse(asked)
  const found = file
    .split('\n')
    .map(parse)
    .find(line => line.resource === resource)
  if (found === undefined) return [`it has no ${resource}`]
  return [...values].flatMap(([cache, value]) => {
    const there = found.values.get(cache)
    if (there === undefined) return [`${resource} has no ${cache}`]
    if (there === value || there === rounded(resource, value, granularity)) return []
    return [`${resource}:${cache} is ${there}`]
  })
}
