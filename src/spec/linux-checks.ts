// Rules of `linux` about namespaces, ids, paths and devices that the schema cannot say.
import type { Problem } from '../errors.ts'
import type { Check } from './checks.ts'
import { type Draft, each, unless } from './draft.ts'
import type { IdMapping, Namespace, Spec } from './gen/types.ts'
import { pointer } from './pointer.ts'

const namespace = (spec: Draft<Spec>, type: Namespace['type']): Draft<Namespace> | undefined =>
  spec.linux?.namespaces?.find(item => item?.type === type)

export const namespacesDistinct: Check = ({ linux }) => {
  const seen = new Set<string>()
  return [...each(linux?.namespaces, 'linux', 'namespaces')].flatMap(([{ type, path }, place]) => {
    if (type === undefined) return []
    const first = !seen.has(type)
    seen.add(type)
    return unless(first, place, `malformed spec file: duplicated ns {${type} ${path ?? ''}}`)
  })
}

export const namespacePathAbsolute: Check = ({ linux }) =>
  [...each(linux?.namespaces, 'linux', 'namespaces')].flatMap(([{ path }, place]) => absolute(path, `${place}/path`))

const absolute = (path: string | undefined, place: string): Problem[] =>
  unless(path === undefined || path.startsWith('/'), place, `must be an absolute path; found ${JSON.stringify(path)}`)

/** Longest name that sethostname(2) and setdomainname(2) take, in bytes. */
const MAX_NAME = 64

export const namesNeedUts: Check = spec =>
  (['hostname', 'domainname'] as const).flatMap(property => {
    const name = spec[property]
    if (name === undefined) return []
    const place = pointer(property)
    return [
      ...unless(
        namespace(spec, 'uts') !== undefined,
        place,
        `unable to set ${property} without a private UTS namespace`,
        'add {"type": "uts"} to /linux/namespaces',
      ),
      ...unless(Buffer.byteLength(name) <= MAX_NAME, place, `must have at most ${MAX_NAME} bytes`),
    ]
  })

export const idMappingsMatchNamespace: Check = spec => {
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {}
  const user = namespace(spec, 'user')
  const given = uidMappings.length > 0 || gidMappings.length > 0
  if (user === undefined) {
    const place = uidMappings.length > 0 ? '/linux/uidMappings' : '/linux/gidMappings'
    const message = "user namespace mappings specified, but user namespace isn't enabled in the config"
    return unless(!given, place, message, 'add {"type": "user"} to /linux/namespaces')
  }
  if (user.path !== undefined) return []
  if (!given) {
    const message = 'user namespaces enabled, but no namespace path to join nor mappings to apply specified'
    return unless(false, '/linux/uidMappings', message)
  }
  return [
    ...unless(uidMappings.length > 0, '/linux/uidMappings', 'a new user namespace needs user ids too'),
    ...unless(gidMappings.length > 0, '/linux/gidMappings', 'a new user namespace needs group ids too'),
  ]
}

const MAX_ID = 4294967295
/** user_namespaces(7): lines that a map can have. */
const MAX_RANGES = 340

export const idRangesDistinct: Check = ({ linux }) =>
  (['uidMappings', 'gidMappings'] as const).flatMap(property => {
    const ranges = [...each(linux?.[property], 'linux', property)]
    return [
      ...unless(ranges.length <= MAX_RANGES, pointer('linux', property), `must have at most ${MAX_RANGES} ranges`),
      ...(['containerID', 'hostID'] as const).flatMap(side => overlaps(ranges, side)),
    ]
  })

function overlaps(ranges: readonly [Draft<IdMapping>, string][], side: 'containerID' | 'hostID'): Problem[] {
  const known = ranges.flatMap(([range, place]) => {
    const first = range[side]
    return first === undefined || range.size === undefined ? [] : [{ first, end: first + range.size, place }]
  })
  const problems: Problem[] = []
  known.sort((one, other) => one.first - other.first)
  for (const [index, range] of known.entries()) {
    const before = known[index - 1]
    if (range.end > MAX_ID) {
      problems.push({ pointer: `${range.place}/size`, message: `the range goes beyond the last id ${MAX_ID - 1}` })
    }
    if (before !== undefined && before.end > range.first) {
      problems.push({ pointer: `${range.place}/${side}`, message: `the range overlaps that of ${before.place}` })
    }
  }
  return problems
}

export const timeOffsetsNeedNamespace: Check = spec => {
  if (spec.linux?.timeOffsets === undefined) return []
  const time = namespace(spec, 'time')
  return unless(
    time !== undefined && time.path === undefined,
    '/linux/timeOffsets',
    time === undefined ? 'needs a time namespace' : 'the time namespace that is joined has its own offsets already',
    time === undefined ? 'add {"type": "time"} to /linux/namespaces' : undefined,
  )
}

export const netDevicesNeedNamespace: Check = spec => {
  const devices = Object.entries(spec.linux?.netDevices ?? {})
  // IFNAMSIZ is 16 with the closing NUL; the kernel's dev_valid_name() refuses the rest.
  const isName = (name: string) => /^[^/:\s]{1,15}$/.test(name) && name !== '.' && name !== '..'
  return [
    ...unless(
      devices.length === 0 || namespace(spec, 'network') !== undefined,
      '/linux/netDevices',
      'needs a network namespace',
      'add {"type": "network"} to /linux/namespaces',
    ),
    ...devices.flatMap(([name, device]) => {
      const place = pointer('linux', 'netDevices', name)
      return [
        ...unless(isName(name), place, 'is not the name of a network interface'),
        ...unless(device?.name === undefined || isName(device.name), `${place}/name`, 'is not a name for an interface'),
      ]
    }),
  ]
}

const MASKING = ['maskedPaths', 'readonlyPaths'] as const

export const maskingPathsAbsolute: Check = ({ linux }) =>
  MASKING.flatMap(property =>
    [...each(linux?.[property], 'linux', property)].flatMap(([path, place]) => absolute(path, place)),
  )

export const maskingNeedsMountNamespace: Check = spec =>
  MASKING.flatMap(property =>
    unless(
      (spec.linux?.[property]?.length ?? 0) === 0 || namespace(spec, 'mount') !== undefined,
      pointer('linux', property),
      'unable to restrict sys entries without a private MNT namespace',
      'add {"type": "mount"} to /linux/namespaces',
    ),
  )

export const devicePathAbsolute: Check = ({ linux }) =>
  [...each(linux?.devices, 'linux', 'devices')].flatMap(([{ path }, place]) => absolute(path, `${place}/path`))

export const deviceNumbersGiven: Check = ({ linux }) =>
  [...each(linux?.devices, 'linux', 'devices')].flatMap(([device, place]) =>
    (['major', 'minor'] as const).flatMap(number =>
      unless(
        device.type === undefined || device.type === 'p' || device[number] !== undefined,
        `${place}/${number}`,
        'is missing: every device but a fifo has it',
      ),
    ),
  )
