// Questions and orders to the kernel's network configuration, in the network namespace in which the socket was opened.
// Knows messages and their attributes; what they say is links.ts's. Documents: netlink(7), rtnetlink(7).
import { ERRNO } from '../abi/errno.ts'
import { O } from '../abi/fcntl.ts'
import {
  NETLINK,
  NETLINK_OPTION,
  NLA_TYPE_MASK,
  NLM_F,
  NLM_F_ANSWER,
  NLMSG,
  NLMSGERR_ATTR,
  nlattr,
  nlmsghdr,
  RTM,
  SOL_NETLINK,
} from '../abi/netlink.ts'
import { CLONE } from '../abi/sched.ts'
import { AF, SOCK } from '../abi/socket.ts'
import { SyscallError } from '../errors.ts'
import { Fd } from './fd.ts'
import { namespaceCalls } from './libc-namespaces.ts'
import { socketCalls } from './libc-sockets.ts'
import { receive, send } from './socket.ts'

const ALIGN = 4
const INT = 4
/** More than the kernel puts into one datagram. */
const LARGEST = 64 * 1024
/** Something changes all the time: after so many tries a list is what it is. */
const DUMPS = 10
const ANSWER_MS = 5000

const aligned = (length: number): number => Math.ceil(length / ALIGN) * ALIGN

/** Bytes by the number of the attribute. */
export type Attributes = ReadonlyMap<bigint, Uint8Array>

export interface Request {
  readonly type: keyof typeof RTM.values
  /** Beside NLM_F_REQUEST. */
  readonly flags?: bigint
  /** The struct of the message and its attributes. */
  readonly body: readonly Uint8Array[]
  /** What an error shows. */
  readonly shown: readonly string[]
}

/**
 * Runs `work` with this thread in another network namespace. What it opens stays there. Nothing else of this process
 * can run meanwhile on this thread, and the others are not concerned.
 */
export function inNetworkNamespace<T>(namespace: Fd, work: () => T): T {
  const { CLONE_NEWNET } = CLONE.bits
  using own = ownNetworkNamespace()
  namespaceCalls.setns(namespace.number, CLONE_NEWNET)
  try {
    return work()
  } finally {
    namespaceCalls.setns(own.number, CLONE_NEWNET)
  }
}

export const ownNetworkNamespace = (): Fd => Fd.open('/proc/thread-self/ns/net', O.bits.O_RDONLY)

export class Netlink {
  readonly #socket: Fd
  #sequence = 0

  /** In the network namespace of this thread. */
  constructor() {
    const { SOCK_RAW, SOCK_CLOEXEC } = SOCK.bits
    const protocol = Number(NETLINK.values.NETLINK_ROUTE)
    this.#socket = Fd.adopt(socketCalls.socket(AF.values.AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol))
    const on = new Uint8Array([1, 0, 0, 0])
    const option = Number(NETLINK_OPTION.values.NETLINK_EXT_ACK)
    socketCalls.setsockopt(this.#socket.number, Number(SOL_NETLINK), option, on, on.length)
  }

  /** The bodies of the answers. Throws what the kernel refuses, with its own words as hint. */
  ask(request: Request): Uint8Array[] {
    this.#send(request, NLM_F.bits.NLM_F_ACK)
    return this.#answers(request).bodies
  }

  /** The same for a list, which may take several datagrams. */
  list(request: Request): Uint8Array[] {
    for (let tries = DUMPS; ; tries--) {
      this.#send(request, NLM_F.bits.NLM_F_DUMP)
      const { bodies, interrupted } = this.#answers(request)
      if (!interrupted || tries === 0) return bodies
    }
  }

  #send({ type, flags = 0n, body }: Request, more: bigint): void {
    const content = Buffer.concat(body)
    const header = nlmsghdr.encode({
      nlmsg_len: nlmsghdr.size + content.length,
      nlmsg_type: RTM.values[type],
      nlmsg_flags: NLM_F.bits.NLM_F_REQUEST | more | flags,
      nlmsg_seq: ++this.#sequence,
    })
    send(this.#socket, Buffer.concat([header, content]))
  }

  #answers(request: Request): { bodies: Uint8Array[]; interrupted: boolean } {
    const bodies: Uint8Array[] = []
    let interrupted = false
    for (;;) {
      const datagram = receive(this.#socket, LARGEST, { timeoutMs: ANSWER_MS })?.bytes ?? new Uint8Array()
      for (const { type, flags, sequence, body } of messages(datagram)) {
        if (sequence !== this.#sequence) continue // the rest of a list that was given up
        interrupted ||= (flags & NLM_F.bits.NLM_F_DUMP_INTR) !== 0n
        if (type === NLMSG.values.NLMSG_ERROR || type === NLMSG.values.NLMSG_DONE) {
          refuse(request, flags, body)
          return { bodies, interrupted }
        }
        bodies.push(body)
      }
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}

interface Message {
  readonly type: bigint
  readonly flags: bigint
  readonly sequence: number
  readonly body: Uint8Array
}

function* messages(datagram: Uint8Array): Generator<Message> {
  for (let at = 0; at + nlmsghdr.size <= datagram.length; ) {
    const header = nlmsghdr.decode(datagram.subarray(at))
    const length = Math.max(Number(header.nlmsg_len), nlmsghdr.size)
    const body = datagram.slice(at + nlmsghdr.size, at + length)
    yield { type: header.nlmsg_type, flags: header.nlmsg_flags, sequence: Number(header.nlmsg_seq), body }
    at += aligned(length)
  }
}

/** The answer that ends others begins with a negative errno, 0 for success. */
function refuse({ type, shown }: Request, flags: bigint, body: Uint8Array): void {
  const errno = -intAt(body)
  if (errno === 0) return
  const hint = saidBy(flags, body)
  throw new SyscallError({
    syscall: 'netlink',
    args: [type, ...shown],
    errno: errno > 0 ? errno : ERRNO.EPROTO[0],
    hint,
  })
}

function saidBy(flags: bigint, body: Uint8Array): string | undefined {
  if ((flags & NLM_F_ANSWER.bits.NLM_F_ACK_TLVS) === 0n) return undefined
  const request = nlmsghdr.decode(body.subarray(INT))
  const capped = (flags & NLM_F_ANSWER.bits.NLM_F_CAPPED) !== 0n
  const behind = INT + (capped ? nlmsghdr.size : aligned(Number(request.nlmsg_len)))
  const text = attributesOf(body.subarray(behind)).get(NLMSGERR_ATTR.values.NLMSGERR_ATTR_MSG)
  return text && `the kernel says: ${textOf(text)}`
}

// ---- attributes ----

export function attribute(type: bigint, value: Uint8Array): Uint8Array {
  const length = nlattr.size + value.length
  const bytes = new Uint8Array(aligned(length))
  bytes.set(nlattr.encode({ nla_len: length, nla_type: type }))
  bytes.set(value, nlattr.size)
  return bytes
}

export function attributesOf(bytes: Uint8Array): Attributes {
  const found = new Map<bigint, Uint8Array>()
  for (let at = 0; at + nlattr.size <= bytes.length; ) {
    const { nla_len, nla_type } = nlattr.decode(bytes.subarray(at))
    const length = Math.max(Number(nla_len), nlattr.size)
    found.set(nla_type & NLA_TYPE_MASK, bytes.slice(at + nlattr.size, at + length))
    at += aligned(length)
  }
  return found
}

export function int(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(INT)
  new DataView(bytes.buffer).setInt32(0, Number(BigInt.asIntN(32, BigInt(value))), true)
  return bytes
}

export const intAt = (bytes: Uint8Array): number =>
  bytes.length < INT ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true)

export const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`)

export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString().replace(/\0.*$/s, '')
