// Rules of `linux` about namespaces, ids, paths and devices that the schema cannot say.
import type { Check } from './draft.ts'
import { type Draft, each, type Report, type Rule } from './draft.ts'
import type { Device, IdMapping, Namespace, Spec } from './gen/types.ts'
import { pointer } from './pointer.ts'

function namespace(spec: Draft<Spec>, type: Namespace['type']): Draft<Namespace> | undefined {
  for (const item of spec.linux?.namespaces ?? []) if (item?.type === type) return item
  return undefined
}

export const namespacesDistinct: Check = ({ linux }, report) => {
  const seen = new Set<string>()
  const first: Rule<Namespace> = ({ type, path }, report) => {
    if (type === undefined) return
    if (seen.has(type)) report('', `malformed spec file: duplicated ns {${type} ${path ?? ''}}`)
    seen.add(type)
  }
  each(linux?.namespaces, '/linux/namespaces', [first], report)
}

function absolute(path: string | undefined, place: string, report: Report): void {
  if (path?.startsWith('/') === false) report(place, `must be an absolute path; found ${JSON.stringify(path)}`)
}

const pathAbsolute: Rule<{ readonly path?: string }> = ({ path }, report) => absolute(path, '/path', report)

export const namespacePathAbsolute: Check = ({ linux }, report) =>
  each(linux?.namespaces, '/linux/namespaces', [pathAbsolute], report)

/** Longest name that sethostname(2) and setdomainname(2) take, in bytes. */
const MAX_NAME = 64

/** No unit of UTF-16 has more than three bytes. */
const isTooLong = (name: string): boolean =>
  3 * name.length > MAX_NAME && new TextEncoder().encode(name).length > MAX_NAME

export const namesNeedUts: Check = (spec, report) => {
  for (const property of ['hostname', 'domainname'] as const) {
    const name = spec[property]
    if (name === undefined) continue
    const place = `/${property}`
    if (namespace(spec, 'uts') === undefined)
      report(
        place,
        `unable to set ${property} without a private UTS namespace`,
        'add {"type": "uts"} to /linux/namespaces',
      )
    if (isTooLong(name)) report(place, `must have at most ${MAX_NAME} bytes`)
  }
}

export const idMappingsMatchNamespace: Check = (spec, report) => {
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {}
  const user = namespace(spec, 'user')
  const given = uidMappings.length > 0 || gidMappings.length > 0
  if (user === undefined) {
    if (!given) return
    const place = uidMappings.length > 0 ? '/linux/uidMappings' : '/linux/gidMappings'
    const message = "user namespace mappings specified, but user namespace isn't enabled in the config"
    report(place, message, 'add {"type": "user"} to /linux/namespaces')
  } else if (user.path !== undefined) return
  else if (!given) {
    const message = 'user namespaces enabled, but no namespace path to join nor mappings to apply specified'
    report('/linux/uidMappings', message)
  } else if (uidMappings.length === 0) report('/linux/uidMappings', 'a new user namespace needs user ids too')
  else if (gidMappings.length === 0) report('/linux/gidMappings', 'a new user namespace needs group ids too')
}

const MAX_ID = 4294967295
/** user_namespaces(7): lines that a map can have. */
const MAX_RANGES = 340

export const idRangesDistinct: Check = ({ linux }, report) => {
  for (const property of ['uidMappings', 'gidMappings'] as const) {
    const ranges = linux?.[property]
    if (ranges === undefined) continue
    const place = `/linux/${property}`
    if (ranges.length > MAX_RANGES) report(place, `must have at most ${MAX_RANGES} ranges`)
    for (const side of ['containerID', 'hostID'] as const) overlaps(ranges, place, side, report)
  }
}

function overlaps(
  ranges: readonly (Draft<IdMapping> | undefined)[],
  path: string,
  side: 'containerID' | 'hostID',
  report: Report,
): void {
  const known = [...ranges.entries()].flatMap(([index, range]) => {
    const first = range?.[side]
    if (first === undefined || range?.size === undefined) return []
    return [{ first, end: first + range.size, place: `${path}/${index}` }]
  })
  known.sort((one, other) => one.first - other.first)
  for (const [index, range] of known.entries()) {
    const before = known[index - 1]
    if (range.end > MAX_ID) report(`${range.place}/size`, `the range goes beyond the last id ${MAX_ID - 1}`)
    if (before !== undefined && before.end > range.first)
      report(`${range.place}/${side}`, `the range overlaps that of ${before.place}`)
  }
}

export const timeOffsetsNeedNamespace: Check = (spec, report) => {
  if (spec.linux?.timeOffsets === undefined) return
  const time = namespace(spec, 'time')
  const place = '/linux/timeOffsets'
  if (time === undefined) report(place, 'needs a time namespace', 'add {"type": "time"} to /linux/namespaces')
  else if (time.path !== undefined) report(place, 'the time namespace that is joined has its own offsets already')
}

/** IFNAMSIZ is 16 with the closing NUL; the kernel's dev_valid_name() refuses the rest. */
const isDeviceName = (name: string): boolean =>
  /^[^/:\s]+$/.test(name) && name !== '.' && name !== '..' && new TextEncoder().encode(name).length < 16

/** "eth%d": the kernel puts the first number for which the name is free. */
const isTemplate = (name: string): boolean => name.split('%d').length === 2 && name.split('%').length === 2

export const netDevicesSound: Check = (spec, report) => {
  const devices = Object.entries(spec.linux?.netDevices ?? {})
  if (devices.length === 0) return
  if (namespace(spec, 'network') === undefined)
    report('/linux/netDevices', 'needs a network namespace', 'add {"type": "network"} to /linux/namespaces')
  const names = new Map<string, string>()
  for (const [name, device] of devices) {
    const place = pointer('linux', 'netDevices', name)
    if (!isDeviceName(name)) report(place, 'is not the name of a network interface')
    const inside = device?.name || name
    if (device?.name && !isDeviceName(inside)) report(`${place}/name`, 'is not a name for an interface')
    else if (device?.name?.includes('%') && !isTemplate(inside))
      report(`${place}/name`, 'may have one "%d", for which the kernel puts a number, and no other "%"')
    const other = isTemplate(inside) ? undefined : names.get(inside)
    if (other !== undefined) report(place, `the name ${inside} inside is already that of ${other}`)
    names.set(inside, place)
  }
}

const MASKING = ['maskedPaths', 'readonlyPaths'] as const

const isAbsolute: Rule<string> = (path, report) => absolute(path, '', report)

export const maskingPathsAbsolute: Check = ({ linux }, report) => {
  for (const property of MASKING) each(linux?.[property], `/linux/${property}`, [isAbsolute], report)
}

export const maskingNeedsMountNamespace: Check = (spec, report) => {
  for (const property of MASKING) {
    if ((spec.linux?.[property]?.length ?? 0) === 0 || namespace(spec, 'mount') !== undefined) continue
    report(
      `/linux/${property}`,
      'unable to restrict sys entries without a private MNT namespace',
      'add {"type": "mount"} to /linux/namespaces',
    )
  }
}

const numbersGiven: Rule<Device> = (device, report) => {
  if (device.type === undefined || device.type === 'p') return
  for (const number of ['major', 'minor'] as const)
    if (device[number] === undefined) report(`/${number}`, 'is missing: every device but a fifo has it')
}

export const devicesSound: Check = ({ linux }, report) =>
  each(linux?.devices, '/linux/devices', [pathAbsolute, numbersGiven], report)
