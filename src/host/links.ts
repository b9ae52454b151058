// Network devices and their addresses: found, moved into another network namespace, named, brought up.
// Document: rtnetlink(7).

import { IFF } from '../abi/net.ts'
import { IFA, IFA_F, IFLA, ifaddrmsg, ifinfomsg, NLM_F, RT_SCOPE } from '../abi/netlink.ts'
import { AF } from '../abi/socket.ts'
import { isErrno } from './errno.ts'
import type { Fd } from './fd.ts'
import { type Attributes, attribute, attributesOf, int, intAt, type Netlink, text, textOf } from './netlink.ts'

export interface Link {
  readonly index: number
  readonly name: string
  readonly isUp: boolean
}

export interface Address {
  readonly family: bigint
  readonly prefixLength: bigint
  readonly flags: bigint
  readonly attributes: Attributes
}

function linkOf(body: Uint8Array): Link {
  const name = attributesOf(body.subarray(ifinfomsg.size)).get(IFLA.values.IFLA_IFNAME)
  const { ifi_index: index, ifi_flags: flags } = ifinfomsg.decode(body)
  return { index: Number(index), name: name ? textOf(name) : '', isUp: (flags & IFF.bits.IFF_UP) !== 0n }
}

/** By its name, or by one of its alternative names. */
export function findLink(netlink: Netlink, name: string): Link | undefined {
  const body = [ifinfomsg.encode({}), attribute(IFLA.values.IFLA_IFNAME, text(name))]
  try {
    const [answer] = netlink.ask({ type: 'RTM_GETLINK', body, shown: [JSON.stringify(name)] })
    return answer && linkOf(answer)
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return undefined
    throw error
  }
}

export const links = (netlink: Netlink): Link[] =>
  netlink.list({ type: 'RTM_GETLINK', body: [ifinfomsg.encode({})], shown: ['all'] }).map(linkOf)

/** Takes the device down; with `name` it gets another one there, in which the kernel puts a number for "%d". */
export function moveLink(netlink: Netlink, link: Link, to: Fd, name: string | undefined): void {
  const body = [ifinfomsg.encode({ ifi_index: link.index }), attribute(IFLA.values.IFLA_NET_NS_FD, int(to.number))]
  if (name !== undefined) body.push(attribute(IFLA.values.IFLA_IFNAME, text(name)))
  const shown = [JSON.stringify(link.name), `IFLA_NET_NS_FD=${to}`, ...(name ? [`IFLA_IFNAME=${name}`] : [])]
  netlink.ask({ type: 'RTM_NEWLINK', body, shown })
}

export function bringUp(netlink: Netlink, { index, name }: Link): void {
  const { IFF_UP } = IFF.bits
  const body = [ifinfomsg.encode({ ifi_index: index, ifi_flags: IFF_UP, ifi_change: IFF_UP })]
  netlink.ask({ type: 'RTM_NEWLINK', body, shown: [JSON.stringify(name), 'IFF_UP'] })
}

/** Those of every family that somebody has given to the device for good, and that mean the same everywhere. */
export function lastingAddresses(netlink: Netlink, { index, name }: Link): Address[] {
  const found: Address[] = []
  const body = [ifaddrmsg.encode({})]
  for (const answer of netlink.list({ type: 'RTM_GETADDR', body, shown: [JSON.stringify(name)] })) {
    const { ifa_family, ifa_prefixlen, ifa_flags, ifa_scope, ifa_index } = ifaddrmsg.decode(answer)
    const attributes = attributesOf(answer.subarray(ifaddrmsg.size))
    const wide = attributes.get(IFA.values.IFA_FLAGS)
    const flags = wide ? BigInt.asUintN(32, BigInt(intAt(wide))) : ifa_flags
    if (Number(ifa_index) !== index || ifa_scope !== RT_SCOPE.values.RT_SCOPE_UNIVERSE) continue
    if ((flags & IFA_F.bits.IFA_F_PERMANENT) === 0n) continue
    found.push({ family: ifa_family, prefixLength: ifa_prefixlen, flags, attributes })
  }
  return found
}

const { IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_FLAGS, IFA_RT_PRIORITY } = IFA.values
/** The label of an address is made of the device's name, which may have changed; the rest the kernel works out. */
const KEPT = [IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_RT_PRIORITY]
const KEPT_FLAGS = IFA_F.bits.IFA_F_NODAD | IFA_F.bits.IFA_F_NOPREFIXROUTE

export function addAddress(netlink: Netlink, link: Link, address: Address): void {
  const { family, prefixLength, flags, attributes } = address
  const head = ifaddrmsg.encode({ ifa_family: family, ifa_prefixlen: prefixLength, ifa_index: link.index })
  const body = [head, attribute(IFA_FLAGS, int(flags & KEPT_FLAGS))]
  for (const type of KEPT) {
    const value = attributes.get(type)
    if (value !== undefined) body.push(attribute(type, value))
  }
  const shown = [JSON.stringify(link.name), addressText(address)]
  netlink.ask({ type: 'RTM_NEWADDR', flags: NLM_F.bits.NLM_F_CREATE | NLM_F.bits.NLM_F_EXCL, body, shown })
}

/** "10.0.0.1/24", "fd00:0:…/64" */
export function addressText({ family, prefixLength, attributes }: Address): string {
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? new Uint8Array()
  if (family === AF.values.AF_INET) return `${bytes.join('.')}/${prefixLength}`
  const words = Array.from({ length: bytes.length / 2 }, (_, i) =>
    Buffer.from(bytes)
      .readUInt16BE(2 * i)
      .toString(16),
  )
  return `${words.join(':')}/${prefixLength}`
}
