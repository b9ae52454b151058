// Device nodes and links of /dev: the default ones of runtime-spec, the asked ones of linux.devices, ptmx.
// Nodes are made relative to a descriptor of their directory inside the root. In a user namespace mknod is not allowed,
// so the host's node of the same path is bound there. When /dev is a bind mount nothing is made in it, as under runc.
// See mknod(2), config-linux.md#devices and #default-devices.
import { AT } from '../abi/fcntl.ts'
import { encodeDevice, S } from '../abi/stat.ts'
import { type Origin, UnsupportedError } from '../errors.ts'
import { fail, jump, label, type Op, type Slot, slot, syscall } from '../program/op.ts'
import type { Device, Mount } from '../spec/gen/types.ts'
import { hasNamespace, type PlanContext } from './context.ts'
import { deviceIs, kindIs, look } from './memory.ts'
import { attach, cloneTree, close } from './mount-calls.ts'
import { isAbsent, noteMade, opening } from './mounted.ts'
import { cleanPath, components, ensureTarget, openInRoot } from './resolve.ts'

export const NULL_DEVICE = [1, 3] as const

const DEFAULT_DEVICES: readonly Device[] = [
  { path: '/dev/null', type: 'c', major: 1, minor: 3 },
  { path: '/dev/zero', type: 'c', major: 1, minor: 5 },
  { path: '/dev/full', type: 'c', major: 1, minor: 7 },
  { path: '/dev/random', type: 'c', major: 1, minor: 8 },
  { path: '/dev/urandom', type: 'c', major: 1, minor: 9 },
  { path: '/dev/tty', type: 'c', major: 5, minor: 0 },
]

const LINKS = [
  { name: 'fd', to: '/proc/self/fd' },
  { name: 'stdin', to: '/proc/self/fd/0' },
  { name: 'stdout', to: '/proc/self/fd/1' },
  { name: 'stderr', to: '/proc/self/fd/2' },
] as const

const PTMX = '/dev/ptmx'

const KIND = { c: S.bits.S_IFCHR, u: S.bits.S_IFCHR, b: S.bits.S_IFBLK, p: S.bits.S_IFIFO } as const
const DEFAULT_MODE = 0o666
const PERMISSIONS = 0o7777n

const isBind = ({ type, options = [] }: Mount): boolean =>
  type === 'bind' || options.includes('bind') || options.includes('rbind')

/** /dev comes from the host as it is: nothing is added to it. */
export const hostMadeDev = (context: PlanContext): boolean =>
  (context.spec.mounts ?? []).some(mount => isBind(mount) && cleanPath(mount.destination) === '/dev')

export function planDevices(context: PlanContext): Op[] {
  if (hostMadeDev(context)) return planElsewhere(context)
  const { devices = [] } = context.spec.linux ?? {}
  const asked = devices.map(({ path }) => cleanPath(path))
  const origin = opening('/dev')
  const dev = context.mounted.has('/dev')
    ? openInRoot(context, '/dev', 'directory', origin)
    : ensureTarget(context, '/dev', 'directory', origin)
  const ops = [...dev.ops]
  for (const device of DEFAULT_DEVICES) {
    if (asked.includes(device.path)) continue // an asked one takes the place of a default
    ops.push(...planDevice(context, device, dev.fd, { intent: `make the default device ${device.path}` }))
  }
  for (const [index, device] of devices.entries()) {
    if (asked[index] === PTMX) continue
    ops.push(...planDevice(context, device, dev.fd, making(device, index)))
  }
  return [...ops, ...planLinks(context, dev.fd), close(dev.fd, origin)]
}

const making = ({ path }: Device, index: number): Origin => ({
  pointer: `/linux/devices/${index}`,
  intent: `make the device ${path}`,
})

/** The host's own /dev is not added to, but the asked ones may be anywhere. */
function planElsewhere(context: PlanContext): Op[] {
  const { devices = [] } = context.spec.linux ?? {}
  const ops: Op[] = []
  for (const [index, device] of devices.entries()) {
    if (cleanPath(device.path).startsWith('/dev/')) continue
    ops.push(...planDevice(context, device, context.slots.root, making(device, index)))
  }
  return ops
}

function planDevice(context: PlanContext, device: Device, dev: Slot, origin: Origin): Op[] {
  const { euid, inUserNamespace } = context.facts
  const isNode = device.type === 'p' || !(hasNamespace(context, 'user') || inUserNamespace || euid !== 0)
  if (!isNode) return bindNode(context, device, origin)
  const parts = components(device.path)
  const name = parts.pop()
  if (name === undefined) throw new UnsupportedError('a device cannot be /', { where: origin.pointer })
  const directory = `/${parts.join('/')}`
  if (directory === '/dev') {
    const path = `/dev/${name}`
    const absent = isAbsent(context, path)
    noteMade(context, path)
    return makeNode(device, dev, name, origin, absent)
  }
  if (directory === '/') return makeNode(device, context.slots.root, name, origin)
  const parent = ensureTarget(context, directory, 'directory', origin)
  return [...parent.ops, ...makeNode(device, parent.fd, name, origin), close(parent.fd, origin)]
}

/** The umask is 0 at this time. What is there already may stay if it is the same device. */
function makeNode(device: Device, parent: Slot, name: string, origin: Origin, isAbsent = false): Op[] {
  const { type, fileMode = DEFAULT_MODE, uid, gid } = device
  const made = label(`${device.path} is made`)
  const done = label(`${device.path} is there`)
  const mode = KIND[type] | (BigInt(fileMode) & PERMISSIONS)
  const number = type === 'p' ? 0n : deviceNumber(device, origin)
  const node = [parent, name] as const
  const owner = [uid ?? 0, gid ?? 0] as const
  const own =
    uid === undefined && gid === undefined
      ? []
      : [syscall('fchownat', [...node, ...owner, AT.bits.AT_SYMLINK_NOFOLLOW], origin)]
  if (isAbsent) return [syscall('mknodat', [...node, mode, number], origin), ...own]
  return [
    syscall('mknodat', [...node, mode, number], origin, { on: { errnos: ['EEXIST'] }, success: made }),
    ...isTheSame(device, parent, name, `${device.path} exists already and is not ${described(device)}`, origin),
    ...(own.length === 0 ? [made] : [jump(done, origin), made, ...own, done]),
  ]
}

/** Ends the program with the sentence if the file is anything but that device. */
function isTheSame(device: Device, parent: Slot, name: string, sentence: string, origin: Origin): Op[] {
  const flags = name === '' ? AT.bits.AT_EMPTY_PATH : AT.bits.AT_SYMLINK_NOFOLLOW
  const looked = look(parent, name, flags, origin)
  const { type, major = 0, minor = 0 } = device
  const why = { ...origin, intent: sentence }
  const kind = fail(0, why, kindIs(looked, 'ne', KIND[type]))
  return type === 'p' ? [looked.op, kind] : [looked.op, kind, fail(0, why, deviceIs(looked, 'ne', major, minor))]
}

const described = ({ type, major = 0, minor = 0 }: Device): string =>
  type === 'p' ? 'a fifo' : `the ${type === 'b' ? 'block' : 'character'} device ${major}:${minor}`

/** mode, uid and gid stay those of the host's node. */
function bindNode(context: PlanContext, device: Device, origin: Origin): Op[] {
  const tree = slot(`the host's ${device.path}`)
  const path = cleanPath(device.path)
  const target = ensureTarget(context, path, 'file', origin)
  return [
    cloneTree(path, origin, { recursive: false, result: tree }),
    ...isTheSame(device, tree, '', `${path} of the host is not ${described(device)}`, origin),
    ...target.ops,
    attach(tree, target.fd, origin),
    close(tree, origin),
    close(target.fd, origin),
  ]
}

/**
 * ptmx is always the one of the container's own devpts, whatever the image has there; without mounts of its own it has
 * none, and the rootfs may be the host's.
 */
function planLinks(context: PlanContext, dev: Slot): Op[] {
  const links = context.facts.kcore ? [...LINKS, { name: 'core', to: '/proc/kcore' }] : LINKS
  const link = (to: string, name: string, rest?: Parameters<typeof syscall>[3]): Op =>
    syscall('symlinkat', [to, dev, name], { intent: `link /dev/${name} to ${to}` }, rest)
  const clear = { intent: `replace ${PTMX}` }
  return [
    ...links.map(({ name, to }) => link(to, name, { on: { errnos: ['EEXIST'] } })),
    ...(hasNamespace(context, 'mount')
      ? [syscall('unlinkat', [dev, 'ptmx', 0], clear, { on: { errnos: ['ENOENT'] } }), link('pts/ptmx', 'ptmx')]
      : []),
  ]
}

const MAJOR_LIMIT = 1 << 12
const MINOR_LIMIT = 1 << 20

function deviceNumber({ major = 0, minor = 0, path }: Device, origin: Origin): bigint {
  if (major < 0 || major >= MAJOR_LIMIT || minor < 0 || minor >= MINOR_LIMIT)
    throw new UnsupportedError(`${path}: no kernel has a device ${major}:${minor}`, { where: origin.pointer })
  return encodeDevice(major, minor)
}
