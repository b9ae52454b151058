// linux.netDevices: moves network devices of the host into the network namespace of the container while init waits.
// A part of parts.ts: loaded only for a config that has the property. Only a create that fails moves them back, so that
// the host is as it was; delete never does: with the namespace the kernel destroys virtual devices and returns physical
// ones to the host, under the names that they have by then.
// Document: config-linux.md#network-devices.

import { O } from '../abi/fcntl.ts'
import { explained } from '../cgroup/group.ts'
import { type Origin, StateError } from '../errors.ts'
import { Fd } from '../host/fd.ts'
import {
  type Address,
  addAddress,
  addressText,
  bringUp,
  findLink,
  type Link,
  lastingAddresses,
  links,
  moveLink,
} from '../host/links.ts'
import { inNetworkNamespace, Netlink, ownNetworkNamespace } from '../host/netlink.ts'
import type { NetDevice } from '../spec/gen/types.ts'
import { pointer } from '../spec/pointer.ts'
import type { Undo } from './undo.ts'

interface Move {
  readonly where: string
  readonly link: Link
  /** The name inside, a template or the one that it has. */
  readonly name: string
  readonly addresses: readonly Address[]
}

interface Networks {
  readonly host: Netlink
  readonly inside: Netlink
  readonly namespace: Fd
}

type Devices = Readonly<Record<string, NetDevice | undefined>>

/** Nothing is moved unless all can be, as far as that can be known. What is moved, `undo` moves back. */
export function moveDevices(init: number, devices: Devices, undo: Undo): void {
  // kept, since init may end and its namespace with it: the kernel destroys virtual devices along with that
  const namespace = undo.keep(Fd.open(`/proc/${init}/ns/net`, O.bits.O_RDONLY))
  mustBeAnother(namespace)
  using host = new Netlink()
  using inside = inNetworkNamespace(namespace, () => new Netlink())
  const networks = { host, inside, namespace }
  const moves = Object.entries(devices).map(([name, device]) => prepared(networks, name, device?.name || undefined))
  for (const move of moves) carryOut(networks, move, name => undo.push(() => takeBack(namespace, move, name)))
}

const takeBack = (namespace: Fd, move: Move, name: string): void =>
  explaining({ pointer: move.where, intent: `move the network device ${move.link.name} back to the host` }, () =>
    moveBack(namespace, move, name),
  )

/** `name` is what the device is called inside. */
function moveBack(namespace: Fd, { where, link, addresses }: Move, name: string): void {
  using own = ownNetworkNamespace()
  using host = new Netlink()
  using inside = inNetworkNamespace(namespace, () => new Netlink())
  const found = findLink(inside, name)
  if (found === undefined)
    throw new StateError(`the network device ${link.name}, ${name} inside, is no longer there`, {
      where,
      isInConfig: true,
    })
  moveLink(inside, found, own, link.name)
  const back = findLink(host, link.name)
  if (back === undefined) return
  for (const address of addresses) addAddress(host, back, address)
  if (link.isUp) bringUp(host, back)
}

function mustBeAnother(namespace: Fd): void {
  using own = ownNetworkNamespace()
  const [one, other] = [namespace.stat(), own.stat()]
  if (one.ino !== other.ino || one.dev !== other.dev) return
  throw new StateError('netDevices: the network namespace of the container is that of the host', {
    where: '/linux/netDevices',
    isInConfig: true,
    hint: 'leave the path of the network namespace out, or join another one',
  })
}

function prepared({ host, inside }: Networks, asked: string, name: string | undefined): Move {
  const where = pointer('linux', 'netDevices', asked)
  const link = findLink(host, asked)
  if (link === undefined) throw new StateError(`the host has no network device ${asked}`, { where, isInConfig: true })
  const wanted = name ?? link.name
  if (!isTemplate(wanted) && findLink(inside, wanted) !== undefined)
    throw new StateError(`the network namespace of the container has a device ${wanted} already`, {
      where,
      isInConfig: true,
      hint: 'give the device another name inside, or "%d" in it for a number that is free',
    })
  return { where, link, name: wanted, addresses: lastingAddresses(host, link) }
}

const isTemplate = (name: string): boolean => name.includes('%')

/** `onMoved` gets the name inside. */
function carryOut(networks: Networks, { where, link, name, addresses }: Move, onMoved: (name: string) => void): void {
  const { host, inside, namespace } = networks
  const explain = (intent: string, work: () => void): void => explaining({ pointer: where, intent }, work)
  const before = isTemplate(name) ? links(inside) : []
  const newName = name === link.name ? undefined : name
  explain(`move the network device ${link.name} into the container`, () => moveLink(host, link, namespace, newName))
  const moved = isTemplate(name) ? newcomer(before, links(inside), name) : findLink(inside, name)
  if (moved === undefined)
    throw new StateError(`the network device ${link.name} is not in the container`, { where, isInConfig: true })
  onMoved(moved.name)
  for (const address of addresses)
    explain(`keep the address ${addressText(address)} of ${moved.name}`, () => addAddress(inside, moved, address))
  explain(`bring the network device ${moved.name} up`, () => bringUp(inside, moved))
}

function explaining(origin: Origin, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw explained(error, origin)
  }
}

function newcomer(before: readonly Link[], after: readonly Link[], template: string): Link | undefined {
  const [start = '', end = ''] = template.split('%d')
  const isNew = ({ index, name }: Link): boolean => !before.some(old => old.index === index && old.name === name)
  return after.find(link => isNew(link) && link.name.startsWith(start) && link.name.endsWith(end))
}
